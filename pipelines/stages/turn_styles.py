"""The style of each scene's last turn, as a model hears it in the separated vocals (MCLP 5.3).

Labels are kept by what was heard and by which model: a run that is killed, or one with other
filters, asks the model only about turns that it has not heard yet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipelines import files
from pipelines.backends.style import SAMPLE_RATE_HZ, StyleModel
from pipelines.errors import StageFailed
from pipelines.sound import SoundUnreadable
from pipelines.sound_span import Span, read_span
from pipelines.store import Store, file_sha256, result_key
from schemas.episode import EpisodeScene

SHORTEST_S = 0.1  # of speech in which anything can be heard
_SUFFIX = ".json"


class TurnStyles:
    """A style classifier of scenes, see :class:`~pipelines.stages.rl_subset.StyleClassifier`."""

    def __init__(self, model: StyleModel, store: Store) -> None:
        """Takes the model and where its labels are kept."""
        self._model, self._store = model, store
        self.run: Counter[str] = Counter()  # labels computed and found, since the last reset

    def __call__(self, scenes: Sequence[EpisodeScene], /) -> list[str | None]:
        """One label for each scene; None where its last turn cannot be heard.

        Raises:
            StageFailed: the vocals are gone, or a stored label is damaged.
        """
        return [self._label(scene) for scene in scenes]

    def _label(self, scene: EpisodeScene) -> str | None:
        turn = scene.sentences[-1]
        if not files.exists(scene.vocals_uri):
            raise StageFailed(
                f"{scene.vocals_uri}: gone, the vocals of {scene.episode_id}; "
                f"run python -m pipelines.separate --source {scene.source}"
            )
        key = result_key(
            self._model.identity,
            {
                "vocals": file_sha256(scene.vocals_uri),
                "start": turn.start,
                "duration": turn.duration,
            },
        )
        path = self._store.find(key, _SUFFIX)
        if path is not None:
            self.run["stored"] += 1
            return _read(path)
        try:
            span = read_span(scene.vocals_uri, turn.start, turn.duration)
        except SoundUnreadable:  # emit rejects the scene for it, with the reason
            return None
        if span.duration < SHORTEST_S:
            return None
        label = self._model.label(as_speech(span, SAMPLE_RATE_HZ))
        self.run["computed"] += 1
        with self._store.write(key, _SUFFIX) as stream:
            stream.write(json.dumps({"label": label}).encode())
        return label


def as_speech(span: Span, sample_rate_hz: int) -> NDArray[np.float32]:
    """The span in one channel, [frames], -1 to 1, at another rate.

    >>> span = Span(np.full((48, 2), 16384, np.int16), 48000, "PCM_16", 0.0)
    >>> speech = as_speech(span, 16000)
    >>> speech.shape, str(speech.dtype), round(float(speech[8]), 2)
    ((16,), 'float32', 0.5)
    """
    samples = span.samples
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    mono = samples.mean(axis=1)
    common = np.gcd(sample_rate_hz, span.sample_rate_hz)
    speech: NDArray[np.float32] = resample_poly(
        mono, sample_rate_hz // common, span.sample_rate_hz // common
    ).astype(np.float32)
    return speech


def _read(path: str) -> str:
    try:
        label = json.loads(files.read_text(path))["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise StageFailed(f"{path}: not a stored label ({error}); delete it") from error
    return str(label)
