"""The gated hybrid of RP-TTS as a combination of `mclp` and `cer` (MCLP eq. 7-9)."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.gate import gated_rewards
from trainer.rewards.protocol import Combined, Scores
from trainer.rewards.settings import HybridSettings


class GatedHybrid:
    """What rows ask for as `hybrid`; the equations are in `trainer.gate`.

    In the paper's form it is one reward, `gated`; in the separate form two, `gate` and `style`.
    """

    name = "hybrid"
    needs: tuple[str, ...] = ("mclp", "cer")

    def __init__(self, settings: HybridSettings) -> None:
        """Takes C, lambda, tau and the form."""
        self._settings = settings

    def combine(self, parts: Mapping[str, Scores]) -> Combined:
        """The rewards of a batch."""
        settings = self._settings
        found = gated_rewards(
            parts["mclp"],
            parts["cer"],
            settings.gate,
            bias=settings.bias,
            penalty=settings.penalty,
            tolerance=settings.tolerance,
        )
        return Combined(dict(found.rewards), found.passed)
