"""Draws that depend on nothing but a seed and what they are for: no order, no worker, no state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Option = TypeVar("Option")


def draw(seed: int, *purpose: str) -> int:
    """A number of 64 bits, as good as random.

    Args:
        seed: of the set.
        purpose: what is drawn, and for which record.

    >>> draw(0, "template", "a") == draw(0, "template", "a") != draw(1, "template", "a")
    True
    """
    # The lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in (str(seed), *purpose))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def pick(options: Sequence[Option], seed: int, *purpose: str) -> Option:
    """One of the options, each as likely as the others; their order must be the same every time.

    >>> pick("abc", 0, "letter", "1") in "abc"
    True
    """
    return options[draw(seed, *purpose) % len(options)]


def shuffled(ids: Sequence[str], seed: int, *purpose: str) -> list[str]:
    """The ids in an order as good as random, whatever order they came in.

    >>> shuffled(["a", "b", "c"], 0, "rows") == shuffled(["c", "a", "b"], 0, "rows")
    True
    """
    return sorted(ids, key=lambda one: (draw(seed, *purpose, one), one))
