"""Many replies, one fsync: the journal is called from one thread, with all that has piled up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pipelines.chat.journal import Journal, JournalledReply

_P = ParamSpec("_P")
_T = TypeVar("_T")


class GroupCommit:
    """Lets coroutines use a blocking journal, one thread at a time.

    The first reply is committed at once; those that arrive while that commit waits for the disk go
    together into the next one. So a lone reply is durable after one fsync, and a busy run pays
    one fsync for tens of replies.
    """

    def __init__(self, journal: Journal) -> None:
        """Commits to ``journal``, which stays the caller's to close."""
        self.journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: list[tuple[JournalledReply, asyncio.Future[JournalledReply]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, reply: JournalledReply) -> JournalledReply:
        """Returns once the reply is durable; the journal's own, should it have had one.

        Raises:
            JournalFailed: it could not be stored.
        """
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[JournalledReply] = loop.create_future()
        self._waiting.append((reply, durable))
        if self._writer is None:
            self._writer = loop.create_task(self._write_all())
        return await durable

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    earlier = await self.call(self.journal.commit, [reply for reply, _ in batch])
                except Exception as error:  # each of those who wait is told
                    for _, durable in batch:
                        if not durable.done():
                            durable.set_exception(error)
                    continue
                for reply, durable in batch:
                    if not durable.done():
                        durable.set_result(earlier.get(reply.key, reply))
        finally:
            self._writer = None

    async def call(self, method: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Calls another method of the journal in its thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: method(*args, **kwargs))

    async def flush(self) -> None:
        """Waits until nothing is left to be written."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    def close(self) -> None:
        """Ends the thread; all writes must have been flushed."""
        self._thread.shutdown(wait=True)
