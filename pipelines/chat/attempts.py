"""The chain of attempts of one request, replayed from the journal as far as it goes.

A request whose reply was not valid is asked again with the bad reply and the complaint appended.
The new messages have a key of their own, so the journal holds each link of the chain, and a
second run walks it without a call: to the same answer, to the same dead letter, or to the first
attempt that was never made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.chat.journal import DeadRow, Journal, JournalledReply
from pipelines.chat.keys import Key, KeyMaker
from pipelines.chat.reply import Completion, Invalid, correction, judge, read_completion
from pipelines.chat.request import Answer, Cause, ChatRequest, DeadLetter, Message
from pipelines.chat.settings import ChatSettings

Outcome = Answer | DeadLetter


@dataclass(slots=True)
class Attempt:
    """One call that has to be made, or looked up."""

    index: int  # position of the request in the run
    request: ChatRequest
    messages: tuple[Message, ...]
    max_tokens: int
    number: int  # 1 for the first attempt
    base_key: Key  # of the first attempt at generation 0: names the request
    key: Key  # of this attempt
    generation: int = 0
    dead: DeadRow | None = None  # what the journal knew of the request as a dead letter


@dataclass(slots=True)
class Looked:
    """What the journal had for some requests."""

    settled: list[tuple[Attempt, Outcome]]
    due: list[Attempt]  # calls to be made
    found: int  # replies that were in the journal


class Attempts:
    """Makes attempts and takes them from one link of the chain to the next."""

    def __init__(self, keys: KeyMaker, journal: Journal, settings: ChatSettings) -> None:
        """Attempts that ask no dead letter again, until ``replay`` is set."""
        self.replay: int | None = None  # number of the replay of dead letters
        self._keys = keys
        self._journal = journal
        self._settings = settings

    def first(self, index: int, request: ChatRequest) -> Attempt:
        """The first attempt of a request, at generation 0.

        Raises:
            TypeError: a message holds text that UTF-8 cannot.
        """
        max_tokens = request.max_tokens or self._settings.max_tokens
        key = self._keys.key(request.messages, request.reply_schema, max_tokens, 0)
        return Attempt(index, request, request.messages, max_tokens, 1, key, key)

    def look_up(self, firsts: Sequence[Attempt], *, write: bool = True) -> Looked:
        """Walks the chains of these requests through the journal; blocks.

        With ``write`` false nothing is changed: a dry run.
        """
        self._set_generations(firsts, write=write)
        return self.walk(firsts)

    def walk(self, links: Sequence[Attempt]) -> Looked:
        """As :meth:`look_up`, from any link of the chains on."""
        looked = Looked([], [], 0)
        while links:  # one round a link of the longest chain: at most max_attempts
            replies = self._journal.find([attempt.key for attempt in links])
            following = []
            for attempt in links:
                reply = replies.get(attempt.key)
                if reply is None:
                    looked.due.append(attempt)
                    continue
                looked.found += 1
                step = self.advance(attempt, reply)
                if isinstance(step, Attempt):
                    following.append(step)
                else:
                    looked.settled.append((attempt, step))
            links = following
        return looked

    def _set_generations(self, firsts: Sequence[Attempt], *, write: bool) -> None:
        rows = self._journal.find_dead([attempt.base_key for attempt in firsts])
        if not rows:
            return
        bumped = []
        for attempt in firsts:
            row = rows.get(attempt.base_key)
            if row is None:
                continue
            if self.replay is not None and _is_due(row, self.replay):
                row = replace(row, generation=row.generation + 1, replay=self.replay, dead=False)
                bumped.append(row)
            attempt.dead, attempt.generation = row, row.generation
            if row.generation:
                attempt.key = self._key(attempt)
        if bumped and write:
            # Durable before the first call: a run after a crash finds the calls of this one.
            self._journal.record_dead(bumped)

    def advance(
        self, attempt: Attempt, reply: JournalledReply, completion: Completion | None = None
    ) -> Outcome | Attempt:
        """What follows from a reply: an answer, a dead letter or the next attempt."""
        completion = completion or read_completion(reply.text)
        value = judge(completion, attempt.request.reply_schema, attempt.request.check)
        if not isinstance(value, Invalid):
            return Answer(value, reply.model, reply.sha256.hex(), attempt.number)
        if attempt.number >= self._settings.max_attempts:
            return DeadLetter(Cause.INVALID_REPLY, value.error, reply.text, attempt.number)
        following = replace(
            attempt, messages=correction(attempt.messages, value), number=attempt.number + 1
        )
        following.key = self._key(following)
        return following

    def _key(self, attempt: Attempt) -> Key:
        return self._keys.key(
            attempt.messages, attempt.request.reply_schema, attempt.max_tokens, attempt.generation
        )


def unsendable(error: TypeError) -> DeadLetter:
    """The dead letter of a request with text that UTF-8 cannot hold."""
    return DeadLetter(Cause.REQUEST_INVALID, f"not text: {error}", "", 0)


def dead_row(attempt: Attempt, outcome: Outcome) -> DeadRow | None:
    """What the journal has to note about a settled request; None where nothing is new."""
    known = attempt.dead
    if isinstance(outcome, Answer):
        # An answer needs no row, but a row that says "dead" is no longer true.
        return replace(known, dead=False) if known is not None and known.dead else None
    row = DeadRow(
        key=attempt.base_key,
        generation=attempt.generation,
        replay=known.replay if known is not None else 0,
        dead=True,
        cause=outcome.cause,
        detail=outcome.detail,
        raw_text=outcome.raw_text,
        attempts=outcome.attempts,
        tag=attempt.request.tag,
    )
    return None if row == known else row


def _is_due(row: DeadRow, replay: int) -> bool:
    # A row of this very replay died again: asking it once more would pay for it twice. What had
    # no reply has its bad replies in the journal and is asked on from there in any case.
    return row.dead and row.cause.was_paid and row.replay < replay
