"""What the chat calls of a stage's last run took and what the caches saved, where it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DOLLARS = {"_usd": 1.0, "_nano_usd": 1e-9, "_pico_usd": 1e-12}  # suffix of a sum -> dollars

# Shown on their own or folded into the sums; any other fact of a run is listed by its name.
_KNOWN = {
    "seconds",
    "calls",
    "cached_calls",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "peak_rss_bytes",
}


@dataclass(frozen=True, kw_only=True)
class Spending:
    """Facts of one run, or of several added up; None where the run did not tell."""

    seconds: float | None
    peak_rss_bytes: float | None
    calls: float | None
    cached_calls: float | None  # answered from the journal, paid for in an earlier run
    prompt_tokens: float | None
    cached_prompt_tokens: float | None  # of these, in the server's prefix cache
    completion_tokens: float | None
    cost_usd: float | None
    saved_usd: float | None  # what the prefix cache took off the price
    cost_known: bool  # False: some replies had no price or no token counts
    other: tuple[tuple[str, float], ...]

    @property
    def chats(self) -> bool:
        """Whether the stage asked a chat model anything."""
        return bool(self.calls or self.cached_calls)


def spending(run: Mapping[str, float]) -> Spending:
    """The facts of a run by what they mean.

    >>> spending({"calls": 2, "cost_pico_usd": 5e11}).cost_usd
    0.5
    """
    money = {prefix + suffix for prefix in ("cost", "saved") for suffix in _DOLLARS}
    other = sorted((name, n) for name, n in run.items() if name not in _KNOWN | money)
    return Spending(
        seconds=run.get("seconds"),
        peak_rss_bytes=run.get("peak_rss_bytes"),
        calls=run.get("calls"),
        cached_calls=run.get("cached_calls"),
        prompt_tokens=run.get("prompt_tokens"),
        cached_prompt_tokens=run.get("cached_prompt_tokens"),
        completion_tokens=run.get("completion_tokens"),
        cost_usd=_dollars(run, "cost"),
        saved_usd=_dollars(run, "saved"),
        cost_known=not (run.get("unpriced_replies") or run.get("unmetered_replies")),
        other=tuple(other),
    )


def _dollars(run: Mapping[str, float], prefix: str) -> float | None:
    sums = [run[prefix + end] * unit for end, unit in _DOLLARS.items() if prefix + end in run]
    return sums[0] if sums else None
