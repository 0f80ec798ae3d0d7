"""WenetSpeech.json -> episodes: whole recordings with their sentences (MCLP 5.1).

One JSON of several GB, indented by 4, read as a stream::

    {"audios": [{"aid": "Y0000000000_--5llN02F84", "duration": 2494.57, "md5": "48af99…",
      "path": "audio/train/youtube/B00000/Y0000000000_--5llN02F84.opus", "source": "youtube",
      "tags": ["drama"], "url": "https://www.youtube.com/watch?v=--5llN02F84",
      "segments": [{"sid": "Y0000000000_--5llN02F84_S00000", "confidence": 1.0,
        "begin_time": 20.08, "end_time": 24.4, "subsets": ["L"], "text": "怎么样这些日子…"}]}]}

The unit is the sentence: a recording that is dropped takes its sentences with it, one rejection
each. A recording without any sentence, or whose list of sentences cannot be read, counts as one,
so that nothing is dropped uncounted: sentences in = sentences out + rejections.

Each thing is judged in the order of its fields: the recording (its fields, its source, its tag, a
second time the same id, no sentences), then each sentence by itself. A recording none of whose
sentences is kept gives no episode. ``subsets`` tells by confidence alone and is not kept.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.json_array import Element, array_elements
from pipelines.sources.video_url import video_id_of
from pipelines.sources.wenetspeech_fields import (
    described,
    number_field,
    text_field,
    texts_field,
)
from pipelines.sources.wenetspeech_sentences import (
    SentenceIds,
    SentenceJudge,
    seconds_of,
    sid_of,
)
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from schemas import Reason, Rejection
from schemas.episode import Episode

_PATTERNS = ("WenetSpeech.json",)
_EXPECTED = "WenetSpeech.json, or the folder it is in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEpisode:
    """One recording of the corpus as it was read: an episode, or why there is none."""

    id: str  # the recording's, or the place in the file where it has none
    episode: Episode | None  # None when no sentence of it is kept
    rejections: list[Rejection] = field(default_factory=list)  # one a sentence that is not kept
    sentences_in: int  # what is conserved: kept sentences + rejections
    seconds_in: float  # of all sentences whose times are sound, kept or not

    @property
    def hours_in(self) -> float:
        """Hours of all sentences whose times are sound, kept or not."""
        return self.seconds_in / 3600


class WenetSpeechSource:
    """Reader of WenetSpeech."""

    def __init__(self, name: str, settings: WenetSpeechSettings) -> None:
        """Takes the source's name in ``params.yaml`` and its settings there."""
        self.name = name
        self.settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.base.Source`."""
        found = list_inputs(inputs, _PATTERNS, _EXPECTED)
        for uri in found:
            if posixpath.splitext(uri)[1] != ".json":
                raise UsageError(f"{uri}: unknown layout; expected {_EXPECTED}")
        return [Shard(uri, "wenetspeech_json") for uri in found]

    def prepare(self) -> None:
        """Nothing to load."""

    def read(self, shard: Shard, limit: int | None = None) -> Iterator[ReadEpisode]:
        """See :func:`read_episodes`."""
        return read_episodes(shard.uri, self.name, self.settings, limit)


def read_episodes(
    uri: str, source: str, settings: WenetSpeechSettings, limit: int | None = None
) -> Iterator[ReadEpisode]:
    """The recordings of a WenetSpeech.json in file order, dropped ones included.

    Memory is that of one recording, and of the ids of kept ones.

    Args:
        uri: of the JSON file.
        source: name of the source, for the records.
        settings: what is wanted.
        limit: reading stops after so many recordings that gave an episode.

    Raises:
        UsageError: the file is not there.
        DamagedJson: the file breaks off or is not JSON; says at which byte.
    """
    kept = 0
    with files.open_read(uri) as stream:
        recordings = _Recordings(uri, source, settings)
        elements = array_elements(
            stream, uri, "audios", element_limit_bytes=settings.recording_limit_bytes
        )
        for element in elements:
            read = recordings.judge(element)
            yield read
            kept += read.episode is not None
            if kept == limit:
                return


class _Recordings:
    """Judges recordings one after the other; remembers the ids of those it kept."""

    def __init__(self, uri: str, source: str, settings: WenetSpeechSettings) -> None:
        self._uri, self._source, self._settings = uri, source, settings
        self._ids = SentenceIds()

    def judge(self, element: Element) -> ReadEpisode:
        location = f"{self._uri} byte {element.offset}"
        fields = element.value if isinstance(element.value, dict) else {}
        aid = fields.get("aid")
        record_id = aid if isinstance(aid, str) and aid and _is_text(aid) else location
        segments = fields.get("segments")
        listed: list[object] = segments if isinstance(segments, list) else []
        try:
            if not isinstance(element.value, dict):
                raise Refusal(
                    Reason.FIELD_INVALID, f"{described(element.value)}, expected an object"
                )
            return self._episode(fields, listed, location)
        except Refusal as refusal:
            return _dropped(record_id, refusal, listed, location)

    def _episode(
        self,
        fields: Mapping[str, object],
        segments: list[object],
        location: str,
    ) -> ReadEpisode:
        """The episode of a recording.

        Raises:
            Refusal: the recording as a whole is not used.
        """
        aid, url, path = (text_field(fields, name) for name in ("aid", "url", "path"))
        source, md5 = text_field(fields, "source"), text_field(fields, "md5")
        duration = number_field(fields, "duration")
        tags = texts_field(fields, "tags")
        if "segments" not in fields:
            raise Refusal(Reason.FIELD_INVALID, "segments: missing")
        if not isinstance(fields["segments"], list):
            found = described(fields["segments"])
            raise Refusal(Reason.FIELD_INVALID, f"segments: {found}, expected a list")
        self._check_wanted(source, tags)
        video_id = video_id_of(url)
        if video_id is None:
            raise Refusal(Reason.FIELD_INVALID, f"url: no video id in {url[:200]!r}")
        if self._ids.has_recording(aid):
            raise Refusal(Reason.DUPLICATE_RECORDING, f"aid {aid} came before in this file")
        if not segments:
            raise Refusal(Reason.RECORDING_EMPTY, "the list of segments is empty")
        judge = SentenceJudge(aid, duration, self._settings.end_tolerance_s, self._ids, location)
        sentences, rejections = judge.judge(segments)
        episode = None
        if sentences:
            self._ids.keep_recording(aid)
            episode = Episode(
                id=aid,
                source=self._source,
                url=url,
                video_id=video_id,
                md5=md5,
                tags=tags,
                duration=duration,
                audio_path=path,
                licence=self._settings.licence,
                sentences=sentences,
                audio_uri=None,
                video_uri=None,
                title=None,
                series=None,
                episode=None,
                vocals_uri=None,
                speech_turns=(),
                profiles=(),
            )
        lengths = [sentence.duration for sentence in sentences]
        return ReadEpisode(
            id=aid,
            episode=episode,
            rejections=rejections,
            sentences_in=len(segments),
            seconds_in=_total([*lengths, *(r.duration for r in rejections)]),
        )

    def _check_wanted(self, source: str, tags: tuple[str, ...]) -> None:
        wanted_source, wanted_tag = self._settings.wanted_source, self._settings.wanted_tag
        if wanted_source is not None and source != wanted_source:
            raise Refusal(Reason.SOURCE_NOT_WANTED, f"source {source!r}, wanted {wanted_source!r}")
        if wanted_tag is not None and wanted_tag not in tags:
            raise Refusal(Reason.TAG_NOT_WANTED, f"tags {list(tags)}, wanted {wanted_tag!r}")


def _dropped(
    record_id: str, refusal: Refusal, segments: list[object], location: str
) -> ReadEpisode:
    """A recording that is not used, and every sentence with it."""
    reason, detail = refusal.reason, refusal.detail
    rejections = [
        Refusal(reason, detail, seconds_of(segment)).rejection(
            sid_of(segment) or f"{record_id} sentence {number}", location
        )
        for number, segment in enumerate(segments)
    ] or [refusal.rejection(record_id, location)]
    return ReadEpisode(
        id=record_id,
        episode=None,
        rejections=rejections,
        sentences_in=len(rejections),
        seconds_in=_total([rejection.duration for rejection in rejections]),
    )


def _is_text(text: str) -> bool:
    """Whether a text can be written at all: no half of a surrogate pair."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _total(seconds: list[float | None]) -> float:
    # fsum is exact, so the sum does not depend on the order.
    return round(math.fsum(s for s in seconds if s is not None), 6)
