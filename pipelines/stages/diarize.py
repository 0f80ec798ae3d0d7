"""Episodes -> episodes with their speech turns, and a speaker for every sentence (MCLP 5.1).

The turns of a recording are kept in the results folder as RTTM under the hash of everything they
depend on; a copy with the recording's id is in the output folder, ``rttm/<id>.rttm``. No sentence
is dropped for want of a speaker: ``select`` does that, and counts them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from contextlib import AbstractContextManager

import pyarrow as pa

from manifests.keys import cut_key
from pipelines import files, progress
from pipelines.backends.diarizer import Diarizer, make_diarizer
from pipelines.backends.media_settings import DiarizeSettings, QualitySettings
from pipelines.errors import StageFailed
from pipelines.sound import SoundUnreadable
from pipelines.stage import Block, TableStage, Tally, Writer
from pipelines.stages.assign import AssignSettings, assign_speakers
from pipelines.stages.columns import with_columns
from pipelines.stages.quality import SentenceQuality
from pipelines.stages.rttm import RttmError, read_rttm, write_rttm
from pipelines.stages.scene_rows import tally_lines
from pipelines.stages.speech_turns import VERSION, diarize_file
from pipelines.store import Store, file_sha256, result_key
from pipelines.writer import PartWriter
from schemas import Episode, Reason, Rejection, Sentence, arrow_schema, record_of, table_of
from schemas.episode import SpeechTurn

SUFFIX = ".rttm"
BINS = 10  # of a share from 0 to 1, in the counts


class DiarizeStage(TableStage):
    """Episode -> Episode with ``speech_turns`` and assigned sentences.

    Rejects AUDIO_UNREADABLE: all sentences of an episode without vocals, or with broken ones.
    """

    name = "diarize"
    unit = "sentence"
    record_type = Episode
    output_patterns = (*TableStage.output_patterns, "rttm/*.rttm")
    chunk_rows = 1  # what is done of an episode is lost when the process dies, and no more

    def __init__(
        self,
        source: str,
        settings: DiarizeSettings,
        assign: AssignSettings,
        quality: QualitySettings,
        store: str,
        limit: int | None = None,
    ) -> None:
        """Takes the folder of the results; ``limit`` is the most episodes of each part."""
        super().__init__(source)
        self.limit = limit
        self._settings, self._assign, self._quality = settings, assign, quality
        self._store = Store(store)
        self._diarizer: Diarizer | None = None
        self._ratings: SentenceQuality | None = None

    def setup(self) -> None:
        """Makes the models; weights are loaded when there is something to hear."""
        self._diarizer = make_diarizer(self._settings)

    def teardown(self) -> None:
        """Gives the models' memory back."""
        self._diarizer = self._ratings = None

    @property
    def backend(self) -> str:
        """Backend and model of the diarizer."""
        return self._model().name

    def open_writer(self, output: str, index: int, element: str) -> AbstractContextManager[Writer]:
        """Parts as any stage writes them, and an RTTM file a recording."""
        return _WriterWithRttm(output, index, arrow_schema(Episode), self.rows_per_file)

    def transform(self, chunk: pa.Table) -> Block:
        """Diarizes one chunk's episodes, those whose turns are not in the store yet."""
        episodes: list[Episode] = []
        rejections: list[Rejection] = []
        counts, run = Counter({"audios_in": chunk.num_rows}), Counter[str]()
        for row in chunk.to_pylist():
            episode = record_of(Episode, row)
            try:
                diarized = self._diarize(episode, run)
            except SoundUnreadable as error:
                rejections += [_rejection(one, str(error), episode) for one in episode.sentences]
                continue
            counts += _counts(diarized)
            episodes.append(diarized)
        counts["audios_out"] = len(episodes)
        return Block(
            rows=table_of(Episode, episodes), rejections=rejections, counts=counts, run=run
        )

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences, and the speakers that they were given."""
        return tally_lines(rows.column("id"), rows.column("sentences"))

    def stored(self, episode: Episode) -> bool:
        """Whether the episode's turns are in the store; reads its vocals, for the hash.

        Raises:
            StageFailed: the vocals are gone.
            UsageError: the model's weights cannot be found.
        """
        return episode.vocals_uri is not None and (
            self._store.find(self._key(self._vocals(episode)), SUFFIX) is not None
        )

    def _diarize(self, episode: Episode, run: Counter[str]) -> Episode:
        vocals = self._vocals(episode)
        key = self._key(vocals)
        known = self._store.find(key, SUFFIX)
        if known is not None:
            turns = _read_turns(known, key)
        else:
            turns = self._compute(vocals, key, episode)
            run["audio_seconds"] += round(episode.duration)
        run["stored" if known is not None else "computed"] += 1
        sentences = assign_speakers(episode.sentences, turns, self._assign)
        scores: list[float | None] = [None] * len(sentences)
        if self._quality.backend == "dnsmos":
            self._ratings = self._ratings or SentenceQuality(self._quality, self._store)
            scores, computed = self._ratings.rate(vocals, sentences)
            run["rated" if computed else "ratings_stored"] += 1
        return dataclasses.replace(
            episode, speech_turns=turns, sentences=tuple(with_columns(sentences, dnsmos=scores))
        )

    def _compute(self, vocals: str, key: str, episode: Episode) -> tuple[SpeechTurn, ...]:
        def show(seconds: float) -> None:
            done = sum(one.start + one.duration <= seconds for one in episode.sentences)
            progress.live(done, Counter())

        turns = diarize_file(vocals, self._model(), self._settings.chunk_s, show)
        with self._store.write(key, SUFFIX) as stream:
            stream.write(write_rttm(key, turns).encode())
        return turns

    def _vocals(self, episode: Episode) -> str:
        if episode.vocals_uri is None:
            raise SoundUnreadable(f"{episode.id}: no separated vocals (vocals_uri is empty)")
        if not files.exists(episode.vocals_uri):
            raise StageFailed(
                f"{episode.vocals_uri}: gone, though the record of {episode.id} names it; "
                f"run python -m pipelines.separate --source {self.source} again"
            )
        return episode.vocals_uri

    def _key(self, vocals: str) -> str:
        made_by = {
            "diarizer": dict(self._model().identity),
            "chunk_s": self._settings.chunk_s,
            "link_distance": self._model().link_distance,
            "version": VERSION,
        }
        return result_key(made_by, {"vocals_sha256": file_sha256(vocals)})

    def _model(self) -> Diarizer:
        if self._diarizer is None:
            self._diarizer = make_diarizer(self._settings)
        return self._diarizer


class _WriterWithRttm(PartWriter):
    def write(self, rows: pa.Table, rejections: list[Rejection]) -> None:
        """Appends rows and rejections, and writes the rows' turns as RTTM."""
        super().write(rows, rejections)
        for row in rows.select(["id", "speech_turns"]).to_pylist():
            name = cut_key(row["id"])  # the id is outside data, and would be a path
            turns = (SpeechTurn(**turn) for turn in row["speech_turns"])
            files.write_text(
                files.join(self._folder, "rttm", name + SUFFIX), write_rttm(name, turns)
            )


