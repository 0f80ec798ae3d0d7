"""A disk that is full, for real: a small tmpfs, at every stage of the utterances.

What the other tests have: fetch (tests/pipelines/fetching/test_fetch.py, ``ENOSPC`` in the
downloader), the journal alone (``test_a_full_disk_rolls_back_and_the_journal_can_go_on`` in
tests/pipelines/chat/test_journal.py).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workplace import contents
from tests.faults.forking import Ended
from tests.faults.lab import Lab, Step, lab, said, steps, temporary

CHAIN = ("emilia-ingest", "emilia-annotate", "emilia-select", "emilia-emit")
EXPORT = "emilia-export"
# Room left, in bytes: nothing at all; a page, which the failure's message itself may take; some
# files but not all.
ROOMS = {
    "emilia-ingest": (0, 4096, 40960),
    "emilia-annotate": (16384, 65536),
    "emilia-select": (0, 40960),
    "emilia-emit": (0,),
    EXPORT: (40960,),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("full"), CHAIN) as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "small"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path, room: int) -> Path:
    """Takes all space but ``room`` bytes."""
    state, ballast = os.statvfs(disk), disk / "ballast"
    ballast.write_bytes(bytes(state.f_bavail * state.f_frsize - room))
    return ballast


@pytest.mark.parametrize(
    ("name", "room"), [(n, room) for n, all_ in ROOMS.items() for room in all_]
)
def test_a_full_disk_is_one_line_that_names_the_file_and_space_mends_it(
    built: Lab, small: Path, name: str, room: int
) -> None:
    (step,) = [step for step in steps(built.workplace) if step.name == name]
    output, journal = small / "out", small / "replies.sqlite"
    more = ("--journal", str(journal)) if name == "emilia-annotate" else ()
    ballast = fill(small, room)
    failed = built.run(step, output, *more)
    assert_one_line_says_it(step, failed, small)
    assert temporary(small) == []
    assert not any((output / last).exists() for last in ("stage.json", "README.md"))
    ballast.unlink()
    if name == EXPORT and contents(output):  # it names another folder, or this one empty
        for path in contents(output):
            (output / path).unlink()
    done = built.run(step, output, *more)
    assert (done.status, said(step, done)) == (0, []), done
    if name != EXPORT:
        assert contents(output) == contents(step.folder)


def assert_one_line_says_it(step: Step, ended: Ended, small: Path) -> None:
    assert ended.status in (1, 2), ended
    (line,) = said(step, ended)
    assert line.startswith("error: ") and str(small) in line, line
    assert "free some space and run" in line and "while running" not in line, line
