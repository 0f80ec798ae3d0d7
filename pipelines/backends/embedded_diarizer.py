"""The embedded diarizer: Silero finds the speech, CAM++ tells the voices apart, on any machine.

1. Voice activity gives stretches of speech.
2. Each stretch is heard through windows of ``window_s``; every window becomes one vector.
3. Average-link clustering of the vectors by cosine distance; groups with little speech join the
   voice nearest to theirs.
4. A stretch whose windows are all of one group is that speaker's turn. Where several groups meet
   in one, windows of half the length slide over it in small steps, each is compared with the voices
   that meet there, and the likeliest sequence, when a change costs something, says who speaks
   where.

Several speakers at once are heard as one: nobody's turns overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.device import choose_device
from pipelines.backends.diarizer import ChunkDiarization
from pipelines.backends.media_settings import EmbeddedDiarizerSettings
from pipelines.backends.speaker_embedding import SpeakerEmbedder
from pipelines.backends.vad import SAMPLE_RATE_HZ, SileroVad, speech_regions
from pipelines.backends.weights import find_weights, weights_sha256
from pipelines.backends.windows import (
    Span,
    Vectors,
    best_path,
    cut_windows,
    group_voices,
    join_small,
    mean_voices,
)
from schemas.episode import SpeechTurn

_VERSION = 1  # raise it when the same settings give other turns than before
_MODEL = "silero+campplus"


class EmbeddedDiarizer:
    """A :class:`pipelines.backends.diarizer.Diarizer`."""

    def __init__(
        self, settings: EmbeddedDiarizerSettings, device: Literal["auto", "cpu", "cuda"]
    ) -> None:
        """Takes the settings; weights are loaded with the first chunk."""
        self._settings, self._device = settings, device
        self._vad = SileroVad(settings.vad)
        self._embedder = SpeakerEmbedder(settings.embedding, device)

    @property
    def name(self) -> str:
        """``embedded:`` and the two models."""
        return f"embedded:{_MODEL}"

    @property
    def identity(self) -> Mapping[str, object]:
        """Models, weights, and every parameter."""
        return {
            **self._settings.model_dump(exclude={"vad", "embedding", "link_distance"}),
            "backend": "embedded",
            "model": _MODEL,
            "vad_sha256": weights_sha256(self._settings.vad),
            "embedding_sha256": weights_sha256(self._settings.embedding),
            "version": _VERSION,
        }

    @property
    def sample_rate_hz(self) -> int:
        """16,000."""
        return SAMPLE_RATE_HZ

    @property
    def link_distance(self) -> float:
        """As the settings say."""
        return self._settings.link_distance

    def check(self) -> None:
        """Finds the weights.

        Raises:
            UsageError: they are nowhere, or not what was pinned; or a wanted GPU is not there.
        """
        choose_device(self._device)
        find_weights(self._settings.vad)
        find_weights(self._settings.embedding)

    def diarize(self, samples: NDArray[np.float32]) -> ChunkDiarization:
        """Who speaks when; labels are numbered by first appearance.

        Raises:
            UsageError: the weights cannot be found.
        """
        probabilities = self._vad.probabilities(samples)
        regions = speech_regions(
            probabilities,
            threshold=self._settings.vad_threshold,
            min_speech_s=self._settings.min_speech_s,
            min_silence_s=self._settings.min_silence_s,
        )
        regions = [(begin, min(end, len(samples))) for begin, end in regions]
        if not regions:
            return ChunkDiarization((), {})
        window, hop = (_samples(s) for s in (self._settings.window_s, self._settings.hop_s))
        windows = [cut_windows(region, window, hop) for region in regions]
        spans = [span for some in windows for span in some]
        vectors = self._embedder.embed(samples, spans)
        seconds = np.concatenate([_shares(*pair) for pair in zip(regions, windows, strict=True)])
        labels = group_voices(vectors, self._settings.cluster_distance)
        labels = join_small(labels, vectors, seconds, self._settings.min_speaker_s)
        voices = mean_voices(labels, vectors, seconds)
        edges = np.cumsum([len(some) for some in windows])[:-1]
        heard = [
            one
            for region, met in zip(regions, np.split(labels, edges), strict=True)
            for one in self._turns(samples, region, np.unique(met), voices)
        ]
        return ChunkDiarization(
            tuple(_turn(begin, end, str(label)) for begin, end, label in heard),
            {str(label): voices[label] for _, _, label in heard},
        )

    def _turns(
        self,
        samples: NDArray[np.float32],
        region: Span,
        met: NDArray[np.int64],
        voices: Vectors,
    ) -> Iterator[tuple[int, int, int]]:
        """(begin, end, label) of one stretch of speech, without a gap."""
        if len(met) == 1:
            yield (*region, int(met[0]))
            return
        hop = _samples(self._settings.boundary_hop_s)
        spans = cut_windows(region, _samples(self._settings.window_s) // 2, hop)
        likeness = self._embedder.embed(samples, spans) @ voices[met].T
        path = met[best_path(likeness, self._settings.switch_cost)]
        middles = [(begin + end) // 2 for begin, end in spans]
        begin = region[0]
        for number in np.flatnonzero(np.diff(path)).tolist():
            change = (middles[number] + middles[number + 1]) // 2
            yield begin, change, int(path[number])
            begin = change
        yield begin, region[1], int(path[-1])


def _shares(region: Span, windows: list[Span]) -> NDArray[np.float64]:
    """Seconds of the region that each of its windows stands for; together, all of it."""
    seconds = (region[1] - region[0]) / SAMPLE_RATE_HZ
    return np.full(len(windows), seconds / len(windows))


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _turn(begin: int, end: int, label: str) -> SpeechTurn:
    start, stop = round(begin / SAMPLE_RATE_HZ, 3), round(end / SAMPLE_RATE_HZ, 3)
    return SpeechTurn(start=start, duration=round(stop - start, 3), speaker=label)
