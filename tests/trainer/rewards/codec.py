"""A real, small codec fitted on a few lines."""

from __future__ import annotations

from functools import cache

import torch

from tests.trainer.listening import Line, game_lines
from trainer.speech.kmeans import KMeansTokenizer, fit_kmeans, log_mel
from trainer.speech.settings import KMeansSettings


@cache
def lines() -> tuple[Line, ...]:
    return game_lines(("FAYE", "DEATH"), 25, 3)


@cache
def codec() -> KMeansTokenizer:
    """As many codes as half of its blocks, so that what it was fitted on sounds nearly right."""
    settings = KMeansSettings(
        clusters=256,
        sample_rate=16000,
        frame_rate=25.0,
        stack=4,
        n_mels=80,
        griffin_lim=16,
    )
    features = log_mel(settings)
    blocks = torch.cat([features(torch.from_numpy(line.speech)) for line in lines()])
    return fit_kmeans(blocks, settings, seed=0, iterations=10)[0]


@cache
def codes(number: int) -> tuple[int, ...]:
    """Those of a line."""
    (found,) = codec().encode([torch.from_numpy(lines()[number].speech)])
    return tuple(found.tolist())
