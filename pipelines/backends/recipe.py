"""From the parameters to a running engine: model, journal and prices put together in one place."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.backends.chat import ChatBackend, engine_settings, make_chat_model
from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.chat.engine import ChatEngine
from pipelines.chat.journals import open_journal
from pipelines.chat.settings import ChatSettings


@dataclass(frozen=True, kw_only=True)
class EngineRecipe:
    """All that a worker needs to make its own engine; picklable, and holds no secret."""

    backend: ChatBackend
    chat: ChatSettings
    embedded: EmbeddedChatSettings
    journal: str
    replay_dead_letters: bool = False

    @property
    def model_name(self) -> str:
        """The configured model, as the stage's facts name it."""
        name = self.embedded.model if self.backend == "embedded" else self.chat.model
        return f"{self.backend}:{name}"

    def make(self, scope: str) -> ChatEngine:
        """The engine; nothing is called or loaded yet.

        Args:
            scope: names what the engine is for, so that a replay of dead letters that was killed
                in one stage does not ask another stage's again.

        Raises:
            UsageError: the journal cannot be opened, or the model has no price for a budget.
        """
        return ChatEngine(
            make_chat_model(self.backend, self.chat, self.embedded),
            open_journal(self.journal),
            engine_settings(self.backend, self.chat, self.embedded),
            replay_dead_letters=self.replay_dead_letters,
            replay_scope=scope,
        )
