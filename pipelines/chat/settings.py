"""The ``chat:`` section of ``params.yaml``."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

Price = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]  # currency per 1 M tokens
Seconds = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ModelPrice(_Section):
    """Price of 1 M tokens of one model."""

    input_cached: Price  # prompt tokens that hit the server's prefix cache
    input: Price  # prompt tokens that missed it
    output: Price  # completion tokens, reasoning included

    @model_validator(mode="after")
    def _cached_is_not_dearer(self) -> Self:
        if self.input_cached > self.input:
            raise ValueError("input_cached is dearer than input: the two are swapped")
        return self


class PriceTable(_Section):
    """Prices as the provider publishes them, with the day they were read.

    Where there are peak and off-peak prices, list the peak ones: a cost is then never
    understated, and a budget never passed.
    """

    date: Annotated[datetime.date, Field(strict=False)]  # YAML gives a date, JSON a text
    currency: Literal["USD"]  # budgets and reports are in dollars: no silent conversion
    models: Mapping[str, ModelPrice]  # configured model name -> price


class ChatSettings(_Section):
    """How chat calls are made. Names and prices have no default: they belong to params.yaml."""

    # auto: the server where a key is set, else the embedded model, so that all runs everywhere.
    backend: Literal["auto", "openai", "embedded"] = "auto"
    base_url: str
    model: str = Field(min_length=1)
    prices: PriceTable | None = None  # None: costs are reported as unknown

    # The papers name no temperature, so the API's own default.
    temperature: float = Field(default=1.0, ge=0.0, le=2.0)
    # DeepSeek's default bound of a non-thinking reply; also what a budget reserves for a call.
    max_tokens: int = Field(default=4096, ge=1)
    # Sent as it is, {"thinking": {"type": "disabled"}} say; part of every key.
    extra_body: Mapping[str, JsonValue] = Field(default_factory=dict)

    # 64 calls of 10 s are 6 replies a second; DeepSeek sets no limit but answers 429 when busy.
    max_in_flight: int = Field(default=64, ge=1, le=4096)
    # DeepSeek closes a connection whose inference has not started after 10 minutes.
    timeout_s: Seconds = 600.0
    # One first attempt and two corrections: a third identical complaint rarely helps.
    max_attempts: int = Field(default=3, ge=1)
    # Full jitter from 1 s, capped at 60 s: 8 retries outlast some 2 minutes of overload.
    max_retries: int = Field(default=8, ge=0)
    backoff_base_s: Seconds = 1.0
    backoff_cap_s: Seconds = 60.0
    # The longest Retry-After that is obeyed to the second; a longer one is cut to this.
    retry_after_cap_s: Seconds = 300.0
    # Requests in a row without any reply after all their retries: then the server is down and
    # going on would turn the whole corpus into dead letters.
    stop_after_unanswered: int = Field(default=20, ge=1)

    max_cost_usd: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)  # None: no cap
    # Above this share of dead letters something is wrong with the prompt or the model.
    max_dead_letter_share: float = Field(default=0.05, ge=0.0, le=1.0)
    # Fewer do not fail a run, whatever the share, unless the model has not answered once.
    min_dead_letters: int = Field(default=10, ge=1)

    @field_validator("base_url")
    @classmethod
    def _url_without_secret(cls, url: str) -> str:
        # The base URL is part of keys, reports and messages, so no password may be in it.
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an http(s) URL")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("give the key in CHAT_API_KEY, not in the URL")
        return url.rstrip("/")
