"""Audio inside the pages, as MP3 and within a budget: a report must open on a phone, offline."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipelines.audio_bytes import AudioLost, AudioReader
from pipelines.audio_place import AudioPlace
from pipelines.errors import PipelineError, StageFailed
from pipelines.sound_span import read_span
from pipelines.sources.audio_facts import AudioUnreadable
from pipelines.sources.audio_probe import probe_whole

PAGE_BYTES = 9_000_000  # of encoded audio on one page: 12 MB as base64
READ_BYTES = 64 << 20  # of a file, or of a tar.gz unpacked, at most to get to one clip
CLIP_S = 60.0  # of one clip; what is longer ends there
AS_IT_IS = {"mp3": "audio/mpeg", "m4a": "audio/mp4", "webm": "audio/webm"}
AS_IT_IS_BYTES = 64_000  # of these; what is bigger is encoded anew where that is possible
NOT_ENCODED = ("m4a", "webm")  # libsndfile does not read them
FULL = "the page has all the sound that it can hold; ask for fewer samples"

_RATE_HZ = 24_000
_COMPRESSION = 0.75  # of libsndfile's range: 48 kbit/s at this rate
# Of constant bit rate: a player finds a turn in the middle of a scene without a table of places.
_BIT_RATE_MODE = "CONSTANT"


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Encoded audio small enough to travel inside the page."""

    media_type: str
    content: bytes


Loaded = tuple[Sound | None, str | None]  # the sound, or why there is none


class SoundBudget:
    """Hands out audio until there is enough; what comes after is shown without, and says so.

    A report is read long after a run, often where the raw dump is not mounted. That is worth a
    word beside the example, not a failed report.
    """

    def __init__(self, reader: AudioReader, content_bytes: int = PAGE_BYTES) -> None:
        """Starts with nothing spent."""
        self._reader, self._bytes = reader, content_bytes

    def load(self, row: Mapping[str, Any]) -> Loaded:
        """The audio of a row of utterances, or why there is none."""
        kind, size = row["audio_format"], row["audio_size"]
        place = AudioPlace.of(row)
        if size + (place.offset if place.container == "tar.gz" else 0) > READ_BYTES:
            return None, "too big, or too far into a packed archive"
        if not self._bytes:
            return None, FULL
        if kind in NOT_ENCODED and size > self._bytes:
            return None, FULL
        try:
            content = self._reader.read(place)
            if kind in NOT_ENCODED or (kind in AS_IT_IS and size <= AS_IT_IS_BYTES):
                # Pages are passed on: no bytes but sound leave this machine in one, wherever an
                # outside table says that they lie.
                form = probe_whole(content).format
                if form in AS_IT_IS:
                    return self._spend(Sound(media_type=AS_IT_IS[form], content=content))
            samples, rate = _decode(content)
        except (AudioLost, AudioUnreadable, StageFailed, soundfile.SoundFileError) as error:
            return None, str(error)
        return self._spend(encode(samples, rate))

    def load_span(self, path: str, start: float, duration: float) -> Loaded:
        """A stretch of a recording's vocals, or why there is none.

        Args:
            path: FLAC or WAV.
            start: seconds from the start of the recording.
            duration: seconds.
        """
        if not self._bytes:
            return None, FULL
        try:
            span = read_span(path, start, min(duration, CLIP_S))
        except (PipelineError, ValueError) as error:
            return None, str(error)
        if not len(span.samples):
            return None, f"{path} ends before the stretch"
        return self._spend(encode(_as_float(span.samples), span.sample_rate_hz))

    def _spend(self, sound: Sound) -> Loaded:
        if len(sound.content) > self._bytes:
            self._bytes = 0  # the next one might fit, but a page with gaps looks broken
            return None, FULL
        self._bytes -= len(sound.content)
        return sound, None


def encode(samples: NDArray[np.float32], sample_rate_hz: int) -> Sound:
    """Mono MP3 at 24 kHz and 48 kbit/s; the same samples give the same bytes.

    Args:
        samples: [frames, channels], -1 to 1.
        sample_rate_hz: of the samples.
    """
    from pipelines.stages.vocals import resample

    mono = samples.mean(axis=1, dtype=np.float32)[np.newaxis]
    pieces = list(resample([mono], sample_rate_hz, _RATE_HZ))
    stream = io.BytesIO()
    soundfile.write(
        stream,
        np.concatenate(pieces, axis=1)[0],
        _RATE_HZ,
        format="MP3",
        compression_level=_COMPRESSION,
        bitrate_mode=_BIT_RATE_MODE,
    )
    return Sound(media_type="audio/mpeg", content=stream.getvalue())


def _decode(content: bytes) -> tuple[NDArray[np.float32], int]:
    """The first minute as [frames, channels], and its rate."""
    with soundfile.SoundFile(io.BytesIO(content)) as stream:
        rate = int(stream.samplerate)
        return stream.read(round(CLIP_S * rate), dtype="float32", always_2d=True), rate


def _as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.dtype.kind == "i":
        return np.asarray(samples / -float(np.iinfo(samples.dtype).min), dtype=np.float32)
    return np.asarray(samples, dtype=np.float32)
