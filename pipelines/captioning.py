"""What ``pipelines.caption`` does: chooses the captioner, checks it, runs the stage."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipelines.backends.captioner import (
    CaptionBackend,
    CaptionerRecipe,
    SceneSpan,
    checked,
    chosen_captioner,
)
from pipelines.backends.media_settings import CaptionSettings
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import read_part
from pipelines.stages.caption import SPAN_COLUMNS, CaptionStage, spans_of
from pipelines.summary import summary

_OF_A_SERVER = ("base_url", "max_in_flight", "max_cost", "journal", "replay_dead_letters")


class Captioning:
    """One run of the caption command over the parts of cut_scenes."""

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, parts: list[str]
    ) -> None:
        """Chooses backend, prompt, journal and store.

        Raises:
            UsageError: an argument or the prompt's version is not valid.
        """
        self._source, self._parts, self._limit = source, parts, arguments.limit
        settings = caption_settings(arguments, params.caption)
        backend = chosen_captioner(settings)
        _refuse_idle(arguments, backend)
        self._recipe = CaptionerRecipe(
            backend=backend,
            settings=settings,
            chat=_chat_settings(arguments, params.chat),
            journal=arguments.journal or params.journal(source),
            store=params.store(source, "caption"),
            replay_dead_letters=arguments.replay_dead_letters,
        )

    def run(self, output: str, runner_flags: list[str]) -> str:
        """Captions every part; returns the closing line."""
        with contextlib.closing(self._recipe.make(f"{self._source}/check")) as captioner:
            captioner.check(self._scenes())
        stage = CaptionStage(self._source, self._recipe, self._limit)
        facts = run_stage(stage, self._parts, output, runner_flags=runner_flags)
        kept = self._recipe.journal if self._recipe.backend == "openai" else self._recipe.store
        return f"{summary(facts)}, by {stage.backend}\nwhat it wrote is kept in {kept}"

    def estimate(self) -> str:
        """What a run would call or compute; decodes no frame and leaves nothing behind."""
        with contextlib.ExitStack() as stack:
            recipe = self._recipe
            if not Path(recipe.journal).exists():  # no empty journal either
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                recipe = dataclasses.replace(recipe, journal=str(Path(folder) / "empty.sqlite"))
            captioner = stack.enter_context(contextlib.closing(recipe.make(f"{self._source}/plan")))
            told = captioner.estimate(self._scenes())
            return f"dry run of caption {self._source} with {captioner.name}: {told}"

    def _scenes(self) -> Iterator[list[SceneSpan]]:
        """The scenes of all parts, a chunk at a time."""
        rows = self._recipe.settings.scenes_per_chunk
        for part in self._parts:
            for chunk in read_part(part, rows, self._limit, SPAN_COLUMNS):
                yield spans_of(chunk)


def caption_settings(arguments: argparse.Namespace, settings: CaptionSettings) -> CaptionSettings:
    """The settings of params.yaml with what the command line says on top.

    Raises:
        UsageError: an argument is not one of those allowed.
    """
    server = {"base_url": arguments.base_url, "model": arguments.model}
    own = {"model": arguments.model}
    changed = {
        **_given({"backend": arguments.backend, "device": arguments.device}),
        "openai": {**settings.openai.model_dump(), **_given(server)},
        "transformers": {**settings.transformers.model_dump(), **_given(own)},
    }
    return checked(CaptionSettings, {**settings.model_dump(), **changed})


def _chat_settings(arguments: argparse.Namespace, settings: ChatSettings) -> ChatSettings:
    changed = {
        "max_in_flight": arguments.max_in_flight,
        "max_cost_usd": arguments.max_cost,
    }
    return checked(ChatSettings, {**settings.model_dump(), **_given(changed)})


def _refuse_idle(arguments: argparse.Namespace, backend: CaptionBackend) -> None:
    """Refuses arguments without an effect: who names a server wants it to be asked."""
    idle = [] if backend == "openai" else list(_OF_A_SERVER)
    if backend == "embedded":
        idle.append("model")
    for name in idle:
        if getattr(arguments, name):
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} has no effect with the backend {backend}: choose --backend")


def _given(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
