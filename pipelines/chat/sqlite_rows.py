"""The tables of the SQLite journal, and their rows as records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, TypeAlias

from pipelines.chat.journal import DeadRow, JournalledReply
from pipelines.chat.prices import TokenCounts
from pipelines.chat.request import Cause

Row: TypeAlias = tuple[Any, ...]  # as SQLite gives it, in the order of the columns

SCHEMA = """
CREATE TABLE replies (
    seq INTEGER PRIMARY KEY,  -- order of arrival
    key BLOB NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    text TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    model TEXT NOT NULL,
    priced_as TEXT NOT NULL,
    prompt_tokens INTEGER,  -- these four add up what was billed under the key, NULL if unknown
    cached_prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cost_pico_usd INTEGER,
    bought INTEGER NOT NULL DEFAULT 1,  -- 2 where two processes bought it at the same moment
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX replies_sha256 ON replies (sha256);
CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw_text TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    tag TEXT NOT NULL
);
CREATE TABLE replays (
    number INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    unfinished INTEGER NOT NULL DEFAULT 1
);
"""
REPLY_COLUMNS = (
    "key, status, text, sha256, model, priced_as, "
    "prompt_tokens, cached_prompt_tokens, completion_tokens, cost_pico_usd"
)
DEAD_COLUMNS = "key, generation, replay, dead, cause, detail, raw_text, attempts, tag"
TOTALS = """
SELECT priced_as, SUM(bought), TOTAL(prompt_tokens), TOTAL(cached_prompt_tokens),
       TOTAL(completion_tokens), COUNT(prompt_tokens), COALESCE(SUM(cost_pico_usd), 0),
       COUNT(*) - COUNT(cost_pico_usd)
FROM replies GROUP BY priced_as ORDER BY priced_as
"""
BY_SECOND = """
SELECT CAST(strftime('%s', created) AS INTEGER) AS second, SUM(bought),
       COALESCE(SUM(cost_pico_usd), 0), COUNT(*) - COUNT(cost_pico_usd)
FROM replies GROUP BY second ORDER BY second
"""


def explain(error: sqlite3.Error) -> str:
    """What a person can do about an error of SQLite."""
    text = str(error)
    if "locked" in text:
        return f"another process holds the journal locked ({text}): end it, or name another file"
    if "not a database" in text:
        return "not a journal of replies: name another file, or move this one away"
    if "readonly" in text or "unable to open" in text:
        return f"the journal cannot be written ({text}): check the folder's permissions"
    if "full" in text:
        return f"no room for more replies ({text}): free some space and run again"
    if "disk I/O" in text:  # what a full disk gives where the shared memory of the log has no room
        return f"the disk failed or is full ({text}): free some space and run again"
    if "malformed" in text:
        return (
            f"the journal is damaged ({text}): restore a copy, or save what is left with "
            "`sqlite3 JOURNAL .recover | sqlite3 NEW`, and name that file with --journal"
        )
    return f"the journal failed ({text})"


def row_of_reply(reply: JournalledReply) -> tuple[object, ...]:
    """A reply as a row of ``REPLY_COLUMNS``."""
    tokens = reply.tokens
    counts: Iterable[int | None] = (
        (tokens.prompt, tokens.cached_prompt, tokens.completion) if tokens else (None, None, None)
    )
    return (
        reply.key,
        reply.status,
        reply.text,
        reply.sha256,
        reply.model,
        reply.priced_as,
        *counts,
        reply.cost_pico_usd,
    )


def reply_of_row(row: Row) -> JournalledReply:
    """A row of ``REPLY_COLUMNS`` as a reply."""
    key, status, text, sha256, model, priced_as, prompt, cached, completion, cost = row
    tokens = None if prompt is None else TokenCounts(prompt, cached, completion)
    return JournalledReply(key, status, text, sha256, model, priced_as, tokens, cost)


def dead_of_row(row: Row) -> DeadRow:
    """A row of ``DEAD_COLUMNS`` as a record."""
    key, generation, replay, dead, cause, *rest = row
    return DeadRow(key, generation, replay, bool(dead), Cause(cause), *rest)
