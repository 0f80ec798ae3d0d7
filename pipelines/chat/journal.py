"""Where replies are kept so that none is ever bought twice: the Protocol and its rows.

A journal is a map from the key of a call (see ``keys``) to the raw reply, plus a table of dead
letters. Replies are only ever added. The engine never calls a journal from its event loop, so an
implementation may block; several processes may have the same journal open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pipelines.chat.keys import Key
from pipelines.chat.prices import TokenCounts
from pipelines.chat.request import Cause


@dataclass(frozen=True, slots=True)
class JournalledReply:
    """One reply that was paid for."""

    key: Key
    status: int  # HTTP status, always 2xx: a failure is not a reply
    text: str = field(repr=False)  # raw body
    sha256: bytes = field(repr=False)  # of the raw body
    model: str  # model the reply names, else the configured one
    priced_as: str  # configured model, under which the price was looked up
    tokens: TokenCounts | None  # None where the reply names no counts
    cost_pico_usd: int | None  # picodollars; None where price or counts are unknown


@dataclass(frozen=True, slots=True)
class DeadRow:
    """What the journal knows about a request that became a dead letter at some time."""

    key: Key  # of the request's first attempt at generation 0
    generation: int  # how often it was asked again from the start
    replay: int  # number of the replay that set the generation; 0 for none
    dead: bool  # False once it was answered, or is to be asked again
    cause: Cause
    detail: str
    raw_text: str = field(repr=False)
    attempts: int
    tag: str  # record id


@dataclass(frozen=True, slots=True)
class ModelTotals:
    """Everything ever paid for one model."""

    model: str  # configured name
    replies: int
    prompt_tokens: int
    cached_prompt_tokens: int
    completion_tokens: int
    metered_replies: int  # replies that named their token counts
    cost_pico_usd: int  # picodollars, of the replies whose cost is known
    unpriced_replies: int  # replies whose cost is not known


@dataclass(frozen=True, slots=True)
class SecondTotals:
    """What was paid for within one second."""

    second: int  # since 1970-01-01 UTC
    replies: int
    cost_pico_usd: int  # picodollars, of the replies whose cost is known
    unpriced_replies: int


class Journal(Protocol):
    """The store of replies: ``SqliteJournal`` on one machine, ``PostgresJournal`` for many.

    Every method raises ``JournalFailed`` where the store cannot be read or written.
    """

    def find(self, keys: Sequence[Key]) -> dict[Key, JournalledReply]:
        """The replies there are for these keys, in a few queries however many keys."""
        ...

    def commit(self, replies: Sequence[JournalledReply]) -> dict[Key, JournalledReply]:
        """Stores replies; when this returns they survive a crash of the machine.

        The first reply of a key stays: where another process stored one before, that one is
        returned, and the money of the later one is added to it.
        """
        ...

    def find_dead(self, keys: Sequence[Key]) -> dict[Key, DeadRow]:
        """What is known of these requests as dead letters; nothing for most."""
        ...

    def record_dead(self, rows: Sequence[DeadRow]) -> None:
        """Stores or replaces the rows, durably."""
        ...

    def dead_letters(self) -> Iterator[DeadRow]:
        """All rows that are dead now, in the order in which they came in first."""
        ...

    def open_replay(self, scope: str) -> int:
        """Number of the unfinished replay of this scope, or of a new one (1, 2, ...)."""
        ...

    def unfinished_replay(self, scope: str) -> int | None:
        """Number of the scope's unfinished replay, None where there is none."""
        ...

    def finish_replay(self, scope: str) -> None:
        """Marks the scope's replay as finished: the next one asks what is dead once more."""
        ...

    def find_raw(self, reply_sha256: str) -> JournalledReply | None:
        """The reply with this hash (hexadecimal): from a record back to what was paid for."""
        ...

    def totals(self) -> Mapping[str, ModelTotals]:
        """All that was ever paid for, by configured model."""
        ...

    def by_second(self) -> Sequence[SecondTotals]:
        """All that was ever paid for, by the second in which it came in, in order of time."""
        ...

    def close(self) -> None:
        """Closes the store; it stays complete."""
        ...


@runtime_checkable
class ClaimingJournal(Journal, Protocol):
    """A journal through which workers agree who buys a reply; see ``PostgresJournal``."""

    def claim(self, key: Key) -> bool:
        """Takes the key for this worker; False where another has it now.

        A claim ends with :meth:`release`, with the commit of the key's reply, or with the worker.
        """
        ...

    def release(self, keys: Sequence[Key]) -> None:
        """Gives up claims that led to no reply."""
        ...
