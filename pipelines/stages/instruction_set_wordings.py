"""Which instructions are the same, or nearly: no two generated ones of a language may be.

Two are the same if their letters and digits are. Two are nearly the same if the shingles they share
are a large part of those that either has (the Jaccard index, not the containment: a short
instruction that stands in a long one asks for less, and is another).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipelines.stages.near_duplicates import containment, crossing_pairs, normal_text, sketch
from schemas import Reason
from schemas.facts import Hashes

_DIGITS = 9  # of a place, as a name that sorts as the number does


class Wordings:
    """The instructions of one language in order, and which of them are kept."""

    def __init__(self, shingle_characters: int, similar_share: float) -> None:
        """There are none yet.

        Args:
            shingle_characters: see :mod:`pipelines.stages.near_duplicates`.
            similar_share: Jaccard index from which on (``>=``) two are nearly the same.
        """
        self._shingle, self._share = shingle_characters, similar_share
        self._keys: list[str] = []  # letters and digits of each instruction
        self._sketches: list[Hashes] = []
        self._near: defaultdict[int, list[int]] = defaultdict(list)  # earlier ones, by place
        self._kept: dict[int, str] = {}  # place -> name
        self._same: dict[str, str] = {}  # letters and digits -> name of the first kept

    def add(self, instructions: Sequence[str]) -> range:
        """Compares further instructions with all there are, and gives their places."""
        first = len(self._sketches)
        self._keys += map(normal_text, instructions)
        self._sketches += [sketch([text], self._shingle, scale=1) for text in instructions]
        named = [(str(place).zfill(_DIGITS), one) for place, one in enumerate(self._sketches)]
        # Through an index of all, which misses none; the containment is never below the other.
        pairs, _ = crossing_pairs(named, named[first:], self._share, min_hashes=1)
        for pair in pairs:
            one, other = int(pair.one), int(pair.other)
            alike = jaccard(self._sketches[one], self._sketches[other])
            if one != other and alike >= self._share:
                self._near[other].append(one)
        return range(first, len(self._sketches))

    def fault(self, place: int) -> tuple[Reason, str] | None:
        """Why an instruction is not new, and which kept one it repeats; None if it is."""
        same = self._same.get(self._keys[place])
        if same is not None:
            return Reason.INSTRUCTION_REPEATED, f"the wording of {same}"
        for other in self._near[place]:
            if other in self._kept:
                return Reason.INSTRUCTION_SIMILAR, f"nearly the wording of {self._kept[other]}"
        return None

    def keep(self, place: int, name: str) -> None:
        """Keeps an instruction: later ones may not repeat it."""
        self._kept[place] = name
        self._same.setdefault(self._keys[place], name)


def jaccard(one: Hashes, other: Hashes) -> float:
    """Shared shingles among all that either has; 0 where one is empty.

    >>> import numpy as np
    >>> jaccard(np.arange(4, dtype=np.uint64), np.arange(2, 6, dtype=np.uint64))
    0.3333333333333333
    """
    shared = containment(one, other) * min(len(one), len(other))
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0
