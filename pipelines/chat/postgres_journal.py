"""The journal in a PostgreSQL database, for many workers on many machines.

As durable as the SQLite one (a commit returns when the server has written it through), and one
thing more: before a worker buys a reply it claims the key, by an advisory lock of its session. Two
workers with the same request never both pay: the second waits, and finds the reply of the first. A
worker that dies loses its session and with it its claims, so nothing has to be cleaned up.

The location is `postgresql://user@host/database`. A password comes from `PGPASSWORD` or the
`.pgpass` file, as for every PostgreSQL program; one in the location is refused, because locations
are printed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from pipelines.chat.errors import JournalFailed, JournalUnusable
from pipelines.chat.journal import DeadRow, JournalledReply, ModelTotals, SecondTotals
from pipelines.chat.keys import Key
from pipelines.chat.postgres_rows import (
    BILL,
    BY_SECOND,
    DEAD_COLUMNS,
    REPLY_COLUMNS,
    SCHEMA,
    TOTALS,
    VERSION,
    dead_of_row,
    lock_of,
    reply_of_row,
    row_of_dead,
    row_of_reply,
)

if TYPE_CHECKING:
    import psycopg

_CONNECT_TIMEOUT_S = 10
_MAKING = 0x43484154  # advisory lock while the tables are made: "CHAT"


class PostgresJournal:
    """One session with the server; tables are made where there are none."""

    def __init__(self, location: str) -> None:
        """Connects.

        Raises:
            JournalUnusable: no server, no such database, a password in the location, the driver is
                not installed, or the tables are of another version.
        """
        self.location = _checked(location)
        self._lock = threading.Lock()
        try:
            import psycopg
        except ImportError as error:
            raise JournalUnusable(
                f"{location}: a journal in PostgreSQL needs its driver: pip install psycopg[binary]"
            ) from error
        self._error = psycopg.Error
        try:
            self._db = psycopg.connect(
                location, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
            )
            self._prepare()
        except psycopg.Error as error:
            raise JournalUnusable(
                f"{location}: {_one_line(error)}; is the server up, and PGPASSWORD or .pgpass set?"
            ) from error

    def _prepare(self) -> None:
        self._db.execute("SET synchronous_commit = on")
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            self._db.execute(SCHEMA)
            row = self._db.execute("SELECT version FROM chat_journal").fetchone()
            if row is None:
                self._db.execute("INSERT INTO chat_journal VALUES (%s)", (VERSION,))
            elif row[0] != VERSION:
                raise JournalUnusable(
                    f"{self.location}: journal version {row[0]}, this program reads {VERSION}"
                )

    def find(self, keys: Sequence[Key]) -> dict[Key, JournalledReply]:
        """See :class:`Journal`."""
        with self._at_work() as db:
            rows = db.execute(
                f"SELECT {REPLY_COLUMNS} FROM chat_replies WHERE key = ANY(%s)", (list(keys),)
            ).fetchall()
        return {reply.key: reply for reply in map(reply_of_row, rows)}

    def commit(self, replies: Sequence[JournalledReply]) -> dict[Key, JournalledReply]:
        """See :class:`Journal`; gives up the claims on the keys."""
        places = ", ".join(["%s"] * 10)
        insert = (
            f"INSERT INTO chat_replies ({REPLY_COLUMNS}) VALUES ({places}) "
            "ON CONFLICT (key) DO NOTHING"
        )
        with self._at_work() as db:
            earlier: dict[Key, JournalledReply] = {}
            with db.transaction():
                for reply in replies:
                    if db.execute(insert, row_of_reply(reply)).rowcount:
                        continue
                    row = db.execute(
                        f"SELECT {REPLY_COLUMNS} FROM chat_replies WHERE key = %s", (reply.key,)
                    ).fetchone()
                    assert row is not None  # replies are never removed
                    earlier[reply.key] = reply_of_row(row)
                    *_, prompt, cached, completion, cost = row_of_reply(reply)
                    db.execute(BILL, (prompt, cached, completion, cost, reply.key))
            self._release(db, [reply.key for reply in replies])
            return earlier

    def claim(self, key: Key) -> bool:
        """Takes the key for this session; False where another has it now."""
        with self._at_work() as db:
            row = db.execute("SELECT pg_try_advisory_lock(%s)", (lock_of(key),)).fetchone()
            return bool(row and row[0])

    def release(self, keys: Sequence[Key]) -> None:
        """Gives up claims that led to no reply."""
        with self._at_work() as db:
            self._release(db, keys)

    def _release(self, db: psycopg.Connection[Any], keys: Sequence[Key]) -> None:
        # Of a lock that is not held PostgreSQL warns; ask only for those that are.
        db.execute(
            "SELECT pg_advisory_unlock(want) FROM unnest(%s::bigint[]) AS want "
            "WHERE want IN (SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1)",
            ([lock_of(key) for key in keys],),
        )

    def find_dead(self, keys: Sequence[Key]) -> dict[Key, DeadRow]:
        """See :class:`Journal`."""
        with self._at_work() as db:
            rows = db.execute(
                f"SELECT {DEAD_COLUMNS} FROM chat_dead_letters WHERE key = ANY(%s)", (list(keys),)
            ).fetchall()
        return {row.key: row for row in map(dead_of_row, rows)}

    def record_dead(self, rows: Sequence[DeadRow]) -> None:
        """See :class:`Journal`."""
        columns = [column.strip() for column in DEAD_COLUMNS.split(",")]
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        places = ", ".join(["%s"] * len(columns))
        with self._at_work() as db, db.transaction(), db.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO chat_dead_letters ({DEAD_COLUMNS}) VALUES ({places}) "
                f"ON CONFLICT (key) DO UPDATE SET {updates}",
                [row_of_dead(row) for row in rows],
            )

    def dead_letters(self) -> Iterator[DeadRow]:
        """See :class:`Journal`."""
        with self._at_work() as db:
            rows = db.execute(
                f"SELECT {DEAD_COLUMNS} FROM chat_dead_letters WHERE dead ORDER BY seq"
            ).fetchall()
        yield from map(dead_of_row, rows)

    def open_replay(self, scope: str) -> int:
        """See :class:`Journal`."""
        with self._at_work() as db:
            db.execute(
                "INSERT INTO chat_replays (scope) VALUES (%s) "
                "ON CONFLICT (scope) WHERE unfinished DO NOTHING",
                (scope,),
            )
            found = self._unfinished(db, scope)
            assert found is not None  # there was one, or this made it
            return found

    def unfinished_replay(self, scope: str) -> int | None:
        """See :class:`Journal`."""
        with self._at_work() as db:
            return self._unfinished(db, scope)

    def _unfinished(self, db: psycopg.Connection[Any], scope: str) -> int | None:
        query = "SELECT number FROM chat_replays WHERE scope = %s AND unfinished"
        row = db.execute(query, (scope,)).fetchone()
        return int(row[0]) if row else None

    def finish_replay(self, scope: str) -> None:
        """See :class:`Journal`."""
        with self._at_work() as db:
            db.execute("UPDATE chat_replays SET unfinished = FALSE WHERE scope = %s", (scope,))

    def find_raw(self, reply_sha256: str) -> JournalledReply | None:
        """See :class:`Journal`."""
        with self._at_work() as db:
            row = db.execute(
                f"SELECT {REPLY_COLUMNS} FROM chat_replies WHERE sha256 = %s ORDER BY seq LIMIT 1",
                (bytes.fromhex(reply_sha256),),
            ).fetchone()
        return reply_of_row(row) if row else None

    def totals(self) -> Mapping[str, ModelTotals]:
        """See :class:`Journal`."""
        with self._at_work() as db:
            rows = db.execute(TOTALS).fetchall()
        return {row[0]: ModelTotals(row[0], *(int(count) for count in row[1:])) for row in rows}

    def by_second(self) -> Sequence[SecondTotals]:
        """See :class:`Journal`."""
        with self._at_work() as db:
            rows = db.execute(BY_SECOND).fetchall()
        return [SecondTotals(*(int(number) for number in row)) for row in rows]

    def close(self) -> None:
        """Ends the session, and with it its claims; may be called twice."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        """The journal, closed when the ``with`` block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the journal."""
        self.close()

    @contextmanager
    def _at_work(self) -> Iterator[psycopg.Connection[Any]]:
        with self._lock:
            try:
                yield self._db
            except self._error as error:
                raise JournalFailed(
                    f"{self.location}: {_one_line(error)}; every reply that was committed is "
                    "safe: run again when the server is"
                ) from error


def _checked(location: str) -> str:
    """The location, if it holds no password.

    >>> _checked("postgresql://me@localhost/chat")
    'postgresql://me@localhost/chat'
    """
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(location)
    # sslpassword is one, too
    if parts.password is not None or any("password" in name for name in parse_qs(parts.query)):
        host = parts.hostname or ""
        raise JournalUnusable(
            f"postgresql://...@{host}: a password in the location would be printed and kept: "
            "set PGPASSWORD, or write it into ~/.pgpass"
        )
    return location


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
