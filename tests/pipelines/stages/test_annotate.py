"""The annotate stage with a chat model in this process."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.keys import KeyMaker
from pipelines.chat.parts import text_of
from pipelines.chat.request import ChatRequest
from pipelines.params import load_params
from pipelines.stages.annotate import AnnotateStage
from pipelines.stages.characters import Character, Profile
from pipelines.stages.style import MAX_SENT, StyleReply
from schemas import Reason, Rejection, Utterance, table_of
from tests.pipelines.stages.fake_chat import FakeChatModel, fake_engine
from tests.records import utterance

KNOWN = Profile(known=True, personality="Vain.", speaking_style="Drawls.", detail="")
UNKNOWN = Profile(
    known=False, personality=None, speaking_style=None, detail="not known to the model"
)
DEAD = Profile(
    known=True, personality=None, speaking_style=None, detail="no valid profile: cut off"
)
PROFILES = {Character("G", "ANN"): KNOWN, Character("G", "?"): UNKNOWN, Character("G", "M"): DEAD}
_WORDS = st.text(st.characters(codec="utf-8"), max_size=40)


def _recipe(tmp_path: Path) -> EngineRecipe:
    params = load_params("params.yaml")
    return EngineRecipe(
        backend="openai",
        chat=params.chat,
        embedded=params.embedded_chat,
        journal=str(tmp_path / "journal.sqlite"),
    )


def _stage(tmp_path: Path, profiles: Mapping[Character, Profile] | None = None) -> AnnotateStage:
    return AnnotateStage(
        "test",
        _recipe(tmp_path),
        prompts.load("emilia_style" if profiles is None else "game_style", "v1"),
        languages=["en", "zh"],
        rows_per_chunk=100,
        profiles=profiles,
    )


def _table(*changes: dict[str, Any]) -> pa.Table:
    made = [utterance(**{"id": f"u{n}", **change}) for n, change in enumerate(changes)]
    return table_of(Utterance, made)


def _row(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return dataclasses.asdict(utterance(**changes))


@pytest.fixture
def described(tmp_path: Path) -> Iterator[tuple[AnnotateStage, FakeChatModel]]:
    """A stage whose engine asks a fake model, which has no words for ``MUTE``."""

    def answers(question: dict[str, Any]) -> object:
        words = question["speech transcript"]
        return "no JSON" if words == "MUTE" else {"description": f"As {words}.", "value": "HIGH"}

    model, stage = FakeChatModel(answers), _stage(tmp_path)
    with fake_engine(model, tmp_path) as engine:
        stage._engine = engine
        yield stage, model


def test_an_answer_becomes_columns_that_lead_back_to_it(
    described: tuple[AnnotateStage, FakeChatModel], tmp_path: Path
) -> None:
    stage, _ = described
    block = stage.transform(_table({"text": "one"}, {"text": "zwei", "language": "de"}))
    first, second = block.rows.to_pylist()
    prompt = prompts.load("emilia_style", "v1")
    assert first["instruction"] == "As one." and first["value"] == "high"
    assert (first["prompt_name"], first["prompt_sha256"]) == (prompt.label, prompt.sha256)
    assert first["chat_model"] == "fake-1"
    assert first["personality"] is None and first["speaking_style"] is None
    assert first["text"] == "one" and first["title"] == "Cup final LIVE"
    assert (first["instruction_language"], second["instruction_language"]) == ("en", "en")
    assert stage._engine is not None
    raw = stage._engine._journal.find_raw(first["reply_sha256"])
    assert raw is not None and "As one." in raw.text
    assert block.counts == {"value.high": 2}
    assert (block.run["calls"], block.run["dead_letters"]) == (2, 0)


def test_what_is_too_long_for_a_prompt_is_cut_there_and_counted(tmp_path: Path) -> None:
    model = FakeChatModel(lambda _: {"description": "Calmly.", "value": "high"})
    stage, megabyte = _stage(tmp_path), "word " * 200_000
    tags = ("news", megabyte, "late")
    chunk = _table(
        {"text": "a"}, {"text": megabyte, "title": megabyte, "tags": tags}, {"tags": ("x" * 2000,)}
    )
    with fake_engine(model, tmp_path) as engine:
        stage._engine = engine
        block = stage.transform(chunk)
    assert block.counts == {"cut.title": 1, "cut.tags": 1, "cut.text": 1, "value.high": 3}
    cut = next(one for one in model.questions if one["speech transcript"].startswith("word"))
    assert cut["speech transcript"] == megabyte[: MAX_SENT["text"]].strip()
    assert cut["metainfo"]["tags"] == ["news"]
    assert max(len(text_of(messages[-1])) for messages in model.messages) < 6000
    kept = block.rows.to_pylist()[1]  # what is passed on is whole
    assert (kept["text"], kept["title"], tuple(kept["tags"])) == (megabyte, megabyte, tags)


def test_a_megabyte_is_no_character_and_stands_in_no_message(tmp_path: Path) -> None:
    stage = _stage(tmp_path, PROFILES)
    rows = [
        _row(id="u0", game="G", character="ANN"),
        _row(id="u1", game="G", character="x" * 10**6),
    ]
    kept, (lost,) = stage.askable(rows)
    assert [row["id"] for row in kept] == ["u0"]
    assert lost.reason is Reason.CHARACTER_UNKNOWN and len(lost.detail) < 400


def test_utterances_without_metadata_pass_unasked_and_in_order(
    described: tuple[AnnotateStage, FakeChatModel],
) -> None:
    stage, model = described
    bare = {"title": None, "tags": ()}
    chunk = _table({"text": "a"}, {"text": "b", **bare}, {"text": "c"}, {"text": "d", **bare})
    block = stage.transform(chunk)
    rows = block.rows.to_pylist()
    assert [row["id"] for row in rows] == ["u0", "u1", "u2", "u3"]
    assert [row["instruction"] for row in rows] == ["As a.", None, "As c.", None]
    assert [row["value"] for row in rows] == ["high", None, "high", None]
    assert rows[1]["prompt_name"] is rows[1]["chat_model"] is rows[1]["reply_sha256"] is None
    assert block.counts == {"without_metadata": 2, "value.high": 2}
    assert len(model.messages) == 2


def test_a_dead_letter_is_a_rejection_with_its_cause(
    described: tuple[AnnotateStage, FakeChatModel],
) -> None:
    stage, model = described
    block = stage.transform(_table({"text": "a"}, {"text": "MUTE", "duration": 2.5}))
    assert [row["id"] for row in block.rows.to_pylist()] == ["u0"]
    (rejection,) = block.rejections
    assert rejection == Rejection(
        record_id="u1",
        stage="annotate",
        reason=rejection.reason,
        detail=rejection.detail,
        location="samples/emilia/EN-B000000.tar:EN_B00000_S00000_W000000.mp3",
        duration=2.5,
    )
    assert rejection.reason == "dead_letter"
    assert rejection.detail.startswith("invalid_reply: the reply was not valid JSON")
    assert len(model.messages) == 3  # two attempts for the second
    facts = stage.account(_table({}, {}), block)
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values())


def test_the_run_facts_of_a_chunk_are_its_own(
    described: tuple[AnnotateStage, FakeChatModel],
) -> None:
    stage, _ = described
    assert stage.transform(_table({"text": "a"})).run["calls"] == 1
    again = stage.transform(_table({"text": "a"}, {"text": "b"}))
    assert (again.run["calls"], again.run["cached_calls"]) == (1, 1)


def test_lines_of_unknown_characters_are_rejected_with_the_reason(tmp_path: Path) -> None:
    stage = _stage(tmp_path, PROFILES)
    rows = [_row(id=name, game="G", character=name) for name in ("ANN", "?", "M", "BOB")]
    kept, rejections = stage.askable(rows)
    assert [row["id"] for row in kept] == ["ANN"]
    assert {r.reason.value for r in rejections} == {"character_unknown"}
    assert [r.detail for r in rejections] == [
        "?: not known to the model",
        "M: no valid profile: cut off",
        "BOB: not on the character list",
    ]
    assert [r.duration for r in rejections] == [1.5] * 3


def test_a_character_of_another_game_is_another_character(tmp_path: Path) -> None:
    kept, _ = _stage(tmp_path, PROFILES).askable([_row(game="H", character="ANN")])
    assert kept == []


def test_a_game_line_needs_no_metadata_and_carries_its_profile(tmp_path: Path) -> None:
    stage = _stage(tmp_path, PROFILES)
    model = FakeChatModel(lambda question: {"description": "Vainly.", "value": "medium"})
    line = {"game": "G", "character": "ANN", "title": None, "tags": ()}
    with fake_engine(model, tmp_path) as engine:
        stage._engine = engine
        block = stage.transform(_table(line, {**line, "character": "?"}))
    (row,) = block.rows.to_pylist()
    assert (row["personality"], row["speaking_style"]) == ("Vain.", "Drawls.")
    assert row["instruction"] == "Vainly." and len(block.rejections) == 1
    (question,) = model.questions
    assert question["metainfo"]["speaking style"] == "Drawls."


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": _WORDS,
                "title": st.none() | _WORDS,
                "tags": st.lists(_WORDS, max_size=2).map(tuple),
                "language": st.sampled_from(["en", "zh", "fi"]),
            }
        ),
        min_size=2,
        max_size=6,
    )
)
def test_the_static_part_is_byte_identical_and_the_variable_json_last(
    changes: list[dict[str, Any]],
) -> None:
    stage = _stage(Path("unused"))
    rows = [_row(**change) for change in changes]
    requests = [stage.request(row) for row in rows]
    assert len({json.dumps(request.messages[:-1]) for request in requests}) == 1
    for row, request in zip(rows, requests, strict=True):
        assert request.messages[-1]["role"] == "user"
        question = json.loads(text_of(request.messages[-1]))
        assert question["speech transcript"] == row["text"]
        assert (
            question["write in"]
            == {"en": "English", "zh": "Chinese", "fi": "English"}[row["language"]]
        )
        assert request.tag == row["id"]
        assert request.reply_schema is StyleReply
    assert [m["content"] for m in requests[0].messages[:-1]] == [
        content for _, content in prompts.load("emilia_style", "v1").messages
    ]


def _key(request: ChatRequest, identity: Mapping[str, object]) -> bytes:
    return KeyMaker(identity).key(request.messages, request.reply_schema, 100, 0)


def test_an_edited_prompt_or_another_model_is_another_call(tmp_path: Path) -> None:
    identity = {"base_url": "http://a", "model": "m"}
    row, stage = _row(), _stage(tmp_path)
    before = _key(stage.request(row), identity)
    assert _key(_stage(tmp_path).request(_row(id="other", duration=9.0)), identity) == before
    prompt = prompts.load("emilia_style", "v1")
    (role, system), *examples = prompt.messages
    edited = dataclasses.replace(prompt, messages=((role, system + "."), *examples))
    fewer = dataclasses.replace(prompt, messages=prompt.messages[:-2])
    for other in (edited, fewer):
        changed = AnnotateStage(
            "test", _recipe(tmp_path), other, languages=["en"], rows_per_chunk=1
        )
        assert _key(changed.request(row), identity) != before
    assert _key(stage.request(row), {**identity, "model": "n"}) != before
    assert _key(stage.request(_row(text="Other words.")), identity) != before


def test_a_stage_that_is_pickled_to_a_worker_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "sk-very-secret-key")
    pickled = pickle.dumps(_stage(tmp_path, PROFILES))
    assert b"sk-very-secret-key" not in pickled
    again = pickle.loads(pickled)
    assert again.backend == "openai:deepseek-flash"
    assert set(again.prompts) == {"game_style/v1"}
