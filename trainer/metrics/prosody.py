"""Whether speed and pitch follow the instructed level (FlexiVoice A.8, Table 8).

Each sentence is spoken at three levels: slow, normal, fast; low, normal, high. The metric is
Spearman's correlation of the level (1, 2, 3) with what is measured in the speech: phonemes a
second, and median F0.

One correlation is taken over all utterances of a set, so voices and texts that differ among
themselves blur it. The levels are ties: with three of equal size and values that all differ, the
most that can be reached is sqrt(8/9) = 0.943.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.metrics.figure import Figure, no_figure
from trainer.metrics.phonemes import phoneme_count

LEVELS = {"slow": 1, "low": 1, "normal": 2, "fast": 3, "high": 3}
_FRAME = 160  # samples: 10 ms
_FLOOR_DB = -40.0  # of a frame, under the loudest: silence


def level_correlation(levels: Sequence[int], measured: Sequence[float | None]) -> Figure:
    """Spearman's rank correlation, -1 to 1; equal values share the mean of their ranks.

    Args:
        levels: instructed, 1 to 3.
        measured: in the speech; None where it could not be, which is left out and counted.

    Returns:
        No figure where fewer than two are left, or all levels or all values are the same.

    >>> level_correlation([1, 2, 3], [9.0, 11.0, 14.0]).value
    1.0
    """
    import scipy.stats

    given = [
        (level, value)
        for level, value in zip(levels, measured, strict=True)
        if value is not None and np.isfinite(value)
    ]
    left_out = len(levels) - len(given)
    if len({level for level, _ in given}) < 2 or len({value for _, value in given}) < 2:
        return no_figure(
            f"no correlation in {len(given)} measured utterances of one level or one value",
            left_out,
        )
    found = scipy.stats.spearmanr(*zip(*given, strict=True))
    return Figure(round(float(found.statistic), 12), len(given), left_out)


def phonemes_per_second(text: str, speech: Samples) -> float | None:
    """Phonemes by the seconds they take; None where there are no phonemes or no speech.

    The silence before and after is not counted, the pauses within are.

    Args:
        text: what is said.
        speech: ``[samples]`` at 16 kHz.
    """
    count, seconds = phoneme_count(text), speech_seconds(speech)
    return count / seconds if count and seconds > 0 else None


def speech_seconds(speech: Samples) -> float:
    """From the first to the last frame of 10 ms that is within 40 dB of the loudest; 0 of silence.

    Args:
        speech: ``[samples]`` at 16 kHz.

    >>> round(speech_seconds(np.concatenate([np.zeros(8000), np.ones(16000), np.zeros(800)])), 2)
    1.0
    """
    whole = len(speech) // _FRAME
    energy = (speech[: whole * _FRAME].astype(np.float64).reshape(whole, _FRAME) ** 2).sum(axis=1)
    if not whole or energy.max() <= 0:
        return 0.0
    loud = np.flatnonzero(energy > energy.max() * 10 ** (_FLOOR_DB / 10))
    return float(loud[-1] - loud[0] + 1) * _FRAME / SAMPLE_RATE_HZ
