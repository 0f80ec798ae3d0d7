"""From tokens to money, in whole picodollars: sums are exact and independent of their order.

A price per 1 M tokens with up to six decimals is a whole number of picodollars (1e-12 USD) a
token, and 64 bits hold nine million dollars of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pipelines.chat.settings import PriceTable

PICO_PER_USD = 10**12
_PICO_PER_TOKEN = 10**6  # of a price of 1 USD per 1 M tokens


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens that one reply was billed for."""

    prompt: int = 0  # all prompt tokens, cached ones included
    cached_prompt: int = 0  # those that hit the server's prefix cache
    completion: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """Picodollars a token of one model."""

    input_cached: int
    input: int
    output: int

    def cost_pico(self, tokens: TokenCounts) -> int:
        """Picodollars for these tokens.

        >>> price = TokenPrice(input_cached=3000, input=150_000, output=600_000)
        >>> price.cost_pico(TokenCounts(prompt=1000, cached_prompt=900, completion=50))
        47700000
        """
        missed = tokens.prompt - tokens.cached_prompt
        return (
            tokens.cached_prompt * self.input_cached
            + missed * self.input
            + tokens.completion * self.output
        )


def token_price(table: PriceTable | None, model: str) -> TokenPrice | None:
    """Price of the model, None where the table does not list it.

    Fractions of a picodollar a token are rounded up.
    """
    price = table.models.get(model) if table is not None else None
    if price is None:
        return None
    return TokenPrice(
        input_cached=_pico(price.input_cached), input=_pico(price.input), output=_pico(price.output)
    )


def dollars(pico: int) -> Decimal:
    """Picodollars as dollars, exactly.

    >>> dollars(47_700_000) == Decimal("0.0000477")
    True
    """
    return Decimal(pico).scaleb(-12)


def pico_dollars(usd: float) -> int:
    """Dollars, as written in a parameter, as picodollars."""
    # Through the shortest text of the float: 0.1 means a tenth, not 0.1000000000000000055.
    return int(Decimal(repr(usd)) * PICO_PER_USD)


def _pico(usd_per_million: float) -> int:
    exact = Decimal(repr(usd_per_million)) * _PICO_PER_TOKEN
    whole = int(exact)
    return whole if whole == exact else whole + 1
