"""Where a journal is -> the journal: a file of SQLite, or a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from pipelines.chat.journal import Journal
from pipelines.chat.sqlite_journal import SqliteJournal

_SERVERS = ("postgresql://", "postgres://")


def open_journal(location: str) -> Journal:
    """The journal at a path, or behind a ``postgresql://`` address; made where there is none.

    Raises:
        JournalUnusable: it cannot be opened.
    """
    if is_server(location):
        from pipelines.chat.postgres_journal import PostgresJournal

        return PostgresJournal(location)
    return SqliteJournal(location)


def is_server(location: str) -> bool:
    """Whether a server keeps the journal.

    >>> is_server("postgresql://me@db/chat"), is_server("journals/emilia.sqlite")
    (True, False)
    """
    return location.startswith(_SERVERS)


def there_is(location: str) -> bool:
    """Whether there is a journal that can be looked into; a server's is made on first sight."""
    return is_server(location) or Path(location).exists()