def share_bin(share: float) -> int:
    """The number of the tenth that a share from 0 to 1 lies in; 1 is in the last one.

    >>> share_bin(0.0), share_bin(0.37), share_bin(1.0)
    (0, 3, 9)
    """
    return min(int(share * BINS), BINS - 1)


def _counts(episode: Episode) -> Counter[str]:
    """What is the same however often it is counted: nothing of this run."""
    counts = Counter(
        speakers=len({turn.speaker for turn in episode.speech_turns}),
        speech_turns=len(episode.speech_turns),
        speech_seconds=round(sum(turn.duration for turn in episode.speech_turns)),
    )
    for sentence in episode.sentences:
        counts.update(f"assign.{flag}" for flag in sentence.flags or ("clear",))
        counts[f"overlap.{share_bin(sentence.overlap_ratio or 0.0)}"] += 1
        counts[f"margin.{share_bin(sentence.margin or 0.0)}"] += 1
    return counts


def _read_turns(path: str, key: str) -> tuple[SpeechTurn, ...]:
    try:
        return read_rttm(files.read_text(path), path).get(key, ())
    except RttmError as error:
        raise StageFailed(f"{error}; delete the file and run again") from error


def _rejection(sentence: Sentence, detail: str, episode: Episode) -> Rejection:
    return Rejection(
        record_id=sentence.id,
        stage=DiarizeStage.name,
        reason=Reason.AUDIO_UNREADABLE,
        detail=detail,
        location=episode.vocals_uri or episode.url,
        duration=sentence.duration,
    )
