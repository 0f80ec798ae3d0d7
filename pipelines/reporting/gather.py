"""Stage folders -> report facts. Reads ``stage.json``, run facts and a bounded sample of rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from pipelines import files
from pipelines.audio_bytes import AudioReader
from pipelines.errors import UsageError
from pipelines.reporting import drama
from pipelines.reporting.distributions import read_labels
from pipelines.reporting.facts import CorpusReport, Report, StageReport
from pipelines.reporting.rejected import read_rejected
from pipelines.reporting.samples import read_examples
from pipelines.reporting.scene_samples import read_scenes
from pipelines.reporting.sound import PAGE_BYTES, SoundBudget
from pipelines.stage import StageOutput, open_stage

VERBS = ("ingest", "annotate", "select", "emit")  # the stages of a corpus, in order
LABELLED = ("ingest", "annotate", "emit")  # of a labelled one
SAMPLES = 12  # of each source and of each reason


def gather(root: str, sources: Mapping[str, Sequence[str]], samples: int = SAMPLES) -> Report:
    """Everything the report shows of the corpora under ``root``.

    Args:
        root: folder that holds a folder for each source.
        sources: name -> its stages in order: :data:`VERBS`, :data:`LABELLED`, or
            :data:`drama.VERBS` where the corpus is made of whole recordings.
        samples: utterances or scenes of each source, and rejected records of each reason, at most.

    Raises:
        UsageError: no stage of any source is finished, or a fact file is damaged.
        StageFailed: a Parquet file that a sample is taken from is damaged.
    """
    with AudioReader() as reader:
        corpora = [  # each with its part of what fits on one page
            gather_corpus(root, source, verbs, samples, reader, PAGE_BYTES // len(sources))
            for source, verbs in sources.items()
        ]
    if not any(corpus.stages for corpus in corpora):
        first, verbs = next(iter(sources.items()))
        raise UsageError(
            f"{root}: no finished stage of {', '.join(sources)}; "
            f"run {command(verbs[0], first)} first"
        )
    return Report(corpora=tuple(corpora))


def gather_corpus(
    root: str,
    source: str,
    verbs: Sequence[str],
    samples: int,
    reader: AudioReader,
    sound_bytes: int,
) -> CorpusReport:
    """One corpus; stages that have not finished are named, not guessed at.

    Args:
        root: folder that holds a folder for each source.
        source: name of the corpus.
        verbs: its stages in order.
        samples: utterances or scenes, and rejected records of each reason, at most.
        reader: of the utterances' audio.
        sound_bytes: encoded audio of the corpus on each page, at most.

    Raises:
        UsageError: a fact file is damaged.
        StageFailed: a Parquet file that a sample is taken from is damaged.
    """
    outputs: list[StageOutput] = []
    missing: list[str] = []
    for verb in verbs:
        folder = files.join(root, source, verb)
        if files.exists(files.join(folder, "stage.json")):
            outputs.append(open_stage(folder, made_by=command(verb, source)))
        else:
            missing.append(verb)
    reasons = sum(bool(rows) for one in outputs for rows in one.facts.rejected.values())
    for_reason = sound_bytes // max(reasons, 1)
    stages = tuple(
        StageReport(
            facts=output.facts,
            run=read_run_facts(output.folder),
            rejected=read_rejected(output, before, samples, reader, for_reason),
        )
        for before, output in zip([None, *outputs], outputs, strict=False)
    )
    corpus = CorpusReport(source=source, stages=stages, missing=tuple(missing))
    budget = SoundBudget(reader, sound_bytes)
    if tuple(verbs) == drama.VERBS:
        examples_stage, scenes = read_scenes(outputs, budget, samples)
        return dataclasses.replace(
            corpus,
            examples_stage=examples_stage,
            scenes=scenes,
            drama=drama.gather_drama(root, source, outputs),
        )
    examples_stage, examples = read_examples(outputs, budget, samples)
    labels = read_labels(outputs) if tuple(verbs) == LABELLED else ()
    return dataclasses.replace(
        corpus, examples=examples, examples_stage=examples_stage, labels=labels
    )


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
