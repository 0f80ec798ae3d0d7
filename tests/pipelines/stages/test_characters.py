"""Which characters a model knows, and who they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from pipelines.errors import StageFailed
from pipelines.stages.characters import (
    Character,
    Profile,
    ProfileReply,
    SmallProfileReply,
    known_reply,
    list_requests,
    profile_characters,
    profile_requests,
)
from tests.pipelines.stages.fake_chat import FakeChatModel, fake_engine

LIST = prompts.load("game_characters", "v1")
PROFILE = prompts.load("game_profile", "v1")
NAMES = ["ROSA", "OLD TOM", "model_config", "鹿野", "a.b", 'Ω "quoted"']


def _answers(question: dict[str, Any]) -> object:
    if "characters" in question:
        return {"known": {name: not name.startswith("?") for name in question["characters"]}}
    if question["character"] == "MUTE":
        return {"personality": ""}
    name = question["character"]
    return {"personality": f"{name} is vain.", "speaking style": f"{name} drawls."}


def _profiles(
    model: FakeChatModel, folder: Path, characters: list[Character], per_call: int = 100
) -> dict[Character, Profile]:
    with fake_engine(model, folder) as engine:
        return profile_characters(
            engine, characters, LIST, PROFILE, names_per_call=per_call, language="en"
        )


def test_known_characters_get_a_profile_once_and_unknown_ones_a_reason(tmp_path: Path) -> None:
    model = FakeChatModel(_answers)
    characters = [Character("G", name) for name in ("TOM", "?STRANGER", "ANN")]
    profiles = _profiles(model, tmp_path, characters)
    assert set(profiles) == set(characters)
    assert profiles[Character("G", "ANN")] == Profile(
        known=True, personality="ANN is vain.", speaking_style="ANN drawls.", detail=""
    )
    assert profiles[Character("G", "?STRANGER")] == Profile(
        known=False, personality=None, speaking_style=None, detail="not known to the model"
    )
    assert [q["character"] for q in model.questions if "character" in q] == ["ANN", "TOM"]
    assert all(q["write in"] == "English" for q in model.questions if "character" in q)


def test_a_profile_that_never_came_is_told_apart(tmp_path: Path) -> None:
    profiles = _profiles(FakeChatModel(_answers), tmp_path, [Character("G", "MUTE")])
    profile = profiles[Character("G", "MUTE")]
    assert profile.known and profile.personality is None
    assert profile.detail.startswith("no valid profile: the reply does not fit: personality")


def test_a_list_without_a_valid_answer_fails_the_stage(tmp_path: Path) -> None:
    model = FakeChatModel(lambda question: {"known": {"SOMEBODY ELSE": True}})
    with pytest.raises(StageFailed, match=r"^G: no valid answer about its 1 characters"):
        _profiles(model, tmp_path, [Character("G", "ANN")])
    assert len(model.messages) == 2  # both attempts


@given(
    st.sets(
        st.builds(Character, st.sampled_from("AB"), st.text("xyz", min_size=1, max_size=3)),
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_a_long_list_is_asked_about_in_pieces(found: set[Character], per_call: int) -> None:
    pieces = list_requests(sorted(found, reverse=True), LIST, per_call)
    asked = [Character(game, name) for game, names, _ in pieces for name in names]
    assert asked == sorted(found)
    for game in "AB":
        count = sum(character.game == game for character in found)
        sizes = [len(names) for piece_game, names, _ in pieces if piece_game == game]
        assert len(sizes) == -(-count // per_call)
        assert all(size == per_call for size in sizes[:-1])
    for _, names, request in pieces:
        assert request.messages[:-1] == pieces[0][2].messages[:-1]
        assert request.max_tokens == 64 + 16 * len(names)


def test_pieces_are_put_together(tmp_path: Path) -> None:
    model = FakeChatModel(_answers)
    characters = [Character("G", f"{'?' if n % 3 == 0 else ''}N{n}") for n in range(10)]
    profiles = _profiles(model, tmp_path, characters, per_call=4)
    assert sum("characters" in question for question in model.questions) == 3
    unknown = {character.name for character, profile in profiles.items() if not profile.known}
    assert unknown == {"?N0", "?N3", "?N6", "?N9"}


def test_every_name_is_read_back_exactly() -> None:
    reply = known_reply(NAMES)
    verdicts = {name: index % 2 == 0 for index, name in enumerate(NAMES)}
    valid = reply.model_validate({"known": verdicts})
    assert valid.known.answers() == verdicts  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "known",
    [
        {"ROSA": True},
        {"ROSA": True, "OLD TOM": False, "BOB": True},
        {"ROSA": True, "Old Tom": False},
        {"ROSA": True, "OLD TOM": "false"},
        {"ROSA": True, "OLD TOM": 0},
        {"ROSA": True, "OLD TOM": None},
        {"ROSA": True, "name_1": False},
    ],
)
def test_a_verdict_for_other_names_or_no_verdict_is_not_valid(known: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        known_reply(["ROSA", "OLD TOM"]).model_validate({"known": known})


def test_the_schema_shows_the_model_the_names() -> None:
    schema = known_reply(["ROSA", "OLD TOM"]).model_json_schema(by_alias=True)
    (known,) = schema["$defs"].values()
    assert list(known["properties"]) == known["required"] == ["ROSA", "OLD TOM"]
    assert known["additionalProperties"] is False


def test_the_small_prompt_has_the_small_form() -> None:
    small = prompts.load("game_profile", "v1.small")
    characters = [Character("G", "ANN")]
    (plain,) = profile_requests(characters, PROFILE, "zh")
    (held,) = profile_requests(characters, small, "en")
    assert (plain.reply_schema, held.reply_schema) == (ProfileReply, SmallProfileReply)
    assert '"write in": "Chinese"' in plain.messages[-1]["content"]
    SmallProfileReply.model_validate({"personality": "calm, old", "speaking style": "slow"})
    for wrong in ("Calm", "calm.", "c", ""):
        with pytest.raises(pydantic.ValidationError):
            SmallProfileReply.model_validate({"personality": wrong, "speaking style": "slow"})
