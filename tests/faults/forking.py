"""Runs commands in forks of one warm process, and kills them by ``SIGKILL`` at an exact point.

Starting a command costs seconds of imports; a fork of a process that has them costs none, so many
points can be tried. A *touch* is anything that changes the file system below the watched folder
(opening to write, renaming, removing, making a folder) or a commit to a chat journal, and a fork
told ``kill_at=n`` dies at its n-th touch before the touch takes place: nothing is flushed, no
``finally`` runs. What Python does there is what the command does: only the audit hook is added.

``python -m tests.faults.forking`` reads one JSON task per line and answers each with one line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pipelines.chat.journal import JournalledReply
    from pipelines.chat.keys import Key
    from pipelines.chat.sqlite_journal import SqliteJournal

ROOT = Path(__file__).parents[2]
_WARM = ("pipelines.run", "pipelines.writer", "pipelines.chat.engine", "manifests.shards", "av")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, or minus the signal that killed it."""

    status: int
    touches: int
    out: str
    err: str


class Forker:
    """The warm process, to be entered."""

    def __enter__(self) -> Self:
        """Starts it; its imports go on while the test prepares its input."""
        self._scratch = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "tests.faults.forking"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._scratch.cleanup()

    def run(
        self,
        module: str,
        arguments: list[str],
        folder: Path,
        *,
        kill_at: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """One command, in a fork.

        Args:
            module: of the command, whose ``main`` is called.
            arguments: of the command.
            folder: touches below it are counted.
            kill_at: the touch to die at, from 1; 0 for an undisturbed run.
            environment: variables to set first.
        """
        task = {
            "module": module,
            "arguments": arguments,
            "folder": str(folder),
            "scratch": f"{self._scratch.name}/fork",
            "kill_at": kill_at,
            "environment": dict(environment or {}),
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the warm process is gone"
        return Ended(**json.loads(line))


class _Touches:
    """Counts touches, in a file of its own so that the count survives the kill."""

    def __init__(self, folder: str, kill_at: int, counter: Path) -> None:
        self._folder, self._kill_at = folder, kill_at
        self._file = os.open(counter, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._lock = threading.Lock()
        self._count = 0

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        """An audit hook (PEP 578); it is called before the event takes place."""
        if event == "open":
            if not isinstance(given[2], int) or not given[2] & _WRITES:
                return
        elif event not in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            return
        if isinstance(given[0], str | bytes) and os.fsdecode(given[0]).startswith(self._folder):
            self.touch()

    def touch(self) -> None:
        """One more; the last one there is, where it is the one to die at."""
        with self._lock:
            self._count += 1
            os.pwrite(self._file, str(self._count).encode(), 0)
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def _watch_commits(touches: _Touches) -> None:
    """SQLite writes past Python: a touch before and after every commit instead."""
    from pipelines.chat.sqlite_journal import SqliteJournal

    plain = SqliteJournal.commit

    def commit(
        self: SqliteJournal, replies: Sequence[JournalledReply]
    ) -> dict[Key, JournalledReply]:
        touches.touch()
        try:
            return plain(self, replies)
        finally:
            touches.touch()

    SqliteJournal.commit = commit  # type: ignore[method-assign]


def _child(task: Mapping[str, Any], scratch: str) -> int:
    for number, suffix in ((1, "out"), (2, "err")):
        descriptor = os.open(f"{scratch}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, number)
    os.environ.update(task["environment"])
    touches = _Touches(task["folder"], task["kill_at"], Path(f"{scratch}.count"))
    _watch_commits(touches)
    sys.addaudithook(touches.hook)
    return int(importlib.import_module(task["module"]).main(task["arguments"]))


def _fork(task: Mapping[str, Any]) -> Ended:
    scratch = task["scratch"]
    child = os.fork()
    if not child:
        status = 70  # a crash; its traceback is in the error stream
        try:
            status = _child(task, scratch)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 70
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, waited = os.waitpid(child, 0)
    found = {name: Path(f"{scratch}.{name}").read_text() for name in ("out", "err", "count")}
    touches = int(found["count"] or 0)
    return Ended(os.waitstatus_to_exitcode(waited), touches, found["out"], found["err"])


def _serve() -> None:
    for name in _WARM:
        importlib.import_module(name)
    for line in sys.stdin:
        ended = _fork(json.loads(line))
        print(json.dumps(ended.__dict__), flush=True)


if __name__ == "__main__":
    _serve()
