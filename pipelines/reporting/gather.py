"""Stage folders -> report facts. Reads ``stage.json``, run facts and a bounded sample of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pipelines.audio_bytes import AudioReader
from pipelines.errors import UsageError
from pipelines.reporting import drama
from pipelines.reporting.distributions import read_labels
from pipelines.reporting.facts import CorpusReport, Report
from pipelines.reporting.samples import read_examples
from pipelines.reporting.scene_samples import read_scenes
from pipelines.reporting.sound import PAGE_BYTES, SoundBudget
from pipelines.reporting.stage_reports import command, read_stages
from pipelines.reporting.training_sets import VERBS as SET_VERBS
from pipelines.reporting.training_sets import gather_set
from pipelines.stages.set_settings import SetSettings

VERBS = ("ingest", "annotate", "select", "emit")  # the stages of a corpus, in order
LABELLED = ("ingest", "annotate", "emit")  # of a labelled one
SAMPLES = 12  # of each source and of each reason


def gather(
    root: str,
    sources: Mapping[str, Sequence[str]],
    samples: int = SAMPLES,
    sets: Mapping[str, SetSettings] | None = None,
) -> Report:
    """Everything the report shows of the corpora and training sets under ``root``.

    Args:
        root: folder that holds a folder for each source.
        sources: name -> its stages in order: :data:`VERBS`, :data:`LABELLED`, or
            :data:`drama.VERBS` where the corpus is made of whole recordings.
        samples: utterances or scenes of each source, rows of each set, and rejected records of each
            reason, at most.
        sets: name -> how it is composed, of the training sets that are to be shown.

    Raises:
        UsageError: no stage of any source or set is finished, or a fact file is damaged.
        StageFailed: a Parquet file that a sample is taken from is damaged.
    """
    sets = sets or {}
    sound_bytes = PAGE_BYTES // (len(sources) + len(sets))  # each has its part of a page
    with AudioReader() as reader:
        corpora = tuple(
            gather_corpus(root, source, verbs, samples, reader, sound_bytes)
            for source, verbs in sources.items()
        )
        composed = tuple(
            gather_set(root, name, settings, samples, reader, sound_bytes)
            for name, settings in sets.items()
        )
    if not any(one.stages for one in (*corpora, *composed)):
        first, verbs = next(iter([*sources.items(), *((name, SET_VERBS) for name in sets)]))
        raise UsageError(
            f"{root}: no finished stage of {', '.join([*sources, *sets])}; "
            f"run {command(verbs[0], first)} first"
        )
    return Report(corpora=corpora, sets=composed)


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
    outputs, corpus = read_stages(root, source, verbs, samples, reader, sound_bytes)
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
