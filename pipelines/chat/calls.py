"""One call with everything that can go wrong between asking and having the reply on disk."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime

from pipelines.chat.attempts import Attempt
from pipelines.chat.budget import Budget
from pipelines.chat.errors import BudgetReached, ChatStopped, TransportError, UnreadablePicture
from pipelines.chat.group_commit import GroupCommit
from pipelines.chat.journal import ClaimingJournal, JournalledReply
from pipelines.chat.prices import TokenPrice, dollars
from pipelines.chat.reply import Completion, read_completion
from pipelines.chat.request import Cause, ChatModel, DeadLetter, RawReply
from pipelines.chat.retry import Meaning, delay_s, meaning, next_step
from pipelines.chat.settings import ChatSettings
from pipelines.chat.usage import Usage
from pipelines.errors import PipelineError

_SHOWN_CHARACTERS = 300  # of an error reply in messages
_CLAIM_POLL_S = 0.1  # how often a worker looks whether another has finished its call


class Halt:
    """Tells all workers of a run to make no new call, and why; the first reason counts."""

    def __init__(self) -> None:
        """A run that goes on."""
        self.reason: BaseException | None = None
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    def because(self, reason: BaseException) -> None:
        """Ends the run."""
        if self.reason is None:
            self.reason = reason
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Sleeps, but not past the end of the run."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return  # the time is over, as it should be


class Caller:
    """Makes calls for one engine: budget, back-off, accounting, journal."""

    def __init__(
        self,
        model: ChatModel,
        commits: GroupCommit,
        settings: ChatSettings,
        usage: Usage,
        price: TokenPrice | None,
        budget: Budget | None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``jitter`` gives numbers from 0 to 1; ``usage`` is added to."""
        self._model = model
        self._commits = commits
        self._settings = settings
        self._usage = usage
        self._price = price
        self._budget = budget
        self._jitter = jitter
        self._unanswered = 0  # requests in a row that got no reply after all their retries

    async def call(
        self, attempt: Attempt, halt: Halt
    ) -> tuple[JournalledReply, Completion | None] | DeadLetter | None:
        """The reply, durable in the journal; None where the run ended before there was one.

        The completion is given where it has been read already. Where the journal knows claims, a
        reply that another worker is buying is waited for.

        Raises:
            JournalFailed: the reply could not be kept.
        """
        journal = self._commits.journal
        if not isinstance(journal, ClaimingJournal):
            return await self._buy(attempt, halt)
        while not halt:
            if not await self._commits.call(journal.claim, attempt.key):
                await halt.sleep(_CLAIM_POLL_S)
                continue
            bought = None
            try:
                # Only now: another worker may have committed since the look-up, and let go.
                earlier = await self._commits.call(journal.find, [attempt.key])
                if earlier:
                    self._usage.cached_calls += 1
                    return earlier[attempt.key], None
                bought = await self._buy(attempt, halt)
                return bought
            finally:
                if not isinstance(bought, tuple):  # a commit lets go by itself
                    await self._commits.call(journal.release, [attempt.key])
        return None

    async def _buy(
        self, attempt: Attempt, halt: Halt
    ) -> tuple[JournalledReply, Completion | None] | DeadLetter | None:
        retries = 0
        while True:
            reserved = await self._reserve(attempt, halt)
            if reserved is None:
                return None
            try:
                raw, problem = await self._ask(attempt, reserved)
            except UnreadablePicture as error:
                self._settle(reserved, 0)
                return DeadLetter(Cause.PICTURE_UNREADABLE, str(error), "", attempt.number - 1)
            if raw is not None:
                what = meaning(raw)
                if what is Meaning.REPLY:
                    self._unanswered = 0
                    return await self._keep(attempt, raw, reserved)
                problem = f"HTTP {raw.status}: {raw.text.strip()[:_SHOWN_CHARACTERS]}"
            self._usage.failed_calls += 1
            self._settle(reserved, 0)
            if raw is not None and what is Meaning.STOP:
                halt.because(
                    ChatStopped(
                        f"the server of {self._model.name} answered {problem}. To go on, "
                        f"{next_step(raw)}"
                    )
                )
                return None
            if raw is not None and what is Meaning.DEAD_LETTER:
                return DeadLetter(Cause.REQUEST_REFUSED, problem, raw.text, attempt.number - 1)
            if retries >= self._settings.max_retries:
                return self._give_up(attempt, halt, raw, problem)
            headers = raw.headers if raw is not None else {}
            now = datetime.now(UTC)
            await halt.sleep(delay_s(retries, headers, self._settings, self._jitter(), now))
            if halt:
                return None
            retries += 1
            self._usage.retries += 1

    async def _ask(self, attempt: Attempt, reserved: int) -> tuple[RawReply | None, str]:
        self._usage.calls += 1
        try:
            raw = await self._model.complete(
                attempt.messages, attempt.request.reply_schema, attempt.max_tokens
            )
        except TransportError as error:
            return None, str(error)
        except PipelineError:  # nothing was sent: no key, say
            self._usage.calls -= 1
            raise
        return raw, ""

    async def _keep(
        self, attempt: Attempt, raw: RawReply, reserved: int
    ) -> tuple[JournalledReply, Completion | None]:
        # Only the envelope is read before the commit, by a function that never fails: for the
        # token counts beside the text. What the model wrote is looked at afterwards.
        completion = read_completion(raw.text)
        cost = self._usage.add_reply(completion.tokens, self._price)
        # A reply that names no counts may have cost anything up to what was reserved.
        self._settle(reserved, reserved if cost is None else cost)
        reply = JournalledReply(
            key=attempt.key,
            status=raw.status,
            text=raw.text,
            sha256=hashlib.sha256(raw.text.encode()).digest(),
            model=completion.model or self._model.name,
            priced_as=self._model.name,
            tokens=completion.tokens,
            cost_pico_usd=cost,
        )
        kept = await self._commits.write(reply)
        # Another process had its reply in the journal first: that one is the answer for both.
        return kept, completion if kept is reply else None

    async def _reserve(self, attempt: Attempt, halt: Halt) -> int | None:
        budget = self._budget
        if budget is None:
            return None if halt else 0
        amount = budget.most(attempt.messages, attempt.max_tokens)
        while not halt:
            if budget.fits(amount):
                budget.reserve(amount)
                return amount
            if not budget.reserved_pico:  # nothing in flight can give money back
                halt.because(
                    BudgetReached(
                        f"the budget of {dollars(budget.cap_pico)} USD is reached: "
                        f"{dollars(budget.spent_pico):.6f} USD are spent, and the next call may "
                        f"cost {dollars(amount):.6f} USD. To go on, raise --max-cost "
                        "(chat.max_cost_usd)"
                    )
                )
                budget.wake()
                return None
            await budget.wait()
        return None

    def _settle(self, reserved: int, cost: int) -> None:
        if self._budget is not None:
            self._budget.settle(reserved, cost)

    def _give_up(
        self, attempt: Attempt, halt: Halt, raw: RawReply | None, problem: str
    ) -> DeadLetter:
        self._unanswered += 1
        times = self._settings.max_retries + 1
        if self._unanswered >= self._settings.stop_after_unanswered:
            halt.because(
                ChatStopped(
                    f"{self._unanswered} requests in a row had no reply, each asked {times} "
                    f"times; the last: {problem}. To go on, check that the server is up and "
                    "chat.base_url (--chat-base-url) is right"
                )
            )
        detail = f"no reply, asked {times} times; the last: {problem}"
        raw_text = raw.text if raw is not None else ""
        return DeadLetter(Cause.NO_REPLY, detail, raw_text, attempt.number - 1)
