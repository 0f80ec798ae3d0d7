"""The order in which the rows of a folder come, epoch after epoch. Pure: numbers only.

Shards are shuffled once an epoch and read ``window`` at a time; the rows of a window are shuffled
among each other. So an order over any number of rows needs no list of them: where one is in it are
three numbers, and going on from there is reading one window.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the order the next row is."""

    epoch: int = 0
    window: int = 0  # of the epoch
    offset: int = 0  # rows of the window that are behind


@dataclass(frozen=True, slots=True)
class Order:
    """One choice of the order."""

    num_shards: int
    window: int  # shards that are shuffled across
    seed: int
    shuffle: bool = True

    @property
    def num_windows(self) -> int:
        """Windows an epoch; the last one may be of fewer shards."""
        return -(-self.num_shards // self.window)

    def shards_of(self, epoch: int, window: int) -> list[int]:
        """The numbers of the shards of a window.

        >>> Order(num_shards=5, window=2, seed=0, shuffle=False).shards_of(0, 2)
        [4]
        """
        numbers = list(range(self.num_shards))
        if self.shuffle:
            self._random(epoch, "shards").shuffle(numbers)
        return numbers[window * self.window : (window + 1) * self.window]

    def rows_of(self, epoch: int, window: int, num_rows: int) -> list[int]:
        """The order of a window's rows.

        >>> sorted(Order(num_shards=1, window=1, seed=0).rows_of(3, 0, 4))
        [0, 1, 2, 3]
        """
        numbers = list(range(num_rows))
        if self.shuffle:
            self._random(epoch, window).shuffle(numbers)
        return numbers

    def after(self, place: Place) -> Place:
        """The beginning of the window after a place's."""
        if place.window + 1 < self.num_windows:
            return Place(place.epoch, place.window + 1)
        return Place(place.epoch + 1)

    def _random(self, epoch: int, what: object) -> random.Random:
        return random.Random(f"order {self.seed} {epoch} {what}")
