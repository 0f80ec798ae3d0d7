"""Stage folders -> report facts. Reads ``stage.json``, run facts and a bounded sample of rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from pipelines import files
from pipelines.audio_bytes import AudioReader
from pipelines.errors import UsageError
from pipelines.reporting import drama
from pipelines.reporting.facts import CorpusReport, Report, StageReport
from pipelines.reporting.samples import read_examples, read_rejected
from pipelines.reporting.scene_samples import read_scenes
from pipelines.reporting.sound import PAGE_BYTES, PLAYERS, SoundBudget
from pipelines.stage import StageOutput, open_stage

VERBS = ("ingest", "annotate", "select", "emit")  # the stages of a corpus, in order
LABELLED = ("ingest", "annotate", "emit")  # of a labelled one


def gather(root: str, sources: Mapping[str, Sequence[str]]) -> Report:
    """Everything the report shows of the corpora under ``root``.

    Args:
        root: folder that holds a folder for each source.
        sources: name -> its stages in order: :data:`VERBS`, :data:`LABELLED`, or
            :data:`drama.VERBS` where the corpus is made of whole recordings.

    Raises:
        UsageError: no stage of any source is finished, or a fact file is damaged.
        StageFailed: a Parquet file that a sample is taken from is damaged.
    """
    corpora = []
    with AudioReader() as reader:
        for source, verbs in sources.items():  # each with its part of what fits on one page
            budget = SoundBudget(reader, PLAYERS // len(sources), PAGE_BYTES // len(sources))
            corpora.append(gather_corpus(root, source, verbs, budget))
    if not any(corpus.stages for corpus in corpora):
        first, verbs = next(iter(sources.items()))
        raise UsageError(
            f"{root}: no finished stage of {', '.join(sources)}; "
            f"run {command(verbs[0], first)} first"
        )
    return Report(corpora=tuple(corpora))


def gather_corpus(
    root: str, source: str, verbs: Sequence[str], budget: SoundBudget
) -> CorpusReport:
    """One corpus; stages that have not finished are named, not guessed at.

    Raises:
        UsageError: a fact file is damaged.
        StageFailed: a Parquet file that a sample is taken from is damaged.
    """
    outputs: list[StageOutput] = []
    stages: list[StageReport] = []
    missing: list[str] = []
    for verb in verbs:
        folder = files.join(root, source, verb)
        if not files.exists(files.join(folder, "stage.json")):
            missing.append(verb)
            continue
        output = open_stage(folder, made_by=command(verb, source))
        outputs.append(output)
        stages.append(
            StageReport(
                facts=output.facts, run=read_run_facts(folder), rejected=read_rejected(output)
            )
        )
    corpus = CorpusReport(source=source, stages=tuple(stages), missing=tuple(missing))
    if tuple(verbs) == drama.VERBS:
        by_stage = {stage.facts.stage: stage.facts for stage in stages}
        examples_stage, scenes = read_scenes(outputs)
        return dataclasses.replace(
            corpus,
            examples_stage=examples_stage,
            scenes=scenes,
            drama=drama.gather_drama(root, source, by_stage),
        )
    examples_stage, examples = read_examples(outputs, budget)
    return dataclasses.replace(corpus, examples=examples, examples_stage=examples_stage)


def command(verb: str, source: str) -> str:
    """What a person types to run a stage."""
    return f"python -m pipelines.{verb} --source {source}"


def read_run_facts(folder: str) -> dict[str, float]:
    """The numbers of ``<folder>.run.json``; none when the file is not there.

    The file lies outside the folder and is not under version control, so a copied corpus may
    well come without it.

    Raises:
        UsageError: the file is not a JSON object.
    """
    path = folder.rstrip("/") + ".run.json"
    if not files.exists(path):
        return {}
    try:
        content = json.loads(files.read_text(path))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not JSON: {error}; delete it or run the stage again") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not a JSON object; delete it or run the stage again")
    return {
        name: number
        for name, number in content.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }
