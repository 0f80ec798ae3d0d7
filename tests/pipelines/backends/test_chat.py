"""Which chat backend is chosen, and with which settings."""

from __future__ import annotations

import pytest

from pipelines.backends.chat import chosen_backend, engine_settings, make_chat_model
from pipelines.backends.embedded_chat import EmbeddedChatModel
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.params import load_params

PARAMS = load_params("params.yaml")


@pytest.mark.parametrize(
    ("backend", "variable", "chosen"),
    [
        ("auto", None, "embedded"),
        ("auto", "CHAT_API_KEY", "openai"),
        ("auto", "DEEPSEEK_API_KEY", "openai"),
        ("auto", "OPENAI_API_KEY", "openai"),
        ("embedded", "CHAT_API_KEY", "embedded"),
        ("openai", None, "openai"),
    ],
)
def test_auto_is_the_server_where_a_key_is_set(
    backend: str, variable: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, "sk-test-0123456789")
    settings = PARAMS.chat.model_copy(update={"backend": backend})
    assert chosen_backend(settings) == chosen


def test_an_empty_variable_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "")
    assert chosen_backend(PARAMS.chat) == "embedded"


def test_the_registry_makes_the_model_of_each_backend() -> None:
    server = make_chat_model("openai", PARAMS.chat, PARAMS.embedded_chat)
    embedded = make_chat_model("embedded", PARAMS.chat, PARAMS.embedded_chat)
    assert isinstance(server, OpenAIChatModel) and isinstance(embedded, EmbeddedChatModel)
    assert (server.name, embedded.name) == (PARAMS.chat.model, PARAMS.embedded_chat.model)


def test_the_embedded_model_is_free_and_takes_one_call_at_a_time() -> None:
    settings = engine_settings("embedded", PARAMS.chat, PARAMS.embedded_chat)
    assert settings.max_in_flight == 1
    assert settings.max_tokens == PARAMS.embedded_chat.max_tokens
    assert settings.prices is not None
    (price,) = settings.prices.models.values()
    assert price.input == price.output == price.input_cached == 0
    assert settings.max_dead_letter_share == PARAMS.chat.max_dead_letter_share
    assert engine_settings("openai", PARAMS.chat, PARAMS.embedded_chat) is PARAMS.chat
