"""Episodes -> episodes with the voices alone (MCLP 5.1): no music, no noise.

An episode's vocals are kept in the result store by the hash of the media file and of all that made
them, so nothing is separated twice. Sentences whose sound is not there are rejected: all of an
episode without decodable sound, and those that end after the sound does. The others stay.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from pipelines import files, progress
from pipelines.backends.media_settings import SeparateSettings
from pipelines.backends.separator import Separator, make_separator
from pipelines.errors import StageFailed
from pipelines.sound import Hole, SoundUnreadable
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.episode_rows import tally_sentences
from pipelines.stages.vocals import VERSION, VocalsFacts, write_vocals
from pipelines.store import Store, file_sha256, result_key
from schemas import Episode, Reason, Rejection, Sentence, record_of, table_of

VOCALS_SUFFIX = ".flac"
FACTS_SUFFIX = ".json"  # written last: the mark of done


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Separated:
    """An episode's vocals, and what they were made of."""

    uri: str
    facts: VocalsFacts
    sound: str  # "video" or "audio"
    media_uri: str
    computed: bool  # in this run


class SeparateStage(TableStage):
    """Episode -> Episode with ``vocals_uri``. Rejects AUDIO_UNREADABLE and AUDIO_TRUNCATED."""

    name = "separate"
    unit = "sentence"
    record_type = Episode
    chunk_rows = 1  # what is done of an episode is lost when the process dies, and no more

    def __init__(
        self, source: str, settings: SeparateSettings, store: str, limit: int | None = None
    ) -> None:
        """Takes the folder of the results; ``limit`` is the most episodes of each part."""
        super().__init__(source)
        self.limit = limit
        self._settings = settings
        self._store = Store(store)
        self._separator: Separator | None = None

    def setup(self) -> None:
        """Makes the separator; its weights are loaded when there is something to separate."""
        self._separator = make_separator(self._settings)

    def teardown(self) -> None:
        """Gives the model's memory back."""
        self._separator = None

    @property
    def backend(self) -> str:
        """Backend and model."""
        return self._model().name

    def transform(self, chunk: pa.Table) -> Block:
        """Separates one chunk's episodes, those whose vocals are not in the store yet."""
        episodes: list[Episode] = []
        rejections: list[Rejection] = []
        counts, run = Counter({"audios_in": chunk.num_rows}), Counter[str]()
        for row in chunk.to_pylist():
            episode = record_of(Episode, row)
            found = self._separate(episode)
            if isinstance(found, SoundUnreadable):
                rejections += [
                    _rejection(sentence, Reason.AUDIO_UNREADABLE, str(found), episode.url)
                    for sentence in episode.sentences
                ]
                continue
            kept, beyond = self._within(episode, found)
            rejections += beyond
            counts += _counts(found)
            run["computed" if found.computed else "stored"] += 1
            if found.computed:
                run["audio_seconds"] += round(found.facts.seconds)
            if kept:
                episodes.append(dataclasses.replace(episode, sentences=kept, vocals_uri=found.uri))
        counts["audios_out"] = len(episodes)
        rows = table_of(Episode, episodes)
        return Block(rows=rows, rejections=rejections, counts=counts, run=run)

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_sentences(rows)

    def stored(self, episode: Episode) -> bool:
        """Whether the preferred file's vocals are in the store; reads the file, for its hash.

        Raises:
            StageFailed: the media file is gone.
            UsageError: the model's weights cannot be found.
        """
        preferred = next(self._media(episode), None)
        if preferred is None:
            return False
        return self._store.find(self._key(preferred[1]), FACTS_SUFFIX) is not None

    def _separate(self, episode: Episode) -> Separated | SoundUnreadable:
        """The vocals of the preferred file, or of the other one where that has no sound."""
        problems: list[str] = []
        for sound, uri in self._media(episode):
            try:
                facts, vocals, computed = self._of_file(uri, episode)
            except SoundUnreadable as error:
                problems.append(str(error))
                continue
            return Separated(uri=vocals, facts=facts, sound=sound, media_uri=uri, computed=computed)
        return SoundUnreadable("; ".join(problems) or "neither video nor audio is at hand")

    def _media(self, episode: Episode) -> Iterator[tuple[str, str]]:
        uris = {"video": episode.video_uri, "audio": episode.audio_uri}
        for sound in sorted(uris, key=lambda kind: kind != self._settings.sound):
            uri = uris[sound]
            if uri is not None:
                if not files.exists(uri):
                    raise StageFailed(
                        f"{uri}: gone, though the record of {episode.id} names it; "
                        f"run python -m pipelines.fetch --source {self.source} again"
                    )
                yield sound, uri

    def _of_file(self, uri: str, episode: Episode) -> tuple[VocalsFacts, str, bool]:
        """Facts and path of a file's vocals, and whether they were made just now."""
        key = self._key(uri)
        vocals = self._store.path(key, VOCALS_SUFFIX)
        known = self._store.find(key, FACTS_SUFFIX)
        if known is not None and files.exists(vocals):
            return _read_facts(known), vocals, False

        def show(seconds: float) -> None:
            done = sum(one.start + one.duration <= seconds for one in episode.sentences)
            progress.live(done, Counter())

        # Not straight into the store: an encoder of FLAC goes back to write its header, which not
        # every file system can. The file has no name, so a killed process leaves none behind.
        with tempfile.TemporaryFile() as encoded:
            facts = write_vocals(uri, self._model(), self._settings, encoded, show)
            encoded.seek(0)
            with self._store.write(key, VOCALS_SUFFIX) as stream:
                shutil.copyfileobj(encoded, stream, 1 << 20)
        with self._store.write(key, FACTS_SUFFIX) as stream:
            stream.write(_facts_json(facts, self._made_by()))
        return facts, vocals, True

    def _key(self, uri: str) -> str:
        return result_key(self._made_by(), {"media_sha256": file_sha256(uri)})

    def _made_by(self) -> Mapping[str, object]:
        return {
            "separator": dict(self._model().identity),
            "chunk_s": self._settings.chunk_s,
            "overlap_s": self._settings.overlap_s,
            "sample_rate_hz": self._settings.sample_rate_hz,
            "version": VERSION,
        }

    def _model(self) -> Separator:
        if self._separator is None:
            self._separator = make_separator(self._settings)
        return self._separator

    def _within(
        self, episode: Episode, found: Separated
    ) -> tuple[tuple[Sentence, ...], list[Rejection]]:
        """The sentences whose sound is there, and rejections of the others."""
        end = found.facts.seconds + self._settings.max_missing_s
        kept = tuple(one for one in episode.sentences if one.start + one.duration <= end)
        rejections = [
            _rejection(
                one,
                Reason.AUDIO_TRUNCATED,
                f"ends at {one.start + one.duration:.3f} s, the sound {found.facts.seconds:.3f} s",
                found.media_uri,
            )
            for one in episode.sentences
            if one.start + one.duration > end
        ]
        return kept, rejections


