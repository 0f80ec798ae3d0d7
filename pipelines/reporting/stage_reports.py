"""The finished stages of one folder of stages: facts, run facts, samples of what was rejected."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipelines import files
from pipelines.audio_bytes import AudioReader
from pipelines.errors import UsageError
from pipelines.reporting.facts import CorpusReport, StageReport
from pipelines.reporting.rejected import read_rejected
from pipelines.stage import StageOutput, open_stage

COMPOSE = "compose"  # of a training set; its command takes a set and no source


def command(verb: str, source: str) -> str:
    """What a person types to run a stage.

    >>> command("emit", "s1"), command("compose", "s1")
    ('python -m pipelines.emit --source s1', 'python -m pipelines.compose --set s1')
    """
    return f"python -m pipelines.{verb} --{'set' if verb == COMPOSE else 'source'} {source}"


def read_stages(
    root: str,
    source: str,
    verbs: Sequence[str],
    samples: int,
    reader: AudioReader,
    sound_bytes: int,
    first_read: Sequence[str] = (),
) -> tuple[list[StageOutput], CorpusReport]:
    """The finished stages in order, and what every report says of them.

    Args:
        root: folder that holds a folder for each source.
        source: name of the corpus, or of the training set.
        verbs: its stages in order.
        samples: rejected records of each reason, at most.
        reader: of the utterances' audio.
        sound_bytes: encoded audio of all reasons together, at most.
        first_read: the parts that the first stage read, where there are any.

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
    read = [first_read, *(output.parts for output in outputs)]
    stages = tuple(
        StageReport(
            facts=output.facts,
            run=read_run_facts(output.folder),
            rejected=read_rejected(output, before, samples, reader, for_reason),
        )
        for before, output in zip(read, outputs, strict=False)
    )
    return outputs, CorpusReport(source=source, stages=stages, missing=tuple(missing))


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
