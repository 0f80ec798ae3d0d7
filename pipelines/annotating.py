"""What ``pipelines.annotate`` does: characters first where there are any, then every utterance."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pydantic

import prompts
from pipelines import files
from pipelines.backends.chat import chosen_backend
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.engine import ChatEngine
from pipelines.chat.errors import MissingApiKey
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.plan import Plan
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.sources.settings import GameVoiceSettings
from pipelines.stage import count_rows, read_part
from pipelines.stages.annotate import AnnotateStage
from pipelines.stages.characters import (
    Character,
    Profile,
    known_characters,
    list_requests,
    profile_characters,
    profile_requests,
    profiles_of,
)
from pipelines.summary import summary

# Stands for a profile that a dry run may not buy; as long as real ones are.
_TYPICAL = "A short sentence about this character, followed by another one that is as long."


class Annotation:
    """One run of the annotate command over the parts of an ingested source."""

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, parts: list[str]
    ) -> None:
        """Chooses backend, prompts and journal.

        Raises:
            UsageError: a chat argument or a prompt version is not valid, or a part not Parquet.
        """
        self._source, self._parts, self._limit = source, parts, arguments.limit
        self._rows = count_rows(parts, arguments.limit)
        self._settings = params.annotate
        chat = chat_settings(arguments, params.chat)
        backend = chosen_backend(chat)
        self._recipe = EngineRecipe(
            backend=backend,
            chat=chat,
            embedded=params.embedded_chat,
            journal=arguments.journal or params.journal(source),
            replay_dead_letters=arguments.replay_dead_letters,
        )
        self._languages = self._settings.answer_languages[backend]
        versions = self._settings.prompts[backend]
        self._is_game = isinstance(params.sources[source], GameVoiceSettings)
        try:
            if self._is_game:
                self._list_prompt = prompts.load("game_characters", versions.game_characters)
                self._profile_prompt = prompts.load("game_profile", versions.game_profile)
                self._prompt = prompts.load("game_style", versions.game_style)
            else:
                self._prompt = prompts.load("emilia_style", versions.emilia_style)
        except ValueError as error:
            raise UsageError(f"annotate.prompts.{backend} in params.yaml: {error}") from error

    def run(self, output: str, runner_flags: list[str]) -> str:
        """Annotates every part; returns the closing line."""
        self._check()
        profiles, spent = None, Counter[str]()
        if self._is_game:
            engine = self._recipe.make(f"{self._source}/characters")
            try:
                profiles = self._profiles(engine)
                spent = Counter(engine.usage.counts())
            finally:
                engine.close()
        facts = run_stage(
            self._stage(profiles),
            self._parts,
            output,
            runner_flags=runner_flags,
            expected_rows=self._rows,
            extra_run_facts=spent,
        )
        if profiles is not None:
            files.write_text(files.join(output, "characters.json"), _profiles_json(profiles))
        return f"{summary(facts)}\nreplies are kept in {self._recipe.journal}"

    def _check(self) -> None:
        """Finds bad usage while an earlier run's output is still there.

        Raises:
            UsageError: a cap without a price, no place for a journal, or calls due without a key.
        """
        self._recipe.make(f"{self._source}/check").close()
        if self._recipe.backend == "openai":
            try:
                OpenAIChatModel(self._recipe.chat).require_key()
            except MissingApiKey:
                if self._plan().calls:  # not needed where the journal has every reply
                    raise

    def estimate(self) -> str:
        """What a run would call and cost, without a call and without reading audio."""
        return f"dry run of annotate {self._source} with {self._recipe.model_name}: " + (
            self._plan().describe()
        )

    def _plan(self) -> Plan:
        with contextlib.ExitStack() as stack:
            recipe = self._recipe
            if not Path(recipe.journal).exists():  # a plan leaves nothing behind, no empty journal
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                recipe = dataclasses.replace(recipe, journal=str(Path(folder) / "empty.sqlite"))
            engine = stack.enter_context(contextlib.closing(recipe.make(f"{self._source}/plan")))
            plans, profiles = self._plan_characters(engine) if self._is_game else ([], None)
            stage = self._stage(profiles)
            for part in self._parts:
                for chunk in read_part(part, self._settings.rows_per_chunk, self._limit):
                    rows, _ = stage.askable(chunk.to_pylist())
                    asked = [stage.request(row) for row in rows if stage.informed(row)]
                    plans.append(engine.plan(asked))
        return Plan.total(plans)

    def _stage(self, profiles: dict[Character, Profile] | None) -> AnnotateStage:
        others = (self._list_prompt, self._profile_prompt) if self._is_game else ()
        return AnnotateStage(
            self._source,
            self._recipe,
            self._prompt,
            languages=self._languages,
            rows_per_chunk=self._settings.rows_per_chunk,
            limit=self._limit,
            profiles=profiles,
            other_prompts=others,
        )

    def _profiles(self, engine: ChatEngine) -> dict[Character, Profile]:
        return profile_characters(
            engine,
            character_list(self._parts),
            self._list_prompt,
            self._profile_prompt,
            names_per_call=self._settings.characters_per_call,
            language=self._languages[0],
        )

    def _plan_characters(self, engine: ChatEngine) -> tuple[list[Plan], dict[Character, Profile]]:
        characters, language = character_list(self._parts), self._languages[0]
        per_call = self._settings.characters_per_call
        asked = list_requests(characters, self._list_prompt, per_call)
        lists = engine.plan([request for _, _, request in asked])
        # Which ones are known the journal may tell; where only a call can, all are taken for known.
        known = (
            characters
            if lists.calls
            else known_characters(engine, characters, self._list_prompt, per_call)
        )
        requests = profile_requests(known, self._profile_prompt, language)
        bought = [
            character
            for character, request in zip(known, requests, strict=True)
            if not engine.plan([request]).calls
        ]
        typical = Profile(known=True, personality=_TYPICAL, speaking_style=_TYPICAL, detail="")
        profiles = profiles_of(engine, bought, self._profile_prompt, language)
        return [lists, engine.plan(requests)], dict.fromkeys(known, typical) | profiles


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


def character_list(parts: list[str]) -> list[Character]:
    """Every character of the parts once, sorted; reads two columns, nothing else."""
    found: set[Character] = set()
    for path in parts:
        with files.open_read(path) as stream:
            table = pq.read_table(stream, columns=["game", "character"])
        pairs = table.group_by(["game", "character"]).aggregate([])
        pairs = pairs.filter(pc.is_valid(pairs.column("character")))
        found.update(Character(row["game"], row["character"]) for row in pairs.to_pylist())
    return sorted(found)


def _profiles_json(profiles: dict[Character, Profile]) -> str:
    rows = [
        {**dataclasses.asdict(character), **dataclasses.asdict(profile)}
        for character, profile in sorted(profiles.items())
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
