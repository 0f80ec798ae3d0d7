"""What annotating utterances and annotating episodes have in common: journal, checks, dry run."""

from __future__ import annotations

import abc
import argparse
from collections.abc import Iterable
from typing import ClassVar

import pydantic

import prompts
from pipelines.backends.chat import chosen_backend
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.engine import ChatEngine
from pipelines.chat.plan import Plan
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.stage import StageOutput, count_rows
from pipelines.summary import summary
from schemas import StageFacts


class Annotation(abc.ABC):
    """One run of the annotate command over the output of an earlier stage."""

    counts_rows: ClassVar[bool]  # whether a row is a unit of the stage

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, earlier: StageOutput
    ) -> None:
        """Chooses backend and journal.

        Raises:
            UsageError: a chat argument is not valid, or a part not Parquet.
        """
        self._source, self._parts, self._limit = source, earlier.parts, arguments.limit
        rows = count_rows(earlier.parts, arguments.limit)  # finds parts that are not Parquet
        # In the stage's unit; how many sentences the first N episodes have, nobody knows before.
        whole = arguments.limit is None
        self._units = earlier.facts.rows_out if whole else rows if self.counts_rows else None
        chat = chat_settings(arguments, params.chat)
        self._recipe = EngineRecipe(
            backend=chosen_backend(chat),
            chat=chat,
            embedded=params.embedded_chat,
            journal=arguments.journal or params.journal(source),
            replay_dead_letters=arguments.replay_dead_letters,
        )

    @abc.abstractmethod
    def run(self, output: str, runner_flags: list[str]) -> str:
        """Annotates every part; returns the closing line."""

    @abc.abstractmethod
    def plans(self, engine: ChatEngine) -> Iterable[Plan]:
        """Of every request of a run; what only a call can tell is estimated."""

    def estimate(self) -> str:
        """What a run would call and cost, without a call and without reading audio."""
        return f"dry run of annotate {self._source} with {self._recipe.model_name}: " + (
            self._plan().describe()
        )

    def check(self) -> None:
        """Finds bad usage while an earlier run's output is still there.

        Raises:
            UsageError: a cap without a price, no place for a journal, or calls due without a key.
        """
        self._recipe.check(self._source, self._plan)

    def closing(self, facts: StageFacts) -> str:
        """What the command says when it is done."""
        return f"{summary(facts)}\nreplies are kept in {self._recipe.journal}"

    def _plan(self) -> Plan:
        with self._recipe.planner(self._source) as engine:
            return Plan.total(self.plans(engine))


def chat_settings(arguments: argparse.Namespace, settings: ChatSettings) -> ChatSettings:
    """The settings of params.yaml with what the command line says on top.

    Raises:
        UsageError: an argument is out of range.
    """
    given = {
        "backend": arguments.chat_backend,
        "base_url": arguments.chat_base_url,
        "model": arguments.chat_model,
        "max_in_flight": arguments.max_in_flight,
        "max_cost_usd": arguments.max_cost,
    }
    changed = {key: value for key, value in given.items() if value is not None}
    try:
        return ChatSettings.model_validate({**settings.model_dump(), **changed})
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False)[0]  # a URL with a password, say, is not repeated
        where = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"chat arguments: {where}: {first['msg']}") from error


def load_prompt(name: str, version: str, key: str) -> prompts.Prompt:
    """The prompt that ``key`` of params.yaml asks for.

    Raises:
        UsageError: there is no such prompt.
    """
    try:
        return prompts.load(name, version)
    except ValueError as error:
        raise UsageError(f"{key} in params.yaml: {error}") from error