def _counts(found: Separated) -> Counter[str]:
    """What is the same however often it is counted: nothing of this run."""
    filled = sum(hole.duration for hole in found.facts.holes)
    return Counter(
        {
            f"sound_of_{found.sound}": 1,
            "sound_holes": len(found.facts.holes),
            "sound_hole_ms": round(1000 * filled),
        }
    )


def _rejection(sentence: Sentence, reason: Reason, detail: str, location: str) -> Rejection:
    return Rejection(
        record_id=sentence.id,
        stage=SeparateStage.name,
        reason=reason,
        detail=detail,
        location=location,
        duration=sentence.duration,
    )


def _facts_json(facts: VocalsFacts, made_by: Mapping[str, object]) -> bytes:
    plain = {**dataclasses.asdict(facts), "made_by": made_by}
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def _read_facts(path: str) -> VocalsFacts:
    try:
        plain: dict[str, Any] = orjson.loads(files.read_text(path))
        holes = tuple(Hole(**hole) for hole in plain["holes"])
        return VocalsFacts(int(plain["frames"]), int(plain["sample_rate_hz"]), holes)
    except (ValueError, KeyError, TypeError) as error:
        raise StageFailed(
            f"{path}: not what this stage wrote there ({error}); delete it and run again"
        ) from error
