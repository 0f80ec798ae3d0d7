"""From the parameters to a running engine: model, journal and prices put together in one place."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.backends.chat import ChatBackend, engine_settings, make_chat_model
from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.chat.engine import ChatEngine
from pipelines.chat.errors import MissingApiKey
from pipelines.chat.journals import open_journal, there_is
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.plan import Plan
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

    @contextlib.contextmanager
    def planner(self, scope: str) -> Iterator[ChatEngine]:
        """An engine to plan with; leaves nothing behind, no empty journal where there is none."""
        with contextlib.ExitStack() as stack:
            recipe = self
            if not there_is(self.journal):
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                recipe = dataclasses.replace(self, journal=str(Path(folder) / "empty.sqlite"))
            yield stack.enter_context(contextlib.closing(recipe.make(f"{scope}/plan")))

    def check(self, scope: str, plan: Callable[[], Plan]) -> None:
        """Finds bad usage while an earlier run's output is still there.

        Args:
            scope: as of :meth:`make`.
            plan: of the run; asked for only where there is no key.

        Raises:
            UsageError: a cap without a price, no place for a journal, or calls due without a key.
        """
        self.make(f"{scope}/check").close()
        if self.backend == "openai":
            try:
                OpenAIChatModel(self.chat).require_key()
            except MissingApiKey:
                if plan().calls:  # not needed where the journal has every reply
                    raise
