"""What goes into a chat call and what comes out of it; the Protocol of a chat backend."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pydantic

Part = Mapping[str, str | int]  # a text, or a reference to a picture: see ``parts``
Content = str | tuple[Part, ...]
Message = Mapping[str, Content]  # "role" and "content"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to the chat model.

    The static instructions come first, identical in every request, and what varies comes last:
    servers cache the longest common prefix, and a cached prompt token is up to 50x cheaper.
    """

    messages: tuple[Message, ...]
    reply_schema: type[pydantic.BaseModel]  # what the reply's JSON must validate as
    max_tokens: int | None = None  # longest reply; None takes the one of the settings
    tag: str = ""  # record id, for error messages and the dead letter; not part of the key
    # What is wrong with a reply of the right form, for this question alone; "" for nothing. It is
    # told to the model, so it must follow from question and reply. Not part of the key.
    check: Callable[[Any], str] | None = None
    # A reply of the usual length: what a dry run expects. Not part of the key.
    typical: pydantic.BaseModel | None = None

    def __post_init__(self) -> None:
        """Refuses a request that no server would take.

        Raises:
            ValueError: there are no messages, or a bound below one token.
        """
        if not self.messages:
            raise ValueError("a chat request needs a message")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError("max_tokens is at least 1")


@dataclass(frozen=True, slots=True)
class RawReply:
    """An HTTP reply that arrived completely, as it came."""

    status: int  # HTTP status; an embedded backend gives 200
    headers: Mapping[str, str]  # lower-case names, or a mapping that ignores case
    text: str  # body


class ChatModel(Protocol):
    """A backend that completes chats: one file in ``pipelines/backends`` or here each."""

    @property
    def name(self) -> str:
        """Configured model name; the price table lists it."""
        ...

    @property
    def identity(self) -> Mapping[str, object]:
        """All that belongs into the key: base URL, model, sampling parameters, switches.

        JSON values only, and never a secret.
        """
        ...

    async def complete(
        self,
        messages: Sequence[Message],
        reply_schema: type[pydantic.BaseModel],
        max_tokens: int,
    ) -> RawReply:
        """One call, without retries: any HTTP status is a reply, the engine judges it.

        Raises:
            TransportError: no complete reply arrived.
        """
        ...

    async def close(self) -> None:
        """Gives back connections or weights."""
        ...


class Cause(enum.StrEnum):
    """Why a request became a dead letter."""

    INVALID_REPLY = "invalid_reply"  # replies arrived, and none of them was valid
    REQUEST_REFUSED = "request_refused"  # the server refuses this request (HTTP 400, 413, 422 ...)
    NO_REPLY = "no_reply"  # HTTP errors or broken connections, until the retries were used up
    REQUEST_INVALID = "request_invalid"  # cannot be sent: not text that UTF-8 can hold
    PICTURE_UNREADABLE = "picture_unreadable"  # cannot be sent: a picture of it does not decode

    @property
    def was_paid(self) -> bool:
        """Whether the attempts are in the journal, so that only a replay asks again."""
        return self is Cause.INVALID_REPLY

    @property
    def is_of_the_record(self) -> bool:
        """Whether nothing could be sent: the record's fault, which tells nothing of the model."""
        return self in (Cause.REQUEST_INVALID, Cause.PICTURE_UNREADABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that is valid."""

    value: pydantic.BaseModel  # an instance of the request's reply_schema
    model: str  # exact model the reply names; the configured name where it names none
    reply_sha256: str  # hash of the raw reply (UTF-8); finds it in the journal
    attempts: int  # replies it took, from the journal or the model; 1 = the first was valid


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A request without a valid reply."""

    cause: Cause
    detail: str  # what exactly was wrong with the last attempt, for a person to read
    raw_text: str = field(repr=False)  # last raw reply; empty where none arrived
    attempts: int  # replies received; 0 where none arrived
