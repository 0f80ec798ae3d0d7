"""A dry run: what a run would call and cost, without a call and without a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from pipelines.chat.attempts import Attempt, Attempts, Outcome, unsendable
from pipelines.chat.journal import Journal
from pipelines.chat.keys import Key
from pipelines.chat.parts import estimate_picture_tokens, text_of
from pipelines.chat.prices import TokenCounts, TokenPrice, dollars
from pipelines.chat.request import Answer, ChatRequest, Message

# UTF-8 bytes a token, as DeepSeek's tokenizer has them: 0.3 tokens an English character, 0.6 a
# Chinese one of three bytes. https://api-docs.deepseek.com/quick_start/token_usage
_BYTES_PER_ASCII_TOKEN = 1 / 0.3
_BYTES_PER_OTHER_TOKEN = 3 / 0.6
# Of max_tokens, until the journal has replies of this model to take the mean of.
_SHARE_OF_MAX_TOKENS = 0.25
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. Corrections of invalid replies are not foreseen."""

    requests: int
    duplicates: int  # requests that are the same as an earlier one
    answered: int  # distinct requests whose answer is in the journal
    dead: int  # distinct requests whose attempts are in the journal, and used up
    unsendable: int  # requests with text that UTF-8 cannot hold
    calls: int
    prompt_tokens: int  # estimated
    cached_prompt_tokens: int  # estimated: the first message, after the first call that has it
    completion_tokens: int  # estimated
    cost_usd: Decimal | None  # estimated; None for a model without a price in chat.prices
    cost_bound_usd: Decimal | None  # the same without one hit of the server's prefix cache

    @classmethod
    def total(cls, plans: Iterable[Plan]) -> Plan:
        """Several plans as one; the cost is unknown where one of them is."""
        found = list(plans)
        summed = {
            field.name: sum((getattr(plan, field.name) for plan in found), start=0)
            for field in fields(cls)
            if not field.name.startswith("cost_")
        }
        return cls(
            **summed,
            cost_usd=_sum([plan.cost_usd for plan in found]),
            cost_bound_usd=_sum([plan.cost_bound_usd for plan in found]),
        )

    def describe(self) -> str:
        """The plan in a line."""
        known = f"{self.answered} answered in the journal"
        known += f", {self.duplicates} equal to another one" if self.duplicates else ""
        known += f", {self.dead} dead letters" if self.dead else ""
        known += f", {self.unsendable} that cannot be sent" if self.unsendable else ""
        cost = "a cost that is unknown, the model has no price in chat.prices"
        if self.cost_usd is not None:
            cost = f"{self.cost_usd:.4f} USD (at most {self.cost_bound_usd:.4f} without its cache)"
        return (
            f"{self.requests} requests: {known}; {self.calls} calls to make, about "
            f"{self.prompt_tokens} prompt and {self.completion_tokens} completion tokens, {cost}"
        )


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def make_plan(
    requests: Sequence[ChatRequest],
    attempts: Attempts,
    journal: Journal,
    price: TokenPrice | None,
    model: str,
) -> Plan:
    """Looks all requests up, in chunks, and estimates what is left.

    Raises:
        JournalFailed: the journal could not be read.
    """
    seen: set[Key] = set()
    duplicates = answered = dead = unsendable = calls = 0
    prompt = cached = completion = 0
    static_seen: set[str] = set()
    mean_completion = _mean_completion(journal, model)
    for start in range(0, len(requests), _CHUNK):
        firsts: list[Attempt] = []
        for index in range(start, min(start + _CHUNK, len(requests))):
            try:
                attempt = attempts.first(index, requests[index])
            except TypeError:
                unsendable += 1
                continue
            if attempt.base_key in seen:
                duplicates += 1
                continue
            seen.add(attempt.base_key)
            firsts.append(attempt)
        looked = attempts.look_up(firsts, write=False)
        done = [isinstance(outcome, Answer) for _, outcome in looked.settled]
        answered += sum(done)
        dead += len(done) - sum(done)
        calls += len(looked.due)
        for attempt in looked.due:
            sizes = list(_prompt_tokens(attempt.messages))
            prompt += sum(sizes)
            static = text_of(attempt.messages[0])
            if len(sizes) > 1 and static in static_seen:
                cached += sizes[0]
            static_seen.add(static)
            typical = attempt.request.typical
            if typical is not None:
                completion += estimate_tokens(typical.model_dump_json(by_alias=True))
            elif mean_completion is None:
                completion += int(attempt.max_tokens * _SHARE_OF_MAX_TOKENS)
            else:
                completion += min(mean_completion, attempt.max_tokens)
    likely, bound = TokenCounts(prompt, cached, completion), TokenCounts(prompt, 0, completion)
    return Plan(
        requests=len(requests),
        duplicates=duplicates,
        answered=answered,
        dead=dead,
        unsendable=unsendable,
        calls=calls,
        prompt_tokens=prompt,
        cached_prompt_tokens=cached,
        completion_tokens=completion,
        cost_usd=dollars(price.cost_pico(likely)) if price else None,
        cost_bound_usd=dollars(price.cost_pico(bound)) if price else None,
    )


def recall(requests: Sequence[ChatRequest], attempts: Attempts) -> list[Outcome | None]:
    """The outcomes that the journal holds; None where a call is due.

    Raises:
        JournalFailed: the journal could not be read.
    """
    outcomes: list[Outcome | None] = [None] * len(requests)
    for start in range(0, len(requests), _CHUNK):
        firsts: list[Attempt] = []
        for index in range(start, min(start + _CHUNK, len(requests))):
            try:
                firsts.append(attempts.first(index, requests[index]))
            except TypeError as error:
                outcomes[index] = unsendable(error)
        for attempt, outcome in attempts.look_up(firsts, write=False).settled:
            outcomes[attempt.index] = outcome
    return outcomes


def _mean_completion(journal: Journal, model: str) -> int | None:
    totals = journal.totals().get(model)
    if totals is None or not totals.metered_replies:
        return None
    return round(totals.completion_tokens / totals.metered_replies)


def _prompt_tokens(messages: Sequence[Message]) -> Iterator[int]:
    return (
        estimate_tokens(text_of(message)) + estimate_picture_tokens(message) for message in messages
    )


def estimate_tokens(text: str) -> int:
    """Roughly how many tokens a text has.

    >>> estimate_tokens("a" * 100), estimate_tokens("字" * 100)
    (30, 60)
    """
    total = len(text.encode())
    ascii_count = len(text) if text.isascii() else sum(character < "\x80" for character in text)
    tokens = ascii_count / _BYTES_PER_ASCII_TOKEN
    return round(tokens + (total - ascii_count) / _BYTES_PER_OTHER_TOKEN)
