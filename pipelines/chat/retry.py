"""What an HTTP status means for a run, and how long to wait before asking again."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pipelines.chat.request import RawReply
from pipelines.chat.settings import ChatSettings


class Meaning(enum.Enum):
    """What to do about a reply."""

    REPLY = enum.auto()  # a reply that was paid for: journal it, then look at it
    RETRY = enum.auto()  # ask again later
    DEAD_LETTER = enum.auto()  # this request is refused, others may be fine
    STOP = enum.auto()  # every request would fail the same way


_RETRIED = frozenset({408, 409, 425, 429})  # and every 5xx
_MOVED = "correct chat.base_url (--chat-base-url), the server has moved"
_STOPPING = {
    301: _MOVED,
    302: _MOVED,
    307: _MOVED,
    308: _MOVED,
    401: "set CHAT_API_KEY (or DEEPSEEK_API_KEY, OPENAI_API_KEY) to a valid key",
    402: "top up the account, its balance is empty",
    403: "check that the key in CHAT_API_KEY may use chat.model (--chat-model)",
    404: "correct chat.model (--chat-model) or chat.base_url (--chat-base-url)",
    405: "correct chat.base_url (--chat-base-url), this is no chat API",
    407: "check HTTPS_PROXY, the proxy asks for a login",
}


def meaning(reply: RawReply) -> Meaning:
    """What the status of a reply asks for.

    >>> meaning(RawReply(503, {}, "")).name, meaning(RawReply(422, {}, "")).name
    ('RETRY', 'DEAD_LETTER')
    """
    status = reply.status
    if 200 <= status < 300:
        return Meaning.REPLY
    if status in _STOPPING or _balance_is_empty(reply):
        return Meaning.STOP
    if status in _RETRIED or status >= 500:
        return Meaning.RETRY
    return Meaning.DEAD_LETTER


def next_step(reply: RawReply) -> str:
    """What a person has to do before calls can go on, for a reply that means STOP.

    >>> next_step(RawReply(402, {}, ""))
    'top up the account, its balance is empty'
    """
    return _STOPPING[402] if _balance_is_empty(reply) else _STOPPING[reply.status]


def _balance_is_empty(reply: RawReply) -> bool:
    # Some servers report an empty balance as 429, which no waiting cures.
    return reply.status == 402 or (reply.status == 429 and "insufficient_quota" in reply.text)


def delay_s(
    retry: int, headers: Mapping[str, str], settings: ChatSettings, jitter: float, now: datetime
) -> float:
    """Seconds to wait before retry number ``retry`` (the first is 0).

    Full jitter: ``jitter`` (0 to 1) of ``min(cap, base * 2**retry)``, so that calls that failed
    together do not come back together. A ``Retry-After`` is a lower bound, up to
    ``retry_after_cap_s``; a little jitter is kept above it for the same reason.
    """
    # The exponent is bounded because 2.0 ** 1024 overflows.
    backoff = jitter * min(settings.backoff_cap_s, settings.backoff_base_s * 2.0 ** min(retry, 60))
    asked = retry_after_s(headers, now)
    if asked is None:
        return backoff
    floor = min(asked, settings.retry_after_cap_s)
    return floor + jitter * min(settings.backoff_base_s, 0.1 * floor)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for (a number or an HTTP date), None without a valid one.

    A date is read against the server's own ``Date`` where it sends one: clocks differ.

    >>> retry_after_s({"retry-after": "1.5"}, datetime.now(UTC))
    1.5
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _http_date(value)
        if until is None:
            return None
        seconds = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    if seconds != seconds:  # NaN
        return None
    return max(0.0, seconds)


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
