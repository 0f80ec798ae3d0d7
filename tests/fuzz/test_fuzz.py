"""A small share of `python -m tests.fuzz`, and that it would notice: seconds, not minutes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.__main__ import run_apart
from tests.fuzz.mutate import JSON
from tests.fuzz.registry import all_targets, shares
from tests.fuzz.target import Target, run_target

CASES = 4000


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Target]]:
    yield all_targets(tmp_path_factory.mktemp("fuzz"))


def test_nothing_but_our_errors_from_any_parser(targets: list[Target]) -> None:
    outcomes = [
        run_target(target, cases, seed=1)
        for target, cases in zip(targets, shares(targets, CASES), strict=True)
    ]
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    assert sum(outcome.cases for outcome in outcomes) >= CASES
    assert sum(outcome.refused for outcome in outcomes) > CASES // 5  # the damage is real


def test_every_target_has_its_own_name_and_cases(targets: list[Target]) -> None:
    assert len({target.name for target in targets}) == len(targets) >= 60
    for target in targets[:10]:
        assert target.case(3, seed=0) == target.case(3, seed=0)
    assert len({targets[0].case(number, seed=0) for number in range(50)}) > 40


def test_a_foreign_exception_is_found_once_with_its_input() -> None:
    broken = Target(
        "broken", (b'{"a": 1}',), lambda content: json.loads(content)["a"], mutators=JSON
    )
    outcome = run_target(broken, 300, seed=0)
    assert {failure.error.split(" ")[0] for failure in outcome.failures} >= {"JSONDecodeError"}
    assert len({failure.error for failure in outcome.failures}) == len(outcome.failures)
    with pytest.raises(Exception):  # noqa: B017, PT011  (whatever it was, it comes again)
        broken.parse(outcome.failures[0].content)


def test_a_hang_and_a_crash_are_found_too() -> None:
    def hang(content: bytes) -> object:
        while True:
            pass

    (failure,) = run_target(Target("hang", (b"x",), hang), 1, seed=0).failures
    assert failure.error.startswith("Hang")

    crash = Target("crash", (b"x",), lambda content: os._exit(11) if content == b"" else None)
    (failure,) = run_apart(crash, 1000, seed=0).failures
    assert failure.content == b"" and "status 11" in failure.error


def test_the_command_says_where_it_saved_what_it_found(tmp_path: Path) -> None:
    from tests.fuzz.__main__ import _save
    from tests.fuzz.target import Failure

    path = _save(Failure("a b", b"\0x", "KeyError"), tmp_path / "new")
    assert path.read_bytes() == b"\0x" and path.parent == tmp_path / "new"
