"""The trainer's own errors: everything a command turns into one clear line."""

from __future__ import annotations


class TrainerError(Exception):
    """Base of all errors that a person can act on; the message says what to do next."""


class UsageError(TrainerError):
    """Bad usage, or bad input found before any work began (exit status 2)."""


class DataError(TrainerError):
    """Shards that cannot be trained on, or are not those that training began with."""


class VocabError(UsageError):
    """A tokenizer that has not the speech tokens it should have, or a model it does not fit."""


class LayoutError(TrainerError):
    """Tokens that are not what a layout allows: which position, and by which rule.

    Attributes:
        position: index of the first wrong token in what was given; None where no one token is.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        """The message names the position again, for whoever only sees the text."""
        super().__init__(message)
        self.position = position
