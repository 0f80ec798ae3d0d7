"""What a corpus of the papers' size takes: machine-hours, calls, money, storage.

Plain arithmetic on the rates of ``scale`` in ``params.yaml`` and the prices of ``chat.prices``: the
rates were measured on small input, so each figure is one of scale, not a promise. What was not
measured is None and is said so, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pipelines.chat.prices import TokenCounts, dollars, token_price
from pipelines.chat.settings import PriceTable
from pipelines.errors import UsageError
from pipelines.stages.settings import Share, Strict

NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
_HOUR = 3600.0


class CallRates(Strict):
    """What one unit asks a chat model."""

    per_unit: NotNegative  # calls
    prompt_tokens: NotNegative  # a call
    cached_share: Share  # of the prompt tokens, in the server's prefix cache
    completion_tokens: NotNegative  # a call
    model: str  # in the price table


class StageRates(Strict):
    """What one stage takes, by unit of its corpus or by hour of its audio."""

    stage: str
    units: Annotated[int, Field(ge=0)]  # what goes through it
    unit: str
    hours: NotNegative = 0.0  # of audio that it hears
    core_s_per_unit: NotNegative | None = None  # of one CPU core; None: not measured
    core_s_per_hour: NotNegative | None = None  # an hour of audio, embedded model
    gpu_s_per_hour: NotNegative | None = None  # the paper's model; None: not measured
    bytes_per_unit: NotNegative = 0.0  # that it leaves behind
    bytes_per_hour: NotNegative = 0.0
    calls: CallRates | None = None


class CorpusScale(Strict):
    """One corpus at the size that a paper gives."""

    name: str
    source: str  # of the sizes: paper and table
    stages: Annotated[list[StageRates], Field(min_length=1)]


class ScaleSettings(Strict):
    """Parameters of ``pipelines.scale``."""

    measured: str  # where the rates are from
    corpora: Annotated[list[CorpusScale], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Needs:
    """What one stage needs at that size."""

    stage: str
    units: int
    unit: str
    core_hours: float | None  # of the embedded or model-free way
    gpu_hours: float | None
    hears: bool  # whether it goes through audio with a model
    calls: int
    prompt_tokens: float
    completion_tokens: float
    usd: float | None  # None where there are no calls
    gigabytes: float


def needs_of(stage: StageRates, prices: PriceTable | None) -> Needs:
    """The needs of one stage.

    Raises:
        UsageError: its calls are of a model without a price.
    """
    parts = [
        None if stage.core_s_per_unit is None else stage.core_s_per_unit * stage.units,
        None if stage.core_s_per_hour is None else stage.core_s_per_hour * stage.hours,
    ]
    known = [part for part in parts if part is not None]
    calls = stage.calls
    count = round(stage.units * calls.per_unit) if calls else 0
    prompt = count * calls.prompt_tokens if calls else 0.0
    completion = count * calls.completion_tokens if calls else 0.0
    gpu = stage.gpu_s_per_hour
    return Needs(
        stage=stage.stage,
        units=stage.units,
        unit=stage.unit,
        core_hours=sum(known) / _HOUR if known else None,
        gpu_hours=None if gpu is None else gpu * stage.hours / _HOUR,
        hears=stage.hours > 0,
        calls=count,
        prompt_tokens=prompt,
        completion_tokens=completion,
        usd=_usd(stage, calls, prompt, completion, prices) if calls else None,
        gigabytes=(stage.bytes_per_unit * stage.units + stage.bytes_per_hour * stage.hours) / 1e9,
    )


def _usd(
    stage: StageRates,
    calls: CallRates,
    prompt: float,
    completion: float,
    prices: PriceTable | None,
) -> float:
    price = token_price(prices, calls.model)
    if price is None:
        raise UsageError(
            f"scale: {stage.stage} calls {calls.model}, which chat.prices does not list: add it"
        )
    tokens = TokenCounts(round(prompt), round(prompt * calls.cached_share), round(completion))
    return float(dollars(price.cost_pico(tokens)))


def document(settings: ScaleSettings, prices: PriceTable | None) -> str:
    """The tables, as Markdown.

    Raises:
        UsageError: a stage's calls are of a model without a price.
    """
    lines = [f"Rates: {settings.measured}."]
    if prices is not None:
        lines[0] += f" Prices of {prices.date}, in {prices.currency}."
    for corpus in settings.corpora:
        needs = [needs_of(stage, prices) for stage in corpus.stages]
        lines += ["", f"### {corpus.name}", "", f"Sizes: {corpus.source}.", "", *_table(needs)]
    return "\n".join(lines) + "\n"


def _table(needs: Sequence[Needs]) -> list[str]:
    rows = [
        "| stage | units | core-hours | GPU-hours | calls | M tokens in / out | USD | GB kept |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in needs:
        gpu = _number(one.gpu_hours) if one.gpu_hours is not None else "not measured"
        tokens = f"{one.prompt_tokens / 1e6:,.0f} / {one.completion_tokens / 1e6:,.0f}"
        cells = (
            one.stage,
            f"{one.units:,} {one.unit}s",
            "not measured" if one.core_hours is None else _number(one.core_hours),
            gpu if one.hears else "–",
            f"{one.calls:,}" if one.calls else "–",
            tokens if one.calls else "–",
            "–" if one.usd is None else f"{one.usd:,.0f}",
            _number(one.gigabytes) if one.gigabytes else "–",
        )
        rows.append(f"| {' | '.join(cells)} |")
    core = sum(one.core_hours or 0.0 for one in needs)
    usd = sum(one.usd or 0.0 for one in needs)
    size = sum(one.gigabytes for one in needs)
    calls = sum(one.calls for one in needs)
    rows.append(
        f"| **together** | | **{_number(core)}** | | **{calls:,}** | | **{usd:,.0f}** | "
        f"**{_number(size)}** |"
    )
    return rows


def _number(value: float) -> str:
    """Three digits that count.

    >>> [_number(value) for value in (0.01234, 7.891, 1234.5)]
    ['0.0123', '7.89', '1,234']
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
