"""What ``pipelines.annotate`` does with utterances: a game's characters first, then every line."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter

import pyarrow.compute as pc

from pipelines import files
from pipelines.annotation import Annotation, load_prompt
from pipelines.chat.engine import ChatEngine
from pipelines.chat.plan import Plan
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.sources.settings import GameVoiceSettings
from pipelines.stage import StageOutput, read_part
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
from pipelines.stages.style import MAX_NAME

# Stands for a profile that a dry run may not buy; as long as real ones are.
_TYPICAL = "A short sentence about this character, followed by another one that is as long."


class UtteranceAnnotation(Annotation):
    """One run of the annotate command over the parts of an ingested source."""

    counts_rows = True

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, earlier: StageOutput
    ) -> None:
        """Chooses backend, prompts and journal.

        Raises:
            UsageError: a chat argument or a prompt version is not valid, or a part not Parquet.
        """
        super().__init__(arguments, params, source, earlier)
        self._settings = params.annotate
        backend = self._recipe.backend
        self._languages = self._settings.answer_languages[backend]
        versions, key = self._settings.prompts[backend], f"annotate.prompts.{backend}"
        self._is_game = isinstance(params.sources[source], GameVoiceSettings)
        if self._is_game:
            self._list_prompt = load_prompt("game_characters", versions.game_characters, key)
            self._profile_prompt = load_prompt("game_profile", versions.game_profile, key)
            self._prompt = load_prompt("game_style", versions.game_style, key)
        else:
            self._prompt = load_prompt("emilia_style", versions.emilia_style, key)

    def run(self, output: str, runner_flags: list[str]) -> str:
        """Annotates every part; returns the closing line."""
        self.check()
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
            expected_rows=self._units,
            extra_run_facts=spent,
        )
        if profiles is not None:
            files.write_text(files.join(output, "characters.json"), _profiles_json(profiles))
        return self.closing(facts)

    def plans(self, engine: ChatEngine) -> list[Plan]:
        """Of the characters of a game, then of every utterance."""
        plans, profiles = self._plan_characters(engine) if self._is_game else ([], None)
        stage = self._stage(profiles)
        for part in self._parts:
            for chunk in read_part(part, self._settings.rows_per_chunk, self._limit):
                rows, _ = stage.askable(chunk.to_pylist())
                asked = [stage.request(row) for row in rows if stage.informed(row)]
                plans.append(engine.plan(asked))
        return plans

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


def character_list(parts: list[str]) -> list[Character]:
    """Every character of the parts once, sorted; reads two columns, nothing else.

    What is too long for a name is left out: `annotate` rejects its lines as unknown.
    """
    found: set[Character] = set()
    for path in parts:
        for table in read_part(path, columns=["game", "character"]):
            pairs = table.group_by(["game", "character"]).aggregate([])
            pairs = pairs.filter(pc.is_valid(pairs.column("character")))
            names = (Character(row["game"], row["character"]) for row in pairs.to_pylist())
            found.update(one for one in names if max(len(one.game), len(one.name)) <= MAX_NAME)
    return sorted(found)


def _profiles_json(profiles: dict[Character, Profile]) -> str:
    rows = [
        {**dataclasses.asdict(character), **dataclasses.asdict(profile)}
        for character, profile in sorted(profiles.items())
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
