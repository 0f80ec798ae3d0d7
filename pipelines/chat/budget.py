"""A cap on money that is never passed: each call reserves the most it can cost before it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pipelines.chat.parts import most_picture_tokens, text_of
from pipelines.chat.prices import TokenCounts, TokenPrice
from pipelines.chat.request import Message

_TOKENS_PER_MESSAGE = 16  # role and separators of the chat template, generously


class Budget:
    """Money that may be spent, that is spent, and that calls in flight may still cost."""

    def __init__(self, cap_pico: int, price: TokenPrice) -> None:
        """A budget of ``cap_pico`` picodollars."""
        self.cap_pico = cap_pico
        self.spent_pico = 0
        self.reserved_pico = 0
        self._price = price
        self._changed = asyncio.Event()

    def most(self, messages: Sequence[Message], max_tokens: int) -> int:
        """Picodollars that a call can cost at the most: no cache hit, the longest reply.

        A byte-level tokenizer makes at most one token of a byte, whatever the language.
        """
        size = sum(len(text_of(message).encode()) for message in messages)
        pictures = sum(map(most_picture_tokens, messages))
        prompt = size + pictures + _TOKENS_PER_MESSAGE * len(messages)
        return self._price.cost_pico(TokenCounts(prompt=prompt, completion=max_tokens))

    def fits(self, amount_pico: int) -> bool:
        """Whether a call of this cost leaves spent + reserved at or below the cap."""
        return self.spent_pico + self.reserved_pico + amount_pico <= self.cap_pico

    def reserve(self, amount_pico: int) -> None:
        """Sets money aside for a call that starts."""
        self.reserved_pico += amount_pico

    def settle(self, reserved_pico: int, cost_pico: int) -> None:
        """Replaces what was reserved for a call by what it cost."""
        self.reserved_pico -= reserved_pico
        self.spent_pico += cost_pico
        self.wake()

    def wake(self) -> None:
        """Lets those that wait look again."""
        self._changed.set()

    async def wait(self) -> None:
        """Waits until a call in flight has been settled."""
        self._changed.clear()
        await self._changed.wait()
