"""Prompts load, hold valid examples, and never change once released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import prompts
from pipelines.params import load_params
from pipelines.stages.characters import ProfileReply, SmallProfileReply, known_reply
from pipelines.stages.instruction_set_items import Draft, ItemJudge
from pipelines.stages.instruction_set_replies import reply_form
from pipelines.stages.instruction_set_seeds import Seed
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.label_replies import instructions_reply
from pipelines.stages.profile_replies import CharactersReply, SmallCharacterReply
from pipelines.stages.style import style_reply
from pipelines.stages.titles import title_request
from schemas import PromptOrigin

ROOT = Path(prompts.__file__).parent
RELEASED = Path(__file__).parents[1] / "golden" / "prompts.json"
FILES = sorted(path.relative_to(ROOT) for path in ROOT.glob("*/*.md"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_released_prompts_do_not_change(path: Path) -> None:
    released = json.loads(RELEASED.read_text())
    prompt = prompts.load(path.parent.name, path.stem)
    assert prompt.label in released, f"add {prompt.label}: {prompt.sha256} to {RELEASED.name}"
    assert prompt.sha256 == released[prompt.label], (
        f"{prompt.label} was released: put the edit into a new version"
    )


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_examples_are_valid_replies(path: Path) -> None:
    prompt = prompts.load(path.parent.name, path.stem)
    questions = [content for role, content in prompt.messages if role == "user"]
    assert prompt.examples or prompt.name == "scene_caption"  # a file holds no pictures
    for question, reply in zip(questions, prompt.examples, strict=True):
        if prompt.name == "game_characters":
            known_reply(json.loads(question)["characters"]).model_validate_json(reply)
        elif prompt.name == "episode_title":
            asked = title_request(json.loads(question)["title"], prompt)
            assert asked.check is not None
            assert asked.check(asked.reply_schema.model_validate_json(reply)) == ""
        elif prompt.name == "episode_characters" and prompt.version.endswith(".small"):
            SmallCharacterReply.model_validate_json(reply)
        elif prompt.name == "episode_characters":
            described = CharactersReply.model_validate_json(reply).characters
            assert [one.speaker_id for one in described] == json.loads(question)["speakers"]
        elif prompt.name == "attribute_instructions":
            small, asked = prompt.version.endswith(".small"), json.loads(question)
            languages = tuple({"Chinese": "zh", "English": "en"}[one] for one in asked["languages"])
            form = instructions_reply(languages, asked["how many"], small=small)
            written = form.model_validate_json(reply)
            assert all(len(set(written.instructions(one))) == 3 for one in languages)
        elif prompt.name.startswith("s3_"):
            usable_items(prompt, json.loads(question), reply)
        elif prompt.name == "game_profile":
            small = prompt.version.endswith(".small")
            (SmallProfileReply if small else ProfileReply).model_validate_json(reply)
        else:
            style_reply(prompt.version).model_validate_json(reply)


def usable_items(prompt: prompts.Prompt, question: dict[str, Any], reply: str) -> None:
    """Every item of an example of the S3 set passes for what its seed asked for."""
    origin = PromptOrigin(prompt.name.removeprefix("s3_"))
    settings = load_params("params.yaml").sets["s3"]
    assert isinstance(settings, InstructionSetSettings)
    language = {"Chinese": "zh", "English": "en"}[question["write in"]]
    judge = ItemJudge(settings, language, origin, frozenset())
    seeds = [
        Seed(one["seed"], one["who"], one["where"], one["mood"], tuple(one.get("attributes", ())))
        for one in question["seeds"]
    ]
    form = reply_form(origin, prompt.version, seeds[0].attributes)
    items = [item.model_dump() for item in form.model_validate_json(reply).items]
    assert [item["seed"] for item in items] == [seed.number for seed in seeds]
    for item, seed in zip(items, seeds, strict=True):
        found = judge.judge(item, seed)
        assert isinstance(found, Draft), found
        assert origin is PromptOrigin.FREE or set(found.attributes) >= set(seed.attributes)
    if origin is PromptOrigin.FEATURES:
        assert {len(seed.attributes) for seed in seeds} == {question["features"]}


@pytest.mark.parametrize(
    ("name", "version"), [("nothing", "v1"), ("../schemas", "v1"), ("emilia_style", "v0")]
)
def test_a_prompt_that_is_not_there_is_named(name: str, version: str) -> None:
    with pytest.raises(ValueError, match=r"no prompt|not a prompt name"):
        prompts.load(name, version)
