"""What a run of chat calls used: calls, tokens and money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from pipelines.chat.prices import TokenCounts, TokenPrice, dollars


@dataclass(slots=True)
class Usage:
    """Counts since the engine was made; replies found in the journal add no tokens or money.

    Every field is a plain sum, so the usages of several engines add up.
    """

    calls: int = 0  # requests sent to the model, failed ones included
    retries: int = 0  # of these, repeated after an HTTP error, a timeout or a broken connection
    failed_calls: int = 0  # calls that brought no reply (HTTP error, timeout, reset)
    replies: int = 0  # calls that brought a reply; each is in the journal
    invalid_replies: int = 0  # replies that arrived, cost money and were not valid
    cached_calls: int = 0  # calls saved because the journal had the reply
    duplicates: int = 0  # requests answered together with an identical one of the same run
    dead_letters: int = 0  # requests that ended without a valid reply, duplicates included
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0  # prompt tokens that hit the server's prefix cache
    completion_tokens: int = 0
    cost_pico_usd: int = 0  # picodollars (1e-12 USD)
    saved_pico_usd: int = 0  # what the prefix cache took off the price
    unpriced_replies: int = 0  # replies of a model that the price table does not list
    unmetered_replies: int = 0  # replies that do not say how many tokens they used

    def add_reply(self, tokens: TokenCounts | None, price: TokenPrice | None) -> int | None:
        """Counts one reply that arrived; returns its cost in picodollars, None if unknown."""
        self.replies += 1
        if price is None:
            self.unpriced_replies += 1
        if tokens is None:
            self.unmetered_replies += 1
            return None
        self.prompt_tokens += tokens.prompt
        self.cached_prompt_tokens += tokens.cached_prompt
        self.completion_tokens += tokens.completion
        if price is None:
            return None
        cost = price.cost_pico(tokens)
        self.cost_pico_usd += cost
        self.saved_pico_usd += tokens.cached_prompt * (price.input - price.input_cached)
        return cost

    @property
    def cost_usd(self) -> Decimal | None:
        """Dollars spent; None where a reply's price or its tokens are not known."""
        if self.unpriced_replies or self.unmetered_replies:
            return None
        return dollars(self.cost_pico_usd)

    @property
    def prefix_cache_share(self) -> float:
        """Share of prompt tokens that hit the server's prefix cache, 0.0 where there are none."""
        return self.cached_prompt_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    def counts(self) -> dict[str, int]:
        """All counts by name, to be added up over workers."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def describe_cost(self) -> str:
        """The cost in words, which say so where it is not known.

        >>> Usage(replies=1, cost_pico_usd=47_700_000).describe_cost()
        '0.000048 USD'
        >>> Usage(replies=1, unpriced_replies=1).describe_cost()
        'an unknown cost (1 of 1 replies are of a model without a price in chat.prices)'
        """
        if self.unpriced_replies:
            return (
                f"an unknown cost ({self.unpriced_replies} of {self.replies} replies are of a "
                "model without a price in chat.prices)"
            )
        known = f"{dollars(self.cost_pico_usd):.6f} USD"
        if self.unmetered_replies:
            return f"at least {known} ({self.unmetered_replies} replies named no token counts)"
        return known


def since(before: Mapping[str, int], usage: Usage) -> Counter[str]:
    """What was used since ``before``, earlier counts of the same usage.

    >>> usage = Usage(calls=5, replies=4)
    >>> now = since(usage.counts() | {"calls": 2}, usage)
    >>> now["calls"], now["replies"]
    (3, 0)
    """
    return Counter({key: value - before[key] for key, value in usage.counts().items()})
