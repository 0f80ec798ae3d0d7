"""Which parts of a corpus a sample is taken from."""

from __future__ import annotations

from collections.abc import Sequence


def spread(parts: Sequence[str], number: int) -> list[str]:
    """At most so many parts, from all over the corpus.

    >>> spread(["a", "b", "c", "d", "e"], 2), spread(["a"], 2)
    (['a', 'c'], ['a'])
    """
    most = min(number, len(parts))
    return [parts[len(parts) * at // most] for at in range(most)]
