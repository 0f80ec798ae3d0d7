"""E-SIM and SV: how near two recordings are, as vectors (FlexiVoice 5.1, Table 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.metrics.figure import Figure, mean_of

Vector = NDArray[np.float32]  # [D]

THRESHOLD = 0.31  # of the cosine of two voices; CAM++'s model card, the paper names none


def cosine(one: Vector, other: Vector) -> float | None:
    """Cosine of two vectors, computed in float64; None where one has no direction.

    >>> cosine(np.float32([3, 4]), np.float32([4, 3]))
    0.96
    """
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = float(np.sqrt(a @ a) * np.sqrt(b @ b))
    found = float(a @ b) / lengths if lengths > 0 else float("nan")
    return found if np.isfinite(found) else None


def emotion_similarity(
    generated: Sequence[Vector | None], truth: Sequence[Vector | None]
) -> Figure:
    """E-SIM: mean cosine of the emotion vectors of generated and true speech, -1 to 1.

    Args:
        generated: vectors of the emotion recogniser, before its classifier; None where there is no
            answer.
        truth: of the same sentences, in order. TO hard has no true speech (5.1), so no E-SIM.
    """
    return _mean(cosines(generated, truth))


def speaker_verified(
    generated: Sequence[Vector | None],
    reference: Sequence[Vector | None],
    threshold: float = THRESHOLD,
) -> Figure:
    """SV: share of utterances in the reference's voice, in per cent.

    Args:
        generated: speaker vectors of what was generated; None where there is no answer.
        reference: of the reference that each was to sound like, in order.
        threshold: the voices are the same from this cosine on.
    """
    same = [
        None if one is None else float(one >= threshold) for one in cosines(generated, reference)
    ]
    return _mean(same, scale=100.0)


def cosines(first: Sequence[Vector | None], second: Sequence[Vector | None]) -> list[float | None]:
    """Pair by pair; None where a vector is not there or has no direction."""
    return [
        None if one is None or other is None else cosine(one, other)
        for one, other in zip(first, second, strict=True)
    ]


def _mean(values: Sequence[float | None], scale: float = 1.0) -> Figure:
    given = [value for value in values if value is not None]
    return mean_of(given, len(values) - len(given), scale)
