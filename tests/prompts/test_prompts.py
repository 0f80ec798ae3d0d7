"""Prompts load, hold valid examples, and never change once released."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import prompts
from pipelines.stages.characters import ProfileReply, SmallProfileReply, known_reply
from pipelines.stages.profile_replies import CharactersReply, SmallCharacterReply
from pipelines.stages.style import style_reply
from pipelines.stages.titles import title_request

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
        elif prompt.name == "game_profile":
            small = prompt.version.endswith(".small")
            (SmallProfileReply if small else ProfileReply).model_validate_json(reply)
        else:
            style_reply(prompt.version).model_validate_json(reply)


@pytest.mark.parametrize(
    ("name", "version"), [("nothing", "v1"), ("../schemas", "v1"), ("emilia_style", "v0")]
)
def test_a_prompt_that_is_not_there_is_named(name: str, version: str) -> None:
    with pytest.raises(ValueError, match=r"no prompt|not a prompt name"):
        prompts.load(name, version)
