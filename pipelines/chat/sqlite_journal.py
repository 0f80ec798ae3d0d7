"""The journal in one SQLite file, safe against ``kill -9``, power cuts and a second process.

Write-ahead log with ``synchronous=FULL``: a commit returns after ``fsync``. The file must be on a
local disk: SQLite's shared memory does not work over network file systems.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pipelines.chat.errors import JournalFailed, JournalUnusable
from pipelines.chat.journal import DeadRow, JournalledReply, ModelTotals, SecondTotals
from pipelines.chat.keys import Key
from pipelines.chat.sqlite_rows import (
    BY_SECOND,
    DEAD_COLUMNS,
    REPLY_COLUMNS,
    SCHEMA,
    TOTALS,
    Row,
    dead_of_row,
    explain,
    reply_of_row,
    row_of_reply,
)

_APPLICATION_ID = 0x43484154  # "CHAT": tells a journal from any other SQLite file
_VERSION = 1
_KEYS_PER_QUERY = 500
_BUSY_TIMEOUT_S = 30.0  # commits take milliseconds; a lock held longer is a stuck process
_POLL_S = 0.01


class SqliteJournal:
    """One journal file; made where there is none, its folder too."""

    def __init__(self, path: str | Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        """Opens the journal; waits up to ``busy_timeout_s`` for another process's lock.

        Raises:
            JournalUnusable: the path is no place for one, or holds something else.
        """
        if "://" in str(path):
            raise JournalUnusable(f"{path}: a journal is a file on a local disk (--journal PATH)")
        self.path = Path(path)
        # One connection for every thread: a transaction must not be entered half-way by another.
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalUnusable(f"{path}: cannot open the journal: {error}") from error
        try:
            self._prepare(busy_timeout_s)
        except sqlite3.Error as error:
            self._db.close()
            raise JournalUnusable(f"{path}: {explain(error)}") from error
        except JournalUnusable:
            self._db.close()
            raise

    def _prepare(self, busy_timeout_s: float) -> None:
        self._db.execute("PRAGMA synchronous=FULL")
        self._is_new()  # before anything is changed: the file may be somebody else's
        self._switch_to_wal(time.monotonic() + busy_timeout_s)
        if self._is_new():
            with _transaction(self._db):
                if self._is_new():  # still, with the write lock in hand
                    for statement in SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version={_VERSION}")

    def _is_new(self) -> bool:
        # In one statement, so of one moment: another process may be making the journal right now.
        application, version, tables = self._db.execute(
            "SELECT (SELECT application_id FROM pragma_application_id),"
            " (SELECT user_version FROM pragma_user_version), (SELECT COUNT(*) FROM sqlite_master)"
        ).fetchone()
        if application == _APPLICATION_ID and version == _VERSION:
            return False
        if application == _APPLICATION_ID:
            raise JournalUnusable(
                f"{self.path}: journal version {version}, this program reads {_VERSION}"
            )
        if application == 0 and version == 0 and tables == 0:
            return True
        raise JournalUnusable(f"{self.path}: an SQLite file, but not a journal of replies")

    def _switch_to_wal(self, until: float) -> None:
        # SQLite does not wait for this lock by itself, whatever the busy timeout.
        while True:
            try:
                mode = self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= until:
                    raise
                time.sleep(_POLL_S)
            else:
                break
        if mode != "wal":
            raise JournalUnusable(f"{self.path}: this file system allows no write-ahead log")

    def find(self, keys: Sequence[Key]) -> dict[Key, JournalledReply]:
        """See :class:`Journal`."""
        with self._at_work():
            rows = self._select(f"SELECT {REPLY_COLUMNS} FROM replies WHERE key IN", keys)
            return {row[0]: reply_of_row(row) for row in rows}

    def _select(self, query: str, keys: Sequence[Key]) -> Iterator[Row]:
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            chunk = keys[start : start + _KEYS_PER_QUERY]
            yield from self._db.execute(f"{query} ({','.join('?' * len(chunk))})", chunk)

    def commit(self, replies: Sequence[JournalledReply]) -> dict[Key, JournalledReply]:
        """See :class:`Journal`."""
        insert = f"INSERT OR IGNORE INTO replies ({REPLY_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"
        with self._at_work(), _transaction(self._db):
            last = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM replies").fetchone()[0]
            before = self._db.total_changes
            self._db.executemany(insert, [row_of_reply(reply) for reply in replies])
            if self._db.total_changes - before == len(replies):
                return {}
            query = f"SELECT {REPLY_COLUMNS} FROM replies WHERE seq <= {last} AND key IN"
            rows = self._select(query, [reply.key for reply in replies])
            earlier = {row[0]: reply_of_row(row) for row in rows}
            for reply in replies:
                if reply.key in earlier:
                    self._add_bill(reply)
            return earlier

    def _add_bill(self, reply: JournalledReply) -> None:
        _, _, _, _, _, _, prompt, cached, completion, cost = row_of_reply(reply)
        self._db.execute(
            "UPDATE replies SET bought = bought + 1, prompt_tokens = prompt_tokens + ?, "
            "cached_prompt_tokens = cached_prompt_tokens + ?, "
            "completion_tokens = completion_tokens + ?, cost_pico_usd = cost_pico_usd + ? "
            "WHERE key = ?",
            (prompt, cached, completion, cost, reply.key),
        )

    def find_dead(self, keys: Sequence[Key]) -> dict[Key, DeadRow]:
        """See :class:`Journal`."""
        with self._at_work():
            rows = self._select(f"SELECT {DEAD_COLUMNS} FROM dead_letters WHERE key IN", keys)
            return {row[0]: dead_of_row(row) for row in rows}

    def record_dead(self, rows: Sequence[DeadRow]) -> None:
        """See :class:`Journal`."""
        columns = [column.strip() for column in DEAD_COLUMNS.split(",")]
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        with self._at_work(), _transaction(self._db):
            self._db.executemany(
                f"INSERT INTO dead_letters ({DEAD_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?) "
                f"ON CONFLICT (key) DO UPDATE SET {updates}",
                [tuple(getattr(row, column) for column in columns) for row in rows],
            )

    def dead_letters(self) -> Iterator[DeadRow]:
        """See :class:`Journal`."""
        with self._at_work():
            rows = self._db.execute(
                f"SELECT {DEAD_COLUMNS} FROM dead_letters WHERE dead ORDER BY seq"
            )
            found = [dead_of_row(row) for row in rows]
        yield from found

    def open_replay(self, scope: str) -> int:
        """See :class:`Journal`."""
        with self._at_work(), _transaction(self._db):
            unfinished = self._unfinished(scope)
            if unfinished is not None:
                return unfinished
            new = self._db.execute("INSERT INTO replays (scope) VALUES (?)", (scope,)).lastrowid
            assert new is not None  # an INSERT always has one
            return new

    def unfinished_replay(self, scope: str) -> int | None:
        """See :class:`Journal`."""
        with self._at_work():
            return self._unfinished(scope)

    def _unfinished(self, scope: str) -> int | None:
        query = "SELECT number FROM replays WHERE scope = ? AND unfinished"
        row = self._db.execute(query, (scope,)).fetchone()
        return int(row[0]) if row else None

    def finish_replay(self, scope: str) -> None:
        """See :class:`Journal`."""
        with self._at_work():
            self._db.execute("UPDATE replays SET unfinished = 0 WHERE scope = ?", (scope,))

    def find_raw(self, reply_sha256: str) -> JournalledReply | None:
        """See :class:`Journal`."""
        with self._at_work():
            row = self._db.execute(
                f"SELECT {REPLY_COLUMNS} FROM replies WHERE sha256 = ? ORDER BY seq LIMIT 1",
                (bytes.fromhex(reply_sha256),),
            ).fetchone()
        return reply_of_row(row) if row else None

    def totals(self) -> Mapping[str, ModelTotals]:
        """See :class:`Journal`."""
        with self._at_work():
            rows = self._db.execute(TOTALS).fetchall()
        return {row[0]: ModelTotals(row[0], *(int(count) for count in row[1:])) for row in rows}

    def by_second(self) -> Sequence[SecondTotals]:
        """See :class:`Journal`."""
        with self._at_work():
            return [SecondTotals(*row) for row in self._db.execute(BY_SECOND)]

    def close(self) -> None:
        """Folds the write-ahead log into the file and closes it; may be called twice."""
        with self._lock:
            try:
                # Where another process still reads, the last one to close does this instead.
                self._db.execute("PRAGMA busy_timeout=0")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.ProgrammingError:
                return  # already closed
            except sqlite3.OperationalError as error:
                raise JournalFailed(f"{self.path}: {explain(error)}") from error
            finally:
                self._db.close()

    def __enter__(self) -> Self:
        """The journal, closed when the ``with`` block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the journal."""
        self.close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise JournalFailed(f"{self.path}: {explain(error)}") from error


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE takes the write lock first: a lock taken later can fail at once, whatever the
    # busy timeout.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has rolled back by itself after some errors
            db.execute("ROLLBACK")
        raise
