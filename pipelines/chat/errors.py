"""What stops a run of chat calls; every message says what was kept and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.errors import PipelineError, StageFailed, UsageError

if TYPE_CHECKING:
    from pipelines.chat.request import Answer, DeadLetter


class TransportError(PipelineError):
    """One call got no complete HTTP reply: refused, reset, cut off or timed out.

    The engine asks again; it never reaches the caller of :meth:`ChatEngine.run`.
    """


class UnreadablePicture(PipelineError):
    """A picture of a request cannot be decoded: nothing was sent.

    The request becomes a dead letter; it never reaches the caller of :meth:`ChatEngine.run`.
    """


class ChatStopped(StageFailed):
    """No new call is made; what was in flight was awaited and journalled.

    Attributes:
        answered: requests of this run with an answer or a dead letter.
        total: requests of this run.
    """

    def __init__(self, message: str, *, answered: int = 0, total: int = 0) -> None:
        """Keeps how far the run got beside the message."""
        super().__init__(message)
        self.answered = answered
        self.total = total


class BudgetReached(ChatStopped):
    """The next call might have cost more than what is left of the budget."""


class TooManyDeadLetters(StageFailed):
    """More requests than tolerated got no valid reply.

    Attributes:
        outcomes: the outcome of every request, in their order; nothing is lost by the error.
    """

    def __init__(self, message: str, outcomes: Sequence[Answer | DeadLetter]) -> None:
        """Keeps the outcomes beside the message."""
        super().__init__(message)
        self.outcomes = outcomes


class MissingApiKey(UsageError):
    """A call is due and no environment variable holds a key."""


class UnknownPrice(UsageError):
    """A budget was set for a model that the price table does not list."""


class JournalUnusable(UsageError):
    """The journal cannot be opened: not a journal, another version, locked, or no such place."""


class JournalFailed(StageFailed):
    """The journal could not be read or written while at work (full disk, lock, I/O error)."""
