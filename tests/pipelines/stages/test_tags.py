"""Tags are those that the trainer finds, in the order that makes the list the same every time."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import StageFailed
from pipelines.stages.tags import MAX_TAGS, TagCounts
from trainer.errors import UsageError
from trainer.tags import check_tags, find_tags


def counted(*texts: str) -> TagCounts:
    counts = TagCounts()
    counts.add(texts)
    return counts


def test_by_count_then_name() -> None:
    counts = counted("[b][a]x[c]", "[c] [B]", "[Question-oh] [Two words]")
    assert counts.lines() == ["[c]", "[B]", "[Question-oh]", "[Two words]", "[a]", "[b]"]
    assert counts.summary() == "6 tags, 7 times"


def test_what_is_no_tag_is_told() -> None:
    counts = counted("[笑声]好[Sigh]", "[1][笑声]", "[[Laughter]]", "[]", "a[b")
    assert counts.lines() == ["[Laughter]", "[Sigh]"]
    assert counts.summary() == (
        "2 tags, 2 times; left out: 3 in brackets of another form ([笑声], [1])"
    )


@given(st.lists(st.text("[]aB1-_ 笑\n", max_size=40) | st.text(max_size=20), max_size=8))
def test_the_trainer_finds_the_same(texts: list[str]) -> None:
    counts = counted(*texts)
    assert counts.tags == find_tags(texts)
    assert Counter(counts.lines()) == Counter(set(counts.tags))


def test_too_many_are_no_tags() -> None:
    counts = counted("".join(f"[t{number}]" for number in range(MAX_TAGS)))
    check_tags(counts.lines())  # the trainer takes as many
    with pytest.raises(UsageError):
        check_tags([*counts.lines(), "[one more]"])
    with pytest.raises(StageFailed, match=r"\[one more\] is one: are these tags\?"):
        counts.add(["[one more]"])
