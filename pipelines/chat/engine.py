"""The chat engine: many requests in, one answer or dead letter each out, nothing bought twice.

Look-up in the journal, call, durable journal entry, validation, correction: see ``attempts`` for
what makes a second run free of charge, ``calls`` for back-off and money, ``run`` for the workers.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Self

from pipelines.chat.attempts import Attempts, Outcome
from pipelines.chat.budget import Budget
from pipelines.chat.calls import Caller
from pipelines.chat.errors import ChatStopped, UnknownPrice
from pipelines.chat.group_commit import GroupCommit
from pipelines.chat.journal import Journal
from pipelines.chat.keys import KeyMaker
from pipelines.chat.plan import Plan, make_plan, recall
from pipelines.chat.prices import pico_dollars, token_price
from pipelines.chat.request import Answer, ChatModel, ChatRequest
from pipelines.chat.run import Progress, Run
from pipelines.chat.settings import ChatSettings
from pipelines.chat.usage import Usage


class ChatEngine:
    """Answers requests through one model and one journal; a synchronous face, one event loop."""

    def __init__(
        self,
        model: ChatModel,
        journal: Journal,
        settings: ChatSettings,
        *,
        replay_dead_letters: bool = False,
        replay_scope: str = "",
        close_journal: bool = True,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Makes no call and opens no connection.

        Args:
            model: backend that is asked.
            journal: where replies are looked up and kept.
            settings: the ``chat:`` section of ``params.yaml``.
            replay_dead_letters: ask again, from the start, what ended without a valid reply.
                A replay that was killed goes on where it was: a request that died in it is not
                asked once more until a replay has come to its end.
            replay_scope: names the replay, the stage and source say: those of different scopes
                do not end each other.
            close_journal: whether :meth:`close` closes the journal too; not where engines share it.
            jitter: numbers from 0 to 1 for the back-off.

        Raises:
            UnknownPrice: there is a budget, and the price table does not list the model.
        """
        self.usage = Usage()
        self._model = model
        self._journal = journal
        self._settings = settings
        self._price = token_price(settings.prices, model.name)
        budget = None
        if settings.max_cost_usd is not None:
            if self._price is None:
                raise UnknownPrice(
                    f"--max-cost needs the price of {model.name!r}: add it to chat.prices.models "
                    "in params.yaml, or leave --max-cost out"
                )
            budget = Budget(pico_dollars(settings.max_cost_usd), self._price)
        self._replay_scope = replay_scope if replay_dead_letters else None
        self._attempts = Attempts(KeyMaker(model.identity), journal, settings)
        self._commits = GroupCommit(journal)
        self._caller = Caller(
            model, self._commits, settings, self.usage, self._price, budget, jitter
        )
        self._runner = asyncio.Runner()
        self._lock = threading.Lock()
        self._close_journal = close_journal
        self._closed = False
        self._any_answer = False  # of all runs so far
        self._interrupted = False  # a run did not come to its end

    def run(
        self, requests: Sequence[ChatRequest], on_progress: Progress | None = None
    ) -> list[Outcome]:
        """An answer or a dead letter for each request, in their order.

        What is in the journal is not asked again; equal requests are asked once. Calls from
        several threads take turns. ``on_progress(done, total, usage)`` is called for each
        request, from this thread.

        Raises:
            ChatStopped: the run had to end early (key, balance, server down); what was in flight
                was awaited and kept. ``BudgetReached`` is one of them.
            TooManyDeadLetters: more than ``max_dead_letter_share``, of ``min_dead_letters`` at
                least or with no answer in any run so far; it carries the outcomes.
            MissingApiKey: a call is due and there is no key.
            JournalFailed: a reply could not be kept.
            UsageError: one question is asked with two reply schemas that look the same.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the chat engine is closed")
            if self._replay_scope is not None:
                self._attempts.replay = self._journal.open_replay(self._replay_scope)
            run = Run(
                requests,
                self._attempts,
                self._caller,
                self._commits,
                self._settings,
                self.usage,
                on_progress,
                self._any_answer,
            )
            interrupted, self._interrupted = self._interrupted, True
            outcomes = self._runner.run(run.finish())
            self._interrupted = interrupted
            self._any_answer |= any(isinstance(outcome, Answer) for outcome in outcomes)
            return outcomes

    def plan(self, requests: Sequence[ChatRequest]) -> Plan:
        """What :meth:`run` would call and cost; calls nothing, changes nothing, needs no key.

        Raises:
            JournalFailed: the journal could not be read.
        """
        with self._lock:
            self._foresee_replay()
            return make_plan(requests, self._attempts, self._journal, self._price, self._model.name)

    def recall(self, requests: Sequence[ChatRequest]) -> list[Outcome | None]:
        """What :meth:`run` would give without a call, None where it would call; changes nothing.

        Raises:
            JournalFailed: the journal could not be read.
        """
        with self._lock:
            self._foresee_replay()
            return recall(requests, self._attempts)

    def _foresee_replay(self) -> None:
        if self._replay_scope is not None:
            unfinished = self._journal.unfinished_replay(self._replay_scope)
            # A new replay will have a number above all there are.
            self._attempts.replay = sys.maxsize if unfinished is None else unfinished

    def close(self) -> None:
        """Closes the connections and the journal; may be called twice.

        A replay of dead letters is over with it, unless a run did not come to its end.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._runner.run(self._model.close())
            finally:
                self._runner.close()
                self._commits.close()
                if self._replay_scope is not None and not self._interrupted:
                    self._journal.finish_replay(self._replay_scope)
                if self._close_journal:
                    self._journal.close()

    def __enter__(self) -> Self:
        """The engine, closed when the ``with`` block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the engine."""
        self.close()


__all__ = ["ChatEngine", "ChatStopped", "Outcome", "Plan", "Progress", "Usage"]
