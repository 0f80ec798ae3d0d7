"""Tables that survive a kill and end with the same bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from trainer.errors import UsageError
from trainer.evaluating.heard import Heard
from trainer.evaluating.kept import Kept, key_of, read_rows

KEYS = [key_of({"number": number}) for number in range(10)]


def rows(numbers: list[int]) -> list[Heard]:
    return [Heard(key=KEYS[one], case_id=f"case {one}", value=one / 3) for one in numbers]


def test_however_it_was_interrupted_the_table_is_the_same(tmp_path: Path) -> None:
    whole: Kept[Heard] = Kept(tmp_path / "whole.parquet", Heard, {"judge": "me"})
    whole.add(rows(list(range(10))))
    assert whole.finish(KEYS) == rows(list(range(10)))
    for seed in range(5):
        chance = random.Random(seed)
        path = tmp_path / f"{seed}.parquet"
        left = list(range(10))
        chance.shuffle(left)
        while left:
            kept: Kept[Heard] = Kept(path, Heard, {"judge": "me"})  # a new process
            assert len(kept.rows) == 10 - len(left)
            for _ in range(chance.randint(1, 2)):
                size = chance.randint(1, 3)
                kept.add(rows(left[:size]))
                left = left[size:]
                if not left:
                    break
            assert not path.exists()
        Kept(path, Heard, {"judge": "me"}).finish(KEYS)
        assert path.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
        assert not path.with_suffix(".parts").exists()


def test_a_table_that_grows_again_is_not_whole_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    kept: Kept[Heard] = Kept(path, Heard, {})
    kept.add(rows([0, 1]))
    kept.finish(KEYS[:2])
    again: Kept[Heard] = Kept(path, Heard, {})
    again.add(rows([2]))
    assert not path.exists()
    last: Kept[Heard] = Kept(path, Heard, {})
    assert set(last.rows) == set(KEYS[:3])
    assert last.finish([KEYS[2], KEYS[0], KEYS[2]]) == [*rows([2]), *rows([0]), *rows([2])]
    assert read_rows(path, Heard) == rows([2, 0])  # the other row is nobody's any more


def test_what_is_no_such_table_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"no table")
    with pytest.raises(UsageError, match="t.parquet: .*remove it and run this again"):
        Kept(path, Heard, {})
