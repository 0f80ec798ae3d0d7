"""The journal as ``pipelines.annotate`` meets it: locked by another process, torn, damaged.

What the other tests have, at the level of the journal's own class (tests/pipelines/chat/): locked
while it commits, full, not a journal, without a close (test_journal.py), several processes
(test_processes.py). Here the command is run, and the log is cut as a dead disk leaves it.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from pipelines.chat import sqlite_journal
from tests.e2e.annotation_server import AnnotationServer
from tests.e2e.workplace import Ended, Workplace


def error_line(ended: Ended) -> str:
    (line,) = ended.err.splitlines()
    assert line.startswith("error: "), line
    return line


def torn(journal: Path, share: float) -> tuple[int, int]:
    """What a power cut leaves: the log cut in the middle. Replies before the cut, and left."""
    writer = sqlite3.connect(journal)
    writer.execute("PRAGMA wal_autocheckpoint=0")
    names = [column for column in _columns(writer) if column != "seq"]
    for number in range(20):  # a commit each, all of them in the log only
        chosen = ", ".join("randomblob(32)" if name == "key" else name for name in names)
        writer.execute(
            f"INSERT INTO replies ({', '.join(names)}) SELECT {chosen} FROM replies LIMIT 1"
        )
        writer.commit()
        assert number or Path(f"{journal}-wal").stat().st_size
    before = _replies(writer)
    aside = journal.with_suffix(".aside")
    shutil.copyfile(journal, aside)  # past SQLite, as the disk holds them at this moment
    log = Path(f"{journal}-wal").read_bytes()
    writer.close()
    aside.replace(journal)
    Path(f"{journal}-wal").write_bytes(log[: int(len(log) * share)])
    reader = sqlite3.connect(journal)
    left = _replies(reader)
    reader.close()
    return before, left


def _columns(db: sqlite3.Connection) -> list[str]:
    return [row[1] for row in db.execute("PRAGMA table_info(replies)")]


def _replies(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COUNT(*) FROM replies").fetchone()[0])


def test_a_log_cut_short_loses_only_what_was_after_the_cut(
    workplace: Workplace, server: AnnotationServer
) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia")
    assert server.calls == 45
    before, left = torn(workplace.journals / "emilia.sqlite", 0.5)
    assert (before, 45 < left < before) == (65, True)  # all old ones, and some of the new
    workplace.done("annotate", "emilia")
    assert server.calls == 45  # nothing of what had been committed is bought again


def test_a_locked_journal_is_said_to_be_and_nothing_is_lost(
    workplace: Workplace, server: AnnotationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = sqlite_journal.SqliteJournal.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "busy_timeout_s", 0.2)  # not half a minute
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia", "--limit", "5")
    journal, paid = workplace.journals / "emilia.sqlite", workplace.journalled("emilia")
    holder = sqlite3.connect(journal, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    line = error_line(workplace.run("annotate", "emilia"))
    assert str(journal) in line and "another process holds the journal locked" in line
    holder.execute("ROLLBACK")
    holder.close()
    assert workplace.journalled("emilia") == paid
    server.forget()
    workplace.done("annotate", "emilia")
    assert not set(server.arrivals) & paid
    assert workplace.facts("emilia", "annotate")["out"] == 48


@pytest.mark.parametrize("kept", [100, 5000, 20000])
def test_a_journal_cut_short_is_named_and_bought_again_only_by_choice(
    workplace: Workplace, server: AnnotationServer, kept: int
) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia")
    journal = workplace.journals / "emilia.sqlite"
    journal.write_bytes(cut := journal.read_bytes()[:kept])
    server.forget()
    line = error_line(workplace.run("annotate", "emilia"))
    assert str(journal) in line and ("journal is damaged" in line or "not a journal" in line), line
    assert "name" in line and server.calls == 0  # no money goes past a damaged journal
    assert journal.read_bytes()[24:100] == cut[24:100]  # it is left for the rescue
    elsewhere = workplace.folder / "new.sqlite"
    workplace.done("annotate", "emilia", "--journal", str(elsewhere))
    assert workplace.facts("emilia", "annotate")["out"] == 48
