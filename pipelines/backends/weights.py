"""Finds weight files for the stages: `acoustics.weights`, with a stage's own error."""

from __future__ import annotations

from pathlib import Path

import acoustics.weights
from acoustics.weights import WeightsError, WeightsSettings
from pipelines.errors import UsageError

_FILE = "params.yaml"


def find_weights(weights: WeightsSettings) -> Path:
    """The local path of a weight file, its hash checked.

    Raises:
        UsageError: none of the three places has it, or its content is not what was pinned.
    """
    try:
        return acoustics.weights.find_weights(weights, _FILE)
    except WeightsError as error:
        raise UsageError(str(error)) from error


def weights_sha256(weights: WeightsSettings) -> str:
    """The hash of the weights that :func:`find_weights` gives.

    Raises:
        UsageError: a path of one's own is set, and there is no such file.
    """
    try:
        return acoustics.weights.weights_sha256(weights, _FILE)
    except WeightsError as error:
        raise UsageError(str(error)) from error
