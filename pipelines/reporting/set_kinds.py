"""What a set's rows are composed by, from the counts in its ``stage.json``, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pipelines.reporting.set_facts import Kinds

# Prefix of a count -> what the page calls it; values that have words of their own.
_ROLES = "What a recording is there for"
_PAIRS = {
    "chosen.": "Emotion asked for",
    "rejected.": "Emotion of the less preferred recording",
    "role.": _ROLES,
}
_DECOUPLING = {
    "emotion.": "Emotion asked for",
    "text.": "Emotion of the text, beside that one",
    "reference.": "Voice to speak with",
    "reference_emotion.": "Emotion of that voice",
}
_ORIGINS = "Where the instructions are from"
_WORDS = {
    "role.chosen": "preferred in a pair",
    "role.partner": "only beside others",
    "text.aligned": "the same (aligned)",
    "text.conflicting": "another (conflicting)",
    "text.unknown": "not known",
    "sampled": "of the corpora",
    "dictionary": "written: dictionary",
    "free": "written: free",
}
_FEATURES = "features_"
_ROUNDS = "rounds"  # of asking: no rows


def kinds_of(kind: str, counts: Mapping[str, int]) -> tuple[Kinds, ...]:
    """The groups that a set of this kind counts, the most rows first in each.

    Args:
        kind: of the set's settings.
        counts: of ``stage.json``.

    >>> (found,) = kinds_of("preference_pairs", {"chosen.sad": 2, "language.en": 2})
    >>> found.counts
    (('sad', 2),)
    """
    if kind == "instructions":
        return tuple(_named([(_ORIGINS, origins(counts))]))
    titles = _PAIRS if kind == "preference_pairs" else _DECOUPLING
    return tuple(_named((title, _under(counts, prefix)) for prefix, title in titles.items()))


def origins(counts: Mapping[str, int], language: str | None = None) -> Counter[str]:
    """Rows of a set of instructions by origin: ``sampled``, ``features_3``, ...

    Args:
        counts: of ``stage.json``: ``en.sampled``, ``en.features_3``, ``en.rounds``, ...
        language: of the rows; None for all.
    """
    found: Counter[str] = Counter()
    for key, rows in counts.items():
        code, _, origin = key.partition(".")
        if origin and origin != _ROUNDS and language in (None, code):
            found[origin] += rows
    return found


def drawn(kind: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    """How the names of those counts begin that are shown here, and need not be listed again."""
    if kind == "instructions":
        return tuple(name for name in counts if not name.endswith(f".{_ROUNDS}"))
    return (*(_PAIRS if kind == "preference_pairs" else _DECOUPLING), "language.")


def _named(groups: Iterable[tuple[str, Mapping[str, int]]]) -> Iterator[Kinds]:
    for title, counts in groups:
        order = sorted((name for name in counts if counts[name]), key=lambda n: (-counts[n], n))
        if order and not (title == _ROLES and len(order) == 1):  # all are preferred once
            yield Kinds(title=title, counts=tuple((_words(name), counts[name]) for name in order))


def _under(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        key if key in _WORDS else key.removeprefix(prefix): rows
        for key, rows in counts.items()
        if key.startswith(prefix)
    }


def _words(name: str) -> str:
    if name.startswith(_FEATURES):
        return f"written: {name.removeprefix(_FEATURES)} features"
    return _WORDS.get(name, name)
