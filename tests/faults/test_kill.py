"""``kill -9`` of every stage at points drawn by chance: the next run ends as if nothing had been.

What the other tests have: annotate at a number of replies (tests/e2e/test_money.py), annotate of
recordings (tests/pipelines/test_annotate_episodes_command.py), compose of instructions
(tests/pipelines/test_compose_instructions.py), fetch in the middle of a download
(tests/pipelines/fetching/test_kill.py), caption, separate and diarize and their stores
(tests/pipelines/test_caption_command.py and its neighbours), two processes on one journal
(tests/pipelines/chat/test_processes.py), tokenize (tests/trainer/tokenizing/test_tokenize.py),
``evaluate generate`` (tests/trainer/commands/test_evaluate.py), ``score`` (test_score.py there),
training (test_resume.py there). Here every stage dies at an exact change of the file system, also
between two of them that no clock would hit, alone or over an older finished output.

``FAULT_SEEDS=20 pytest tests/faults/test_kill.py`` tries 20 points a stage instead of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.emitted import NotEmitted, emitted_facts
from manifests.storage import LocalFiles
from pipelines.errors import UsageError
from pipelines.stage import open_stage
from tests.e2e.workplace import contents
from tests.faults.lab import Lab, Step, lab, said, steps, temporary

SEEDS = range(int(os.environ.get("FAULT_SEEDS", "1")))
IN_FLIGHT = 4
STAGES = (
    *("emilia-ingest", "emilia-annotate", "emilia-select", "emilia-emit"),
    *("wenetspeech-ingest", "wenetspeech-fetch", "wenetspeech-separate", "wenetspeech-diarize"),
    *("wenetspeech-cut_scenes", "wenetspeech-caption", "wenetspeech-select", "wenetspeech-emit"),
    "s1-compose",
)
EXPORT = "emilia-export"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("kill")) as found:
        found.workplace.change({"chat.max_in_flight": IN_FLIGHT})
        yield found


def step_of(built: Lab, name: str) -> Step:
    (step,) = [step for step in steps(built.workplace) if step.name == name]
    return step


def finished(step: Step, output: Path) -> bool:
    """Whether what comes next takes the folder for finished, by its own check."""
    try:
        open_stage(str(output), "it")
        if step.name.endswith("-emit"):
            emitted_facts(str(output), LocalFiles())
    except (UsageError, NotEmitted):
        return False
    return True


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", STAGES)
def test_a_killed_stage_ends_as_if_nothing_had_been(
    built: Lab, name: str, seed: int, tmp_path: Path
) -> None:
    step = step_of(built, name)
    whole, beside = contents(step.folder), {} if step.beside is None else _settled(step.beside)
    watch = tmp_path if step.beside is None else built.workplace.folder
    output, stores = watch / "out", ("--journal", str(tmp_path / "replies.sqlite"))
    if step.beside is not None:
        shutil.rmtree(output, ignore_errors=True)
        shutil.rmtree(step.beside)
    more = stores if name.endswith("-annotate") else ()
    if name.endswith("-caption"):
        built.workplace.change({"results": str(tmp_path / "results")})
    draw = random.Random(f"{name} {seed}")
    older = draw.random() < 0.5  # half the time over an older, finished output
    if older:
        shutil.copytree(step.folder, output)
    built.server.forget()
    parents = 0 if step.beside is None else 2  # of a store or of media; they stay
    point = draw.randint(1, built.touches[name] - parents)
    died = built.run(step, output, *more, watch=watch, kill_at=point)
    if died.status == 0:  # how replies are grouped into commits is not the same every time
        assert died.touches < point and name.endswith("-annotate")
    else:
        assert (died.status, died.touches) == (-signal.SIGKILL, point), died
    kept = {name: data for name, data in contents(output).items() if not name.endswith(".tmp")}
    if finished(step, output):  # before its first change, or after its last
        assert kept == whole, point
    paid, journalled = set(built.server.arrivals), replies_in(tmp_path / "replies.sqlite")
    again = built.run(step, output, *more)
    assert (again.status, said(step, again)) == (0, []), (point, again)
    assert contents(output) == whole, point
    assert beside == ({} if step.beside is None else _settled(step.beside)), point
    assert temporary(output) == []  # a store keeps them, unread: tests/pipelines/test_store.py
    twice = {call for call, times in built.server.arrivals.items() if times > 1}
    assert not twice & journalled
    assert len(twice) <= IN_FLIGHT, (point, len(paid))  # only those under way when it died


def _settled(folder: Path) -> dict[str, bytes]:
    """A folder of downloads or results, without what a killed process may leave unread."""
    found = contents(folder)
    return {name: data for name, data in found.items() if not name.endswith((".tmp", ".lock"))}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_export_is_refused_until_it_is_removed(
    built: Lab, seed: int, tmp_path: Path
) -> None:
    """Export writes for others, who know no ``stage.json``; its card comes last."""
    step, whole = step_of(built, EXPORT), contents(step_of(built, EXPORT).folder)
    output = tmp_path / "hub"
    point = random.Random(f"export {seed}").randint(6, built.touches[EXPORT] - 1)
    died = built.run(step, output, watch=tmp_path, kill_at=point)
    assert died.status == -signal.SIGKILL, (point, died)
    left = contents(output)
    assert "README.md" not in left, point
    if left:  # it may have died before its first file
        refused = built.run(step, output)
        assert (refused.status, refused.out) == (2, ""), (point, refused)
        assert f"{output} is not empty: name another folder, or remove it" in refused.err
        assert contents(output) == left
        shutil.rmtree(output)
    assert built.run(step, output).status == 0
    assert contents(output) == whole


def replies_in(journal: Path) -> set[str]:
    """The calls whose reply a journal holds, read past the engine; none where it is not made."""
    if not journal.is_file():
        return set()
    with contextlib.closing(sqlite3.connect(journal)) as db:
        if not db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'replies'").fetchone()[
            0
        ]:
            return set()
        return {json.loads(text)["id"] for (text,) in db.execute("SELECT text FROM replies")}
