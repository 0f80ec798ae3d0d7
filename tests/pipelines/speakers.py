"""The embedded diarizer, made once; and how right a diarization is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from pipelines.backends.diarizer import Diarizer, make_diarizer
from pipelines.backends.media_settings import DiarizeSettings
from pipelines.params import load_params
from schemas.episode import Sentence, SpeechTurn

RATE = 16_000


def settings(**changes: object) -> DiarizeSettings:
    """Those of params.yaml, for the embedded backend on the CPU."""
    given = load_params("params.yaml").diarize
    return given.model_copy(update={"backend": "embedded", "device": "cpu"} | changes)


@cache
def embedded() -> Diarizer:
    """The diarizer of params.yaml; its weights stay loaded."""
    return make_diarizer(settings())


def share_right(sentences: Sequence[Sentence], speakers: Mapping[str, str]) -> float:
    """The share of sentences whose speaker is right, labels mapped to speakers at their best.

    Args:
        sentences: assigned.
        speakers: sentence id -> who really speaks it.
    """
    from scipy.optimize import linear_sum_assignment

    labels = sorted({one.speaker for one in sentences if one.speaker})
    names = sorted(set(speakers.values()))
    both = np.zeros((len(labels), len(names)))
    for one in sentences:
        if one.speaker:
            both[labels.index(one.speaker), names.index(speakers[one.id])] += 1
    rows, columns = linear_sum_assignment(-both)
    return float(both[rows, columns].sum() / len(sentences))


def error_rates(truth: Sequence[SpeechTurn], found: Sequence[SpeechTurn]) -> dict[str, float]:
    """DER and its parts as shares of all speech, by pyannote.metrics: no collar, with overlap."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from pyannote.core import Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, hypothesis = _annotation(truth), _annotation(found)
    extent = reference.get_timeline().extent() | hypothesis.get_timeline().extent()
    parts: dict[str, Any] = DiarizationErrorRate()(
        reference, hypothesis, uem=Timeline([extent]), detailed=True
    )
    names = {
        "miss": "missed detection",
        "false_alarm": "false alarm",
        "confusion": "confusion",
    }
    rates = {short: float(parts[name] / parts["total"]) for short, name in names.items()}
    return {"der": float(parts["diarization error rate"]), **rates}


def _annotation(turns: Sequence[SpeechTurn]) -> Any:  # noqa: ANN401  (pyannote's)
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for number, turn in enumerate(turns):
        annotation[Segment(turn.start, turn.start + turn.duration), number] = turn.speaker
    return annotation
