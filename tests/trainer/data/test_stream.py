from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.coded import scene, utterance, utterances, write
from tests.trainer.layouts import append, ta4
from trainer.data.rows import Row
from trainer.data.settings import DataSettings
from trainer.data.stream import BatchStream, Mapped
from trainer.errors import DataError


def data(*sources: dict[str, Any], **more: Any) -> DataSettings:  # noqa: ANN401
    fields: dict[str, Any] = {"layout": "append", "rows_per_batch": 4, "window_shards": 2}
    fields |= {"sources": list(sources), **more}
    if fields.get("tokens_per_batch"):
        fields["rows_per_batch"] = None
    return DataSettings.model_validate_json(json.dumps(fields))


def stream(*sources: dict[str, Any], **more: Any) -> BatchStream:  # noqa: ANN401
    found = data(*sources, **more)
    return BatchStream(found, append() if found.layout == "append" else ta4())


def take(batches: BatchStream, count: int) -> list[tuple[Row, ...]]:
    return list(itertools.islice(batches, count))


def ids(batches: list[tuple[Row, ...]]) -> list[str]:
    return [row.id for batch in batches for row in batch]


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4), st.integers(1, 12), st.booleans())
def test_every_row_once_an_epoch(
    number: int, shard_size: int, window: int, per_batch: int, shuffle: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = utterances(Path(name), number, shard_size)
        batches = stream(
            {"folder": str(folder)},
            rows_per_batch=per_batch,
            window_shards=window,
            shuffle=shuffle,
        )
        seen = ids(take(batches, -(-3 * number // per_batch)))
    expected = sorted(f"u{n:05d}" for n in range(number))
    for epoch in range(3):
        assert sorted(seen[epoch * number : (epoch + 1) * number]) == expected
    if not shuffle:
        assert seen[:number] == expected


def test_epochs_and_seeds_shuffle_differently(tmp_path: Path) -> None:
    utterances(tmp_path, 40)
    source = {"folder": str(tmp_path)}
    seen = ids(take(stream(source), 20))
    assert seen[:40] != seen[40:] and sorted(seen[:40]) == sorted(seen[40:])
    assert ids(take(stream(source, seed=1), 10)) != seen[:40]
    assert ids(take(stream(source), 20)) == seen


@settings(max_examples=20)
@given(st.data())
def test_going_on_gives_the_identical_batches(draw: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        sources = [
            {"folder": str(utterances(root / "a", draw.draw(st.integers(1, 30)), 3)), "weight": 3},
            {"folder": str(utterances(root / "b", draw.draw(st.integers(1, 9)), 2)), "weight": 1},
        ]
        sources[0]["references"] = [{"share": 0.7}]
        size = draw.draw(st.sampled_from([{"rows_per_batch": 5}, {"tokens_per_batch": 900}]))
        more = {"max_row_tokens": 300, **size}
        unbroken = stream(*sources, **more)
        before = take(unbroken, draw.draw(st.integers(0, 15)))
        state = json.loads(json.dumps(unbroken.state_dict()))  # as a checkpoint keeps it
        expected = take(unbroken, 10)
        resumed = stream(*sources, **more)
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        assert take(resumed, 10) == expected
        assert resumed.state_dict() == unbroken.state_dict()
        again = stream(*sources, **more)
        assert take(again, len(before) + 10) == before + expected


def test_reading_ahead_moves_nothing(tmp_path: Path) -> None:
    utterances(tmp_path, 30, 2)
    batches = stream({"folder": str(tmp_path)}, rows_per_batch=3)
    iterator = iter(batches)
    for _ in range(12):
        next(iterator)
        resumed = stream({"folder": str(tmp_path)}, rows_per_batch=3)
        resumed.load_state_dict(batches.state_dict())
        expected = take(resumed, 2)
        resumed.load_state_dict(batches.state_dict())  # back again, into a window left behind
        assert take(resumed, 2) == expected


@settings(max_examples=20)
@given(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=4))
def test_the_mixture_holds_its_shares_all_along(weights: list[float]) -> None:
    with tempfile.TemporaryDirectory() as name:
        sources = [
            {"folder": str(utterances(Path(name, str(n)), 2 + n)), "weight": w, "name": str(n)}
            for n, w in enumerate(weights)
        ]
        batches = stream(*sources, rows_per_batch=50)
        counts: Counter[str] = Counter()
        for batch in take(batches, 6):
            counts.update(row.source for row in batch)
            rows = counts.total()
            for n, weight in enumerate(weights):
                share = weight / sum(weights)
                assert abs(counts[str(n)] - share * rows) < len(weights)
        # 300 rows, each within a row or two: far below the 1 % of a real run's thousands
        assert counts.total() == 300


def test_the_ratio_is_within_one_percent_over_many_epochs(tmp_path: Path) -> None:
    sources = [
        {"folder": str(utterances(tmp_path / "s3", 50)), "weight": 0.95, "name": "s3"},
        {"folder": str(utterances(tmp_path / "s2", 7)), "weight": 0.05, "name": "s2"},
    ]
    batches = stream(*sources, rows_per_batch=100)
    counts = Counter(row.source for batch in take(batches, 20) for row in batch)
    assert counts["s2"] / counts.total() == pytest.approx(0.05, abs=0.0005)


@settings(max_examples=20)
@given(st.integers(250, 1200))
def test_the_token_budget_holds_and_no_row_is_lost(budget: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        utterances(Path(name), 23)
        batches = stream(
            {"folder": name}, tokens_per_batch=budget, max_row_tokens=250, shuffle=False
        )
        found = take(batches, 30)
    assert not batches.dropped
    for batch, after in itertools.pairwise(found):
        tokens = sum(map(len, batch))
        assert tokens <= budget < tokens + len(after[0])
    cycle = itertools.cycle(f"u{n:05d}" for n in range(23))
    assert ids(found) == list(itertools.islice(cycle, len(ids(found))))


def test_rows_that_are_too_long_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, [utterance("short", 5), utterance("long", 500)])
    batches = stream({"folder": str(tmp_path)}, rows_per_batch=1, max_row_tokens=300)
    assert ids(take(batches, 4)) == ["short"] * 4
    assert 3 <= batches.dropped["too_long"] <= 4
    assert "long: " in batches.why_dropped["too_long"]
    resumed = stream({"folder": str(tmp_path)}, rows_per_batch=1, max_row_tokens=300)
    resumed.load_state_dict(batches.state_dict())
    assert resumed.dropped == batches.dropped


def test_texts_that_name_special_tokens_are_left_out_and_counted(tmp_path: Path) -> None:
    cuts = [utterance("good"), utterance("bad", text="say <code_3>"), utterance("no", text=" ")]
    write(tmp_path, cuts)
    batches = stream({"folder": str(tmp_path)}, rows_per_batch=3)
    assert set(ids(take(batches, 2))) == {"good"}
    assert batches.dropped["layout"] >= 10


def test_a_source_without_a_usable_row_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, [utterance("a", 500), utterance("b", 600)])
    with pytest.raises(DataError, match="no row of a whole epoch can be used: .*tokens"):
        take(stream({"folder": str(tmp_path)}, max_row_tokens=300), 1)
    with pytest.raises(DataError, match="none is as `where` and `turns` want it"):
        take(stream({"folder": str(tmp_path), "where": {"rl": True}}), 1)
    with pytest.raises(DataError, match="no row of a whole epoch"):
        stream({"folder": str(tmp_path)}, max_row_tokens=300).check()


def test_a_check_moves_nothing(tmp_path: Path) -> None:
    utterances(tmp_path, 9)
    batches = stream({"folder": str(tmp_path)})
    before = batches.state_dict()
    batches.check()
    assert batches.state_dict() == before


def test_only_what_is_wanted(tmp_path: Path) -> None:
    cuts = [
        scene("s1", [3, 4, 5], rl=True, split="train"),
        scene("s2", [3, 4], rl=False, split="train"),
        utterance("u", 3, value="high"),
    ]
    write(tmp_path, cuts)
    folder = {"folder": str(tmp_path)}

    def rows(**more: Any) -> set[str]:  # noqa: ANN401
        batches = stream(folder | more, layout="ta4", rows_per_batch=1)
        return set(ids(take(batches, batches.sources[0].count())))

    assert rows() == {"s1-0", "s1-1", "s1-2", "s2-0", "s2-1", "u"}
    assert rows(turns="last") == {"s1-2", "s2-1", "u"}
    assert rows(where={"rl": True}) == {"s1-0", "s1-1", "s1-2"}
    assert rows(where={"rl": True}, turns="last") == {"s1-2"}
    assert rows(where={"value": ["high", "medium"]}) == {"u"}
    assert rows(where={"speaker": "S1"}) == {"s1-1", "s2-1"}


def test_steps_of_an_epoch(tmp_path: Path) -> None:
    one = {"folder": str(utterances(tmp_path / "a", 30)), "weight": 3}
    other = {"folder": str(utterances(tmp_path / "b", 5)), "weight": 1}
    assert stream(one, rows_per_batch=8).steps(2) == 8  # 60 rows
    assert stream(one, other, rows_per_batch=8).steps(1) == 5  # 30 rows are 3 / 4 of 40


def test_a_view_of_the_stream_keeps_its_place(tmp_path: Path) -> None:
    utterances(tmp_path, 9)
    batches = stream({"folder": str(tmp_path)})
    view = Mapped(batches, lambda rows: [row.example for row in rows])
    first = next(iter(view))
    state = view.state_dict()
    assert state == batches.state_dict()
    other = Mapped(stream({"folder": str(tmp_path)}), lambda rows: [row.example for row in rows])
    assert next(iter(other)) == first
    other.load_state_dict(state)
    assert next(iter(other)) == next(iter(view))
