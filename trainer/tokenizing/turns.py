"""One recorded cut -> the sound of each of its turns, or why it has none."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import torch

from manifests.recorded import RecordedCut, ShardDamaged
from schemas import PartFacts, Reason, Rejection
from trainer.speech.sound import SoundUndecodable, cut_sound, decode_sound

STAGE = "tokenize"


def sounds_of(cut: RecordedCut, sample_rate: int) -> list[torch.Tensor] | Rejection:
    """The sound of each supervision of the cut, in order.

    Args:
        cut: with encoded audio.
        sample_rate: Hz, of the result.

    Returns:
        One ``[T]`` a turn, or, where the audio does not decode, the rejection of the cut.

    Raises:
        ShardDamaged: a supervision has no start or duration.
    """
    try:
        samples = decode_sound(cut.audio, sample_rate)
    except SoundUndecodable as error:
        return rejection(cut, Reason.AUDIO_UNREADABLE, f"the audio {error}")
    turns = cut.manifest["supervisions"]
    return [cut_sound(samples, sample_rate, *span(turn, cut.where)) for turn in turns]


def rejection(cut: RecordedCut, reason: Reason, detail: str) -> Rejection:
    """The rejection of a whole cut; of each of its turns, see :func:`turn_rejections`."""
    return Rejection(
        record_id=cut.manifest["id"],
        stage=STAGE,
        reason=reason,
        detail=detail,
        location=cut.where,
        duration=cut.manifest.get("duration"),
    )


def turn_rejections(cut: RecordedCut, why: Rejection, turn: int | None) -> list[Rejection]:
    """One rejection a turn, because the turn is what is counted.

    Args:
        cut: the cut that is not passed on.
        why: what is wrong with it.
        turn: the number of the turn that is to blame; None where all are.
    """
    found = []
    for number, supervision in enumerate(cut.manifest["supervisions"]):
        guilty = turn is None or number == turn
        found.append(
            Rejection(
                record_id=supervision["id"],
                stage=STAGE,
                reason=why.reason if guilty else Reason.TURN_REJECTED,
                detail=why.detail if guilty else f"turn {turn} of {cut.manifest['id']}",
                location=cut.where,
                duration=span(supervision, cut.where)[1],
            )
        )
    return found


def facts_of(cut: RecordedCut, rejections: list[Rejection], frames: int) -> PartFacts:
    """The cut's part of the stage's facts; it is passed on where nothing is rejected."""
    turns = cut.manifest["supervisions"]
    lengths = [_microseconds(span(turn, cut.where)[1]) for turn in turns]
    speakers = _hashes([str(turn.get("speaker")) for turn in turns])
    if rejections:
        lost: Counter[str] = Counter()
        for one, length in zip(rejections, lengths, strict=True):
            lost[one.reason] += length
        return PartFacts(
            rows_in=len(turns),
            microseconds_in=sum(lengths),
            rejected=Counter(str(one.reason) for one in rejections),
            rejected_microseconds=lost,
            speakers_in=speakers,
        )
    return PartFacts(
        rows_in=len(turns),
        rows_out=len(turns),
        microseconds_in=sum(lengths),
        microseconds_out=sum(lengths),
        speakers_in=speakers,
        speakers_out=speakers,
        counts=Counter({"cuts": 1, "frames": frames}),
    )


def span(turn: dict[str, Any], where: str) -> tuple[float, float]:
    """Start and duration of a supervision, seconds from the start of its cut.

    Raises:
        ShardDamaged: it has none.
    """
    start, duration = turn.get("start"), turn.get("duration")
    if not (isinstance(start, int | float) and isinstance(duration, int | float)):
        raise ShardDamaged(f"{where}: supervision {turn.get('id')!r} has no start or duration")
    if not (start >= 0 and duration > 0):
        raise ShardDamaged(f"{where}: supervision {turn.get('id')!r} at {start} + {duration} s")
    return float(start), float(duration)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _hashes(labels: list[str]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    digests = {hashlib.blake2b(label.encode(), digest_size=8).digest() for label in labels}
    values = sorted(int.from_bytes(digest, "big") for digest in digests)
    return np.array(values, dtype=np.uint64)
