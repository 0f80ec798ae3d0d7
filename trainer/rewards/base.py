"""What all rewards share."""

from __future__ import annotations

from collections import Counter


class RewardBase:
    """A name, and the causes of failure."""

    def __init__(self, name: str) -> None:
        """Takes the name that rows ask for."""
        self.name = name
        self.causes: Counter[str] = Counter()

    async def close(self) -> None:
        """Nothing is kept open."""
