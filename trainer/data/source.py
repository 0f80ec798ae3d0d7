"""One folder of the mixture as an endless stream of turns that knows where it is."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from trainer.data.cuts import CodedTurn, Shard, holds
from trainer.data.order import Order, Place
from trainer.data.prompt_folder import TurnFolder
from trainer.data.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Window:
    """What is in memory: the turns of a few shards, and the order they come in."""

    epoch: int
    number: int
    turns: list[tuple[CodedTurn, Shard]]  # those wanted, each with its shard
    order: list[int]


class TurnSource:
    """Turns of one folder, epoch after epoch; `place` can be read and set at any time."""

    def __init__(self, folder: TurnFolder, settings: SourceSettings, order: Order) -> None:
        """Takes the folder and the order of its rows; reads nothing yet."""
        self.folder = folder
        self.place = Place()
        self._settings = settings
        self._partner = settings.pairs.by if settings.pairs is not None else None
        self._order = order
        self._window: Window | None = None
        self._ahead: tuple[tuple[int, int], Future[Window]] | None = None
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="window")

    def next(self) -> tuple[CodedTurn, Shard, int] | None:
        """The next turn, its shard, and the epoch it is of.

        Windows without a turn that is wanted are passed over; None after a whole epoch of them.

        Raises:
            DataError: a shard is damaged.
        """
        first = self.place
        while True:
            window = self._current()
            if self.place.offset < len(window.order):
                turn, shard = window.turns[window.order[self.place.offset]]
                epoch = self.place.epoch
                self.place = Place(epoch, self.place.window, self.place.offset + 1)
                if 2 * self.place.offset > len(window.order):
                    self._read_ahead()
                return turn, shard, epoch
            self.place = self._order.after(self.place)
            if self.place.epoch > first.epoch + 1:
                return None

    def count(self) -> int:
        """Rows an epoch. Reads all shards where only some rows are wanted.

        Raises:
            DataError: a shard is damaged.
        """
        if not self._settings.where and self._partner is None:
            if self._settings.turns == "all":
                return self.folder.facts.rows_out
            return self.folder.facts.counts.get("cuts", 0)
        shards = range(len(self.folder.shards))
        return sum(
            self._wanted(turn) for number in shards for turn in self.folder.read(number).turns
        )

    def _current(self) -> Window:
        key = self.place.epoch, self.place.window
        if self._window is None or (self._window.epoch, self._window.number) != key:
            ahead, self._ahead = self._ahead, None
            if ahead is not None and ahead[0] == key:
                self._window = ahead[1].result()
            else:
                self._window = self._read(*key)
        return self._window

    def _read_ahead(self) -> None:
        """Begins to read the next window while this one is trained on."""
        if self._ahead is None and self._order.num_windows > 1:
            after = self._order.after(self.place)
            key = after.epoch, after.window
            self._ahead = key, self._reader.submit(self._read, *key)

    def _read(self, epoch: int, number: int) -> Window:
        turns: list[tuple[CodedTurn, Shard]] = []
        for shard in self._order.shards_of(epoch, number):
            there = self.folder.read(shard)
            turns += [(turn, there) for turn in there.turns if self._wanted(turn)]
        return Window(epoch, number, turns, self._order.rows_of(epoch, number, len(turns)))

    def _wanted(self, turn: CodedTurn) -> bool:
        last = turn.number == len(turn.cut.manifest["supervisions"]) - 1
        if not last and self._settings.turns != "all":
            return False
        if self._partner is not None and turn.field(self._partner) is None:
            return False  # there for others to point to, and no row itself
        return holds(turn, self._settings.where)
