"""The stream of batches that everything trains on: endless, mixed, and exact to go on with.

A batch is global: all ranks get the same and take their shares of it in one place, the task. Its
rows are drawn without regard to their lengths, which keeps it a fair sample of the mixture;
microbatches and packs then put rows of like length together (`trainer.data.batches`).

What is kept to go on is a few numbers: for each source where it is, and how many rows it gave.
Nothing is replayed. Why this and not Lhotse's samplers: docs/adr/0023-own-sampler.md.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from manifests.codec import CodecIdentity
from trainer.data.cuts import CodedFolder
from trainer.data.mixing import next_source, shares
from trainer.data.order import Order, Place
from trainer.data.prompt_folder import known_codec, turn_folder
from trainer.data.rows import AppendRows, Row, RowBuilder, RowDropped, Ta4Rows
from trainer.data.settings import DataSettings
from trainer.data.source import TurnSource
from trainer.errors import DataError, UsageError, VocabError
from trainer.tokens.append import AppendLayout
from trainer.tokens.ta4 import Ta4Layout

_VERSION = 1
TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class _Snapshot:
    places: tuple[Place, ...]
    counts: tuple[int, ...]
    dropped: Counter[str]


@dataclass(frozen=True, slots=True)
class _Held:
    """A row that did not fit into its batch: the next one's first, unless one goes elsewhere."""

    row: Row
    before: _Snapshot
    after: _Snapshot


