"""One run over many requests: a fixed number of workers pull calls, however many requests."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence

from pipelines.chat.attempts import Attempt, Attempts, Outcome, dead_row, unsendable
from pipelines.chat.calls import Caller, Halt
from pipelines.chat.errors import ChatStopped, TooManyDeadLetters
from pipelines.chat.group_commit import GroupCommit
from pipelines.chat.keys import Key
from pipelines.chat.request import Answer, ChatRequest, DeadLetter
from pipelines.chat.settings import ChatSettings
from pipelines.chat.usage import Usage
from pipelines.errors import UsageError

Progress = Callable[[int, int, Usage], None]  # requests done, requests in all, usage so far

CHUNK = 256  # requests looked up together: few queries, and few raw replies in memory at once


class Run:
    """The state of one call of :meth:`ChatEngine.run`."""

    def __init__(
        self,
        requests: Sequence[ChatRequest],
        attempts: Attempts,
        caller: Caller,
        commits: GroupCommit,
        settings: ChatSettings,
        usage: Usage,
        on_progress: Progress | None,
        any_before: bool = False,
    ) -> None:
        """A run that has not begun; ``any_before``: an earlier one of the engine had an answer."""
        self._requests = requests
        self._attempts = attempts
        self._caller = caller
        self._commits = commits
        self._settings = settings
        self._usage = usage
        self._on_progress = on_progress
        self._any_before = any_before
        self._halt = Halt()
        self._outcomes: list[Outcome | None] = [None] * len(requests)
        self._done = 0
        self._due: deque[Attempt] = deque()
        self._next = 0  # first request that has not been looked up
        self._refill: asyncio.Task[None] | None = None
        self._first: dict[Key, int] = {}  # key -> the request that is asked for all its twins
        self._twins: list[tuple[int, int]] = []  # (twin, the request asked for it)
        self._waiting_twins: Counter[int] = Counter()  # request -> twins that wait for it

    async def finish(self) -> list[Outcome]:
        """Works until every request has an outcome.

        Raises:
            ChatStopped: the run had to end early.
            TooManyDeadLetters: more than the settings allow, or not one answer so far.
        """
        loop = asyncio.get_running_loop()
        workers = [loop.create_task(self._work()) for _ in range(self._worker_count())]
        try:
            if workers:
                await asyncio.wait(workers)
        except asyncio.CancelledError as cancelled:
            # Ctrl-C: calls in flight are paid for, so they are awaited and kept. A second Ctrl-C
            # does not come this way.
            self._halt.because(cancelled)
            await asyncio.wait(workers)
            raise
        finally:
            if self._refill is not None:
                await self._refill
            await self._commits.flush()
        if self._halt.reason is not None:
            raise self._told(self._halt.reason)
        for twin, first in self._twins:
            self._outcomes[twin] = self._outcomes[first]
        return self._checked()

    def _worker_count(self) -> int:
        return min(self._settings.max_in_flight, len(self._requests))

    async def _work(self) -> None:
        try:
            while (attempt := await self._take()) is not None:
                await self._resolve(attempt)
        except Exception as error:  # ends the run, once the other workers have kept their replies
            self._halt.because(error)

    async def _take(self) -> Attempt | None:
        """The next call to be made; None when there is none left."""
        while not self._halt:
            if (
                self._refill is None
                and self._next < len(self._requests)
                and len(self._due) < self._settings.max_in_flight
            ):
                # Ahead of need, so that no worker has to wait for the journal.
                self._refill = asyncio.get_running_loop().create_task(self._look_up_more())
            if self._due:
                return self._due.popleft()
            if self._refill is None:
                return None
            await asyncio.wait([self._refill])
        return None

    async def _look_up_more(self) -> None:
        try:
            while self._next < len(self._requests) and not self._halt and not self._due:
                start, self._next = self._next, min(self._next + CHUNK, len(self._requests))
                await self._look_up(start, self._next)
        except Exception as error:  # as in _work
            self._halt.because(error)
        finally:
            self._refill = None

    async def _look_up(self, start: int, stop: int) -> None:
        firsts = []
        for index in range(start, stop):
            try:
                attempt = self._attempts.first(index, self._requests[index])
            except TypeError as error:
                self._note(index, unsendable(error))
                continue
            first = self._first.setdefault(attempt.base_key, index)
            if first == index:
                firsts.append(attempt)
            else:
                self._add_twin(index, first)
        looked = await self._commits.call(self._attempts.look_up, firsts)
        self._usage.cached_calls += looked.found
        for attempt, outcome in looked.settled:
            await self._settle(attempt, outcome)
        self._due.extend(looked.due)

    def _add_twin(self, index: int, first: int) -> None:
        if self._requests[first].reply_schema is not self._requests[index].reply_schema:
            raise UsageError(
                "the same question with two reply schemas that have the same JSON schema: "
                f"{self._requests[first].tag} and {self._requests[index].tag}"
            )
        self._twins.append((index, first))
        self._usage.duplicates += 1
        outcome = self._outcomes[first]
        if outcome is None:
            self._waiting_twins[first] += 1
        else:
            self._count(outcome, 1)

    async def _resolve(self, attempt: Attempt) -> None:
        while True:
            called = await self._caller.call(attempt, self._halt)
            if called is None:
                return
            if isinstance(called, DeadLetter):
                await self._settle(attempt, called)
                return
            step = self._attempts.advance(attempt, *called)
            if not isinstance(step, Answer):
                self._usage.invalid_replies += 1
            if not isinstance(step, Attempt):
                await self._settle(attempt, step)
                return
            # Never a call without a look first; corrections are rare enough for a query each.
            looked = await self._commits.call(self._attempts.walk, [step])
            self._usage.cached_calls += looked.found
            if not looked.due:
                await self._settle(*looked.settled[0])
                return
            attempt = looked.due[0]

    async def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        row = dead_row(attempt, outcome)
        if row is not None:
            await self._commits.call(self._commits.journal.record_dead, [row])
        self._note(attempt.index, outcome)

    def _note(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._count(outcome, 1 + self._waiting_twins.pop(index, 0))

    def _count(self, outcome: Outcome, requests: int) -> None:
        self._done += requests
        if isinstance(outcome, DeadLetter):
            self._usage.dead_letters += requests
        if self._on_progress is not None:
            self._on_progress(self._done, len(self._requests), self._usage)

    def _told(self, reason: BaseException) -> BaseException:
        """The reason for which the run ended, with how far it got."""
        if not isinstance(reason, ChatStopped):
            return reason
        total = len(self._requests)
        return type(reason)(
            f"{reason}; then run the same command again. {self._done} of {total} requests are "
            f"done, for {self._usage.describe_cost()}; every reply is kept in the journal and "
            "is not paid for again",
            answered=self._done,
            total=total,
        )

    def _checked(self) -> list[Outcome]:
        outcomes = [outcome for outcome in self._outcomes if outcome is not None]
        assert len(outcomes) == len(self._requests)  # no worker ends while a request is open
        dead = [
            outcome
            for outcome in outcomes
            if isinstance(outcome, DeadLetter) and not outcome.cause.is_of_the_record
        ]
        share = self._settings.max_dead_letter_share
        # Few say nothing about the model, but where nothing else ever came they are all there is.
        nothing = not self._any_before and not any(isinstance(each, Answer) for each in outcomes)
        enough = nothing or len(dead) >= self._settings.min_dead_letters
        if dead and enough and len(dead) > share * len(outcomes):
            raise TooManyDeadLetters(
                f"{len(dead)} of {len(outcomes)} requests got no valid reply, above the share of "
                f"{share:g} that chat.max_dead_letter_share allows; the last: "
                f"{dead[-1].cause}: {dead[-1].detail}. To go on, look at the model and the "
                "prompt and run again with --replay-dead-letters, or allow a larger share (1 "
                "allows all)",
                outcomes,
            )
        return outcomes
