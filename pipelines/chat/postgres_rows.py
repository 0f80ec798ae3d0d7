"""The tables of the PostgreSQL journal, and their rows as records.

Text that comes from outside is BYTEA: PostgreSQL's TEXT cannot hold a zero character.
"""

from __future__ import annotations

from typing import Any

from pipelines.chat import sqlite_rows
from pipelines.chat.journal import DeadRow, JournalledReply
from pipelines.chat.keys import Key
from pipelines.chat.request import Cause

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS chat_journal (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS chat_replies (
    seq BIGSERIAL PRIMARY KEY,  -- order of arrival
    key BYTEA NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    text BYTEA NOT NULL,
    sha256 BYTEA NOT NULL,
    model BYTEA NOT NULL,
    priced_as TEXT NOT NULL,
    prompt_tokens BIGINT,  -- these four add up what was billed under the key, NULL if unknown
    cached_prompt_tokens BIGINT,
    completion_tokens BIGINT,
    cost_pico_usd BIGINT,
    bought INTEGER NOT NULL DEFAULT 1,
    created TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS chat_replies_sha256 ON chat_replies (sha256);
CREATE TABLE IF NOT EXISTS chat_dead_letters (
    seq BIGSERIAL PRIMARY KEY,
    key BYTEA NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    dead BOOLEAN NOT NULL,
    cause TEXT NOT NULL,
    detail BYTEA NOT NULL,
    raw_text BYTEA NOT NULL,
    attempts INTEGER NOT NULL,
    tag BYTEA NOT NULL
);
CREATE TABLE IF NOT EXISTS chat_replays (
    number SERIAL PRIMARY KEY,
    scope TEXT NOT NULL,
    unfinished BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE UNIQUE INDEX IF NOT EXISTS chat_replays_unfinished ON chat_replays (scope) WHERE unfinished;
"""
REPLY_COLUMNS = sqlite_rows.REPLY_COLUMNS
DEAD_COLUMNS = sqlite_rows.DEAD_COLUMNS
BILL = """
UPDATE chat_replies SET bought = bought + 1, prompt_tokens = prompt_tokens + %s,
    cached_prompt_tokens = cached_prompt_tokens + %s,
    completion_tokens = completion_tokens + %s, cost_pico_usd = cost_pico_usd + %s
WHERE key = %s
"""
TOTALS = """
SELECT priced_as, SUM(bought), COALESCE(SUM(prompt_tokens), 0),
       COALESCE(SUM(cached_prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0),
       COUNT(prompt_tokens), COALESCE(SUM(cost_pico_usd), 0), COUNT(*) - COUNT(cost_pico_usd)
FROM chat_replies GROUP BY priced_as ORDER BY priced_as
"""
BY_SECOND = """
SELECT FLOOR(EXTRACT(EPOCH FROM created))::BIGINT AS second, SUM(bought),
       COALESCE(SUM(cost_pico_usd), 0), COUNT(*) - COUNT(cost_pico_usd)
FROM chat_replies GROUP BY second ORDER BY second
"""


def lock_of(key: Key) -> int:
    r"""The number of a key's advisory lock: its first eight bytes, signed.

    >>> lock_of(bytes(32)), lock_of(b"\xff" * 32)
    (0, -1)
    """
    return int.from_bytes(key[:8], "big", signed=True)


def row_of_reply(reply: JournalledReply) -> tuple[Any, ...]:
    """A reply as a row of ``REPLY_COLUMNS``."""
    key, status, text, sha256, model, *rest = sqlite_rows.row_of_reply(reply)
    return (key, status, str(text).encode(), sha256, str(model).encode(), *rest)


def reply_of_row(row: tuple[Any, ...]) -> JournalledReply:
    """A row of ``REPLY_COLUMNS`` as a reply."""
    key, status, text, sha256, model, *rest = row
    return sqlite_rows.reply_of_row(
        (bytes(key), status, bytes(text).decode(), bytes(sha256), bytes(model).decode(), *rest)
    )


def row_of_dead(row: DeadRow) -> tuple[Any, ...]:
    """A dead letter as a row of ``DEAD_COLUMNS``."""
    texts = (row.detail.encode(), row.raw_text.encode(), row.attempts, row.tag.encode())
    return (row.key, row.generation, row.replay, row.dead, str(row.cause.value), *texts)


def dead_of_row(row: tuple[Any, ...]) -> DeadRow:
    """A row of ``DEAD_COLUMNS`` as a record."""
    key, generation, replay, dead, cause, detail, raw_text, attempts, tag = row
    texts = (bytes(detail).decode(), bytes(raw_text).decode(), attempts, bytes(tag).decode())
    return DeadRow(bytes(key), generation, replay, bool(dead), Cause(cause), *texts)