class BatchStream:
    """Batches of rows without end."""

    def __init__(
        self,
        settings: DataSettings,
        layout: AppendLayout | Ta4Layout,
        *,
        prompts: bool = False,
        codec: CodecIdentity | None = None,
    ) -> None:
        """Finds the folders, and checks what can be known before any row is read.

        Args:
            settings: the folders, and how they are mixed.
            layout: of the rows.
            prompts: whether folders of prompts without speech can be used, as rollouts can.
            codec: whose codes the model speaks, for when no folder has any; None: not known.

        Raises:
            UsageError: a folder has no finished codes, or prompts that cannot be used; folders
                have codes of several speech tokenizers, or the layout is another than the
                settings name.
            VocabError: the vocabulary is not for codes of this speech tokenizer.
            DataError: a folder of references is damaged.
        """
        self._settings = settings
        folders = [turn_folder(source, settings, prompts) for source in settings.sources]
        self._builders = [_builder(settings, layout, n) for n in range(len(folders))]
        borrowed = [
            folder
            for builder in self._builders
            if isinstance(builder, AppendRows)
            for folder in builder.references.folders
            if folder is not None
        ]
        coded = [folder for folder in folders if isinstance(folder, CodedFolder)]
        self.codec = known_codec([*coded, *borrowed], codec)
        if layout.vocab.n_codes != self.codec.cardinality:
            raise VocabError(
                f"{(coded or folders)[0].folder} has codes of {self.codec.short}, that is "
                f"{self.codec.cardinality}; the model's vocabulary is for {layout.vocab.n_codes}: "
                "expand the model for this speech tokenizer (python -m trainer.expand)"
            )
        self.sources = [
            TurnSource(
                folder,
                source,
                Order(
                    num_shards=len(folder.shards),
                    window=settings.window_shards,
                    seed=settings.seed + number,
                    shuffle=settings.shuffle,
                ),
            )
            for number, (folder, source) in enumerate(zip(folders, settings.sources, strict=True))
        ]
        self._shares = shares([source.weight for source in settings.sources])
        self._counts = [0] * len(folders)
        self._held: _Held | None = None
        self.dropped: Counter[str] = Counter()  # rows left out, by reason
        self.why_dropped: dict[str, str] = {}  # the first of each reason, for a person
        about = [settings.model_dump_json(), [folder.fingerprint() for folder in folders]]
        self.fingerprint = hashlib.sha256(json.dumps(about).encode()).hexdigest()

    def __iter__(self) -> Iterator[tuple[Row, ...]]:
        """One global batch after the other.

        Raises:
            DataError: a shard is damaged, or a source has no row that can be used.
        """
        while True:
            yield self._batch()

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is, after the last batch it gave: JSON values."""
        return {
            "version": _VERSION,
            "fingerprint": self.fingerprint,
            "places": [asdict(source.place) for source in self.sources],
            "counts": list(self._counts),
            "dropped": dict(self.dropped),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there.

        Raises:
            DataError: the state is of other data, other settings, or no state.
        """
        if state.get("version") != _VERSION or state.get("fingerprint") != self.fingerprint:
            raise DataError(
                "the checkpoint was made on other data, or with other data settings: shards, "
                "sources, weights, batch size and seed must be the same; start a new run"
            )
        try:
            places = tuple(Place(**place) for place in state["places"])
            counts = tuple(int(count) for count in state["counts"])
            dropped = Counter({str(k): int(n) for k, n in state["dropped"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the checkpoint's place in the data is damaged: {error}") from error
        if not len(places) == len(counts) == len(self.sources):
            raise DataError("the checkpoint's place in the data is of another number of sources")
        self._restore(_Snapshot(places, counts, dropped))

    def steps(self, epochs: int) -> int:
        """Batches until the first source has been through so many times, rounded up.

        The other sources come as often as their shares say. Rows that are left out count too.

        Raises:
            UsageError: batches are measured in tokens, so that nobody knows before.
        """
        if self._settings.rows_per_batch is None:
            raise UsageError("with data.tokens_per_batch the steps must be given: loop.max_steps")
        rows = self.sources[0].count() * epochs / self._shares[0]
        return -(-round(rows) // self._settings.rows_per_batch)

    def check(self) -> None:
        """Makes a first row of every source, to find what is wrong before training begins.

        Raises:
            DataError: a source has no row that can be used.
        """
        before = self._snapshot()
        for number in range(len(self.sources)):
            self._row_of(number)
        self._restore(before)

    def _batch(self) -> tuple[Row, ...]:
        rows: list[Row] = []
        tokens, budget = 0, self._settings.tokens_per_batch
        while len(rows) != self._settings.rows_per_batch:
            before = self._snapshot() if budget is not None else None
            row = self._row(before)
            tokens += len(row)
            if budget is not None and before is not None and tokens > budget:
                self._held = _Held(row, before, self._snapshot())
                self._restore(before)
                break
            rows.append(row)
        return tuple(rows)

    def _row(self, before: _Snapshot | None) -> Row:
        held, self._held = self._held, None
        if held is not None and held.before == before:
            self._restore(held.after)
            return held.row
        number = next_source(self._shares, self._counts)
        row = self._row_of(number)
        self._counts[number] += 1
        return row

    def _row_of(self, number: int) -> Row:
        source, build = self.sources[number], self._builders[number]
        first = source.place.epoch
        while source.place.epoch <= first + 1:
            found = source.next()
            if found is None:
                break
            try:
                row = build(*found)
                if len(row) > self._settings.max_row_tokens:
                    most = self._settings.max_row_tokens
                    what = f"{row.id}: {len(row)} tokens, data.max_row_tokens is {most}"
                    raise RowDropped(TOO_LONG, what)
            except RowDropped as error:
                self.dropped[error.reason] += 1
                self.why_dropped.setdefault(error.reason, str(error))
                continue
            return row
        reasons = "; ".join(self.why_dropped.values()) or "none is as `where` and `turns` want it"
        raise DataError(f"{source.folder.folder}: no row of a whole epoch can be used: {reasons}")

    def _snapshot(self) -> _Snapshot:
        places = tuple(source.place for source in self.sources)
        return _Snapshot(places, tuple(self._counts), self.dropped.copy())

    def _restore(self, snapshot: _Snapshot) -> None:
        for source, place in zip(self.sources, snapshot.places, strict=True):
            source.place = place
        self._counts = list(snapshot.counts)
        self.dropped = snapshot.dropped.copy()


Batch = TypeVar("Batch")


class Mapped(Generic[Batch]):
    """A stream of something made of each batch; its place is the stream's."""

    def __init__(self, stream: BatchStream, make: Callable[[Sequence[Row]], Batch]) -> None:
        """Takes the stream and what to make of a batch."""
        self._stream = stream
        self._make = make

    def __iter__(self) -> Iterator[Batch]:
        """One after the other."""
        return map(self._make, self._stream)

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`BatchStream.state_dict`."""
        return self._stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`BatchStream.load_state_dict`."""
        self._stream.load_state_dict(state)


def _builder(settings: DataSettings, layout: AppendLayout | Ta4Layout, number: int) -> RowBuilder:
    source = settings.sources[number]
    if settings.layout == "append":
        if not isinstance(layout, AppendLayout):
            raise UsageError("data.layout is append, the model's vocabulary was made for another")
        return AppendRows(layout, source, settings.seed)
    if not isinstance(layout, Ta4Layout):
        raise UsageError("data.layout is ta4, the model's vocabulary was made for another")
    if source.references or source.pairs:
        raise UsageError(f"{source.folder}: references and pairs are for data.layout append")
    return Ta4Rows(layout, source, settings)
