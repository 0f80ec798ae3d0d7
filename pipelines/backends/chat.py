"""The registry of chat backends: from a name in ``params.yaml`` to a chat model."""

from __future__ import annotations

import datetime
import os
from typing import Literal

from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.chat.openai_model import KEY_VARIABLES, OpenAIChatModel
from pipelines.chat.request import ChatModel
from pipelines.chat.settings import ChatSettings, ModelPrice, PriceTable

ChatBackend = Literal["openai", "embedded"]


def chosen_backend(settings: ChatSettings) -> ChatBackend:
    """The backend to use: ``auto`` means the server when a key is set, the embedded one if not."""
    if settings.backend != "auto":
        return settings.backend
    return "openai" if any(os.environ.get(name) for name in KEY_VARIABLES) else "embedded"


def make_chat_model(
    backend: ChatBackend, settings: ChatSettings, embedded: EmbeddedChatSettings
) -> ChatModel:
    """The chat model of a backend; nothing is loaded or connected before its first call."""
    if backend == "embedded":
        from pipelines.backends.embedded_chat import EmbeddedChatModel

        return EmbeddedChatModel(embedded)
    return OpenAIChatModel(settings)


def engine_settings(
    backend: ChatBackend, settings: ChatSettings, embedded: EmbeddedChatSettings
) -> ChatSettings:
    """The engine's settings: the embedded backend is free and takes one call at a time."""
    if backend == "openai":
        return settings
    free = ModelPrice(input_cached=0.0, input=0.0, output=0.0)
    return settings.model_copy(
        update={
            "model": embedded.model,
            "max_in_flight": 1,
            "max_tokens": embedded.max_tokens,
            "prices": PriceTable(
                date=datetime.date(1970, 1, 1), currency="USD", models={embedded.model: free}
            ),
        }
    )
