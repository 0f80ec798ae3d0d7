"""A composed training set as the report shows it: a corpus of two stages, and what is in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pipelines import files
from pipelines.audio_bytes import AudioReader
from pipelines.reporting.facts import CorpusReport
from pipelines.reporting.set_counts import count_set
from pipelines.reporting.set_facts import TrainingSet
from pipelines.reporting.set_kinds import kinds_of
from pipelines.reporting.set_samples import read_spoken, read_unspoken
from pipelines.reporting.set_targets import targets
from pipelines.reporting.sound import SoundBudget
from pipelines.reporting.stage_reports import COMPOSE, command, read_stages
from pipelines.stage import open_stage
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.set_settings import DecouplingSettings, SetSettings

VERBS = (COMPOSE, "emit")  # the stages of a set, in order


def gather_set(
    root: str,
    name: str,
    settings: SetSettings,
    samples: int,
    reader: AudioReader,
    sound_bytes: int,
) -> CorpusReport:
    """One set; what is not finished is named, not guessed at.

    Args:
        root: folder that holds a folder for each source and set.
        name: of the set.
        settings: how it is composed.
        samples: of its rows, and of rejected records of each reason, at most.
        reader: of the utterances' audio.
        sound_bytes: encoded audio of the set on each page, at most.

    Raises:
        UsageError: a fact file is damaged.
        StageFailed: a Parquet file that is counted or sampled is damaged.
    """
    texts: list[str] = []  # parts that it is composed of, and that lend it voices
    voices: list[str] = []
    if not isinstance(settings, InstructionSetSettings):
        texts = _parts(root, settings.sources, settings.stage)
    if isinstance(settings, DecouplingSettings):
        voices = _parts(root, settings.reference_sources, settings.stage)
    outputs, corpus = read_stages(root, name, VERBS, samples, reader, sound_bytes, texts)
    composed = next((one for one in outputs if one.facts.stage == COMPOSE), None)
    if composed is None:
        return corpus
    spoken = not isinstance(settings, InstructionSetSettings)
    found = count_set(composed.parts, spoken=spoken)
    if spoken:
        shown = read_spoken(composed.parts, voices, SoundBudget(reader, sound_bytes), samples)
    else:
        shown = read_unspoken(composed.parts, samples)
    return dataclasses.replace(
        corpus,
        examples_stage=composed.facts.stage,
        training_set=TrainingSet(
            kind=settings.kind,
            prompts=found.prompts,
            languages=found.languages,
            sources=found.sources,
            kinds=kinds_of(settings.kind, composed.facts.counts),
            targets=targets(settings, composed.facts, found),
            samples=shown,
        ),
    )


def _parts(root: str, sources: Sequence[str], stage: str) -> list[str]:
    """The parts that compose read, in its order; a source that is not there any more has none."""
    found: list[str] = []
    for folder, source in sorted((files.join(root, one, stage), one) for one in sources):
        if files.exists(files.join(folder, "stage.json")):
            found += open_stage(folder, command(stage, source)).parts
    return found
