"""Sentences -> the DNSMOS of their separated speech. The paper gives no filter by it (Table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from pipelines import files
from pipelines.backends.dnsmos import SAMPLE_RATE_HZ, Dnsmos
from pipelines.backends.media_settings import QualitySettings
from pipelines.errors import StageFailed
from pipelines.sound_span import read_span
from pipelines.stages.microseconds import to_microseconds
from pipelines.store import Store, file_sha256, result_key
from schemas import Sentence

SUFFIX = ".dnsmos.json"
_DIGITS = 4
Scores = list[float | None]


class SentenceQuality:
    """Rates the sentences of a recording; what was rated once is kept."""

    def __init__(self, settings: QualitySettings, store: Store) -> None:
        """Takes the settings of the ratings and the folder of the results."""
        self._settings, self._store = settings, store
        self._model = Dnsmos(settings)

    def rate(self, vocals_uri: str, sentences: Sequence[Sentence]) -> tuple[Scores, bool]:
        """The rating of each sentence, None for one that is too short; whether it was done now.

        Args:
            vocals_uri: of the recording's separated speech, FLAC or WAV.
            sentences: of the recording.

        Raises:
            SoundUnreadable: the sound does not decode.
            StageFailed: a result is damaged.
            UsageError: the weights cannot be found.
        """
        key = self.key(vocals_uri, sentences)
        known = self._store.find(key, SUFFIX)
        if known is not None:
            return _read(known, len(sentences)), False
        scores = [self._one(vocals_uri, sentence) for sentence in sentences]
        with self._store.write(key, SUFFIX) as stream:
            stream.write(orjson.dumps(scores))
        return scores, True

    def key(self, vocals_uri: str, sentences: Sequence[Sentence]) -> str:
        """Of the ratings in the store."""
        spans = [
            [to_microseconds(time) for time in (sentence.start, sentence.duration)]
            for sentence in sentences
        ]
        made_by = {**self._model.identity, "min_duration_s": self._settings.min_duration_s}
        return result_key(made_by, {"vocals_sha256": file_sha256(vocals_uri), "spans": spans})

    def _one(self, vocals_uri: str, sentence: Sentence) -> float | None:
        if sentence.duration < self._settings.min_duration_s:
            return None
        span = read_span(vocals_uri, sentence.start, sentence.duration)
        if span.duration < self._settings.min_duration_s:  # the recording ends in it
            return None
        samples = span.samples
        scale = np.iinfo(samples.dtype).max + 1 if samples.dtype.kind == "i" else 1
        mono = (samples / scale).mean(axis=1)
        return round(self._model.overall(_at_16_khz(mono, span.sample_rate_hz)), _DIGITS)


def _at_16_khz(mono: NDArray[np.float64], rate: int) -> NDArray[np.float32]:
    if rate == SAMPLE_RATE_HZ:
        return mono.astype(np.float32)
    from scipy.signal import resample_poly

    common = int(np.gcd(rate, SAMPLE_RATE_HZ))
    resampled = resample_poly(mono, SAMPLE_RATE_HZ // common, rate // common)
    return np.asarray(resampled, dtype=np.float32)


def _read(path: str, count: int) -> Scores:
    try:
        scores: Scores = orjson.loads(files.read_text(path))
        if len(scores) != count or not all(s is None or isinstance(s, float) for s in scores):
            raise ValueError(f"not {count} ratings")
    except (ValueError, TypeError) as error:
        raise StageFailed(
            f"{path}: not what this stage wrote there ({error}); delete it and run again"
        ) from error
    return scores
