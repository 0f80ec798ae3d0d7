"""The project's own errors: everything a command turns into one clear line."""

from __future__ import annotations


class PipelineError(Exception):
    """Base of all errors that a person can act on; the message says what to do next."""


class UsageError(PipelineError):
    """Bad usage, or bad input found before any work began (exit status 2)."""


class StageFailed(PipelineError):
    """A stage could not finish; what it had done is kept (exit status 1)."""
