from __future__ import annotations

import datetime
from decimal import Decimal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.budget import Budget
from pipelines.chat.prices import (
    TokenCounts,
    TokenPrice,
    dollars,
    pico_dollars,
    token_price,
)
from pipelines.chat.settings import ChatSettings, PriceTable
from pipelines.chat.usage import Usage
from tests.pipelines.chat.support import PRICES, settings

_PRICE = TokenPrice(3_000, 150_000, 600_000)
_COUNTS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5)).map(
    lambda counts: TokenCounts(counts[0], min(counts[:2]), counts[2])
)


def test_prices_of_the_table_are_exact() -> None:
    table = PriceTable.model_validate(PRICES)
    assert token_price(table, "mock") == _PRICE
    assert token_price(table, "other") is None
    assert token_price(None, "mock") is None


def test_a_fraction_of_a_picodollar_is_rounded_up() -> None:
    models = {"m": {"input_cached": 0.0000001, "input": 0.1, "output": 0.1}}
    table = PriceTable.model_validate({**PRICES, "models": models})
    assert token_price(table, "m") == TokenPrice(1, 100_000, 100_000)


@given(st.lists(_COUNTS))
def test_the_sum_of_costs_is_the_cost_of_the_sum(replies: list[TokenCounts]) -> None:
    usage = Usage()
    for tokens in replies:
        usage.add_reply(tokens, _PRICE)
    whole = TokenCounts(usage.prompt_tokens, usage.cached_prompt_tokens, usage.completion_tokens)
    assert usage.cost_usd == dollars(_PRICE.cost_pico(whole))
    without_cache = TokenCounts(whole.prompt, 0, whole.completion)
    saved = _PRICE.cost_pico(without_cache) - _PRICE.cost_pico(whole)
    assert usage.saved_pico_usd == saved


def test_dollars_are_what_is_written() -> None:
    assert pico_dollars(0.1) == 10**11
    assert dollars(pico_dollars(2.5)) == Decimal("2.5")


def test_an_unknown_price_is_not_zero() -> None:
    assert Usage().cost_usd == 0
    usage = Usage()
    assert usage.add_reply(TokenCounts(1, 0, 1), None) is None
    assert usage.cost_usd is None
    assert usage.counts()["unpriced_replies"] == 1


def test_a_reservation_is_the_dearest_the_call_can_be() -> None:
    budget = Budget(10**9, _PRICE)
    message = {"role": "user", "content": "字" * 100}
    most = budget.most([message], 50)
    assert most >= _PRICE.cost_pico(TokenCounts(300, 0, 50))
    assert budget.fits(10**9)
    budget.reserve(most)
    assert not budget.fits(10**9 - most + 1)
    budget.settle(most, 7)
    assert (budget.spent_pico, budget.reserved_pico) == (7, 0)


def test_the_date_of_a_price_table_is_a_date() -> None:
    assert PriceTable.model_validate(PRICES).date == datetime.date(2026, 1, 1)
    day = datetime.date(2026, 1, 1)
    assert PriceTable.model_validate({**PRICES, "date": day}).date == day


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://user:secret@host/v1"},
        {"base_url": "https://host/v1?key=secret"},
        {"base_url": "ftp://host"},
        {"base_url": "host"},
        {"max_in_flight": 0},
        {"max_in_flight": "64"},
        {"max_cost_usd": 0.0},
        {"max_cost_usd": float("nan")},
        {"max_dead_letter_share": 1.5},
        {"timeout": 3.0},
        {"prices": {**PRICES, "currency": "CNY"}},
        {"prices": {**PRICES, "models": {"m": {"input_cached": 2.0, "input": 1, "output": 1}}}},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ChatSettings.model_validate({"base_url": "http://a", "model": "m", **wrong})


def test_settings_survive_a_round_trip() -> None:
    chosen = settings(max_cost_usd=1.5)
    assert ChatSettings.model_validate(chosen.model_dump()) == chosen
