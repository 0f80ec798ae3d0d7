from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.turns import (
    Found,
    Peer,
    Round,
    agreement_claim,
    difference,
    speed_claim,
    take_turns,
    to_series,
)

DOUBLES = """
import json, sys
for line in sys.stdin:
    size = json.loads(line)["size"]
    print(json.dumps({"seconds": 2.0 * size, "values": [size, int(sys.argv[1])]}), flush=True)
"""


def program(folder: Path, code: str) -> str:
    """A peer's program outside the folder of the others; its name without the suffix."""
    (folder / "made.py").write_text(code, encoding="utf-8")
    return str(folder / "made")


def test_a_peer_stays_between_its_rounds(tmp_path: Path) -> None:
    with Peer(sys.executable, program(tmp_path, DOUBLES), "7") as peer:
        assert [peer(3), peer(4)] == [Round(6.0, (3.0, 7.0)), Round(8.0, (4.0, 7.0))]


def test_a_peer_that_ends_says_why(tmp_path: Path) -> None:
    name = program(tmp_path, "input()\nraise ValueError('no such model')")
    with (
        Peer(sys.executable, name) as peer,
        pytest.raises(RuntimeError, match="(?s)made ended with 1:.*no such model"),
    ):
        peer(3)


def test_a_peer_that_never_answers_is_ended(tmp_path: Path) -> None:
    name = program(tmp_path, "import time\ntime.sleep(600)")
    with (
        Peer(sys.executable, name, timeout_s=0.2) as peer,
        pytest.raises(RuntimeError, match="made ended with -9"),
    ):
        peer(3)


def test_taking_turns() -> None:
    asked: list[tuple[str, int]] = []

    def named(name: str, seconds: float) -> Round:
        asked.append((name, int(seconds)))
        return Round(seconds, (1.0,))

    found = take_turns(
        {"ours": lambda size: named("ours", size), "peer": lambda size: named("peer", 3 * size)},
        [2, 8],
        {2: 2, 8: 1},
    )
    first = [("ours", 2), ("peer", 6)]
    assert asked == [*first, *first, *first, ("ours", 8), ("peer", 24)]
    assert [(one.program, one.size, one.values) for one in to_series(found, "tokens")] == [
        ("ours", 2, (2.0, 2.0)),
        ("peer", 2, (6.0, 6.0)),
        ("ours", 8, (8.0,)),
        ("peer", 8, (24.0,)),
    ]
    assert speed_claim(found, "peer", 8, 2.5, "a step").value == 3.0


def test_what_was_not_run_is_no_figure() -> None:
    found: Found = {("ours", 2): [Round(1.0, (1.0,))]}
    for claim in (speed_claim(found, "peer", 2, 2.5, ""), agreement_claim(found, "peer", 1.0, "")):
        assert claim.value is None
        assert not claim.met
        assert claim.reason.startswith("peer was not run")


def test_the_largest_difference_counts() -> None:
    found: Found = {
        ("ours", 2): [Round(1.0, (1.0, 2.0)), Round(1.0, (1.0, 2.0))],
        ("peer", 2): [Round(1.0, (1.0, 2.5)), Round(1.0, (0.25, 2.0))],
    }
    assert difference(found, "peer") == 0.75
    assert not agreement_claim(found, "peer", 0.5, "").met
    found["peer", 2][1] = Round(1.0, (1.0,))
    with pytest.raises(ValueError, match="zip"):
        difference(found, "peer")
