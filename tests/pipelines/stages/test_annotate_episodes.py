"""The stage that annotates episodes, with a chat model in this process."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import prompts
from pipelines.annotating_episodes import profile_questions
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.parts import text_of
from pipelines.params import load_params
from pipelines.stage import Block
from pipelines.stages.annotate_episodes import AnnotateEpisodesStage
from schemas import Episode, record_of, table_of
from tests.e2e.annotation_server import answer
from tests.pipelines.stages.diarized import TITLES, diarized
from tests.pipelines.stages.fake_chat import FakeChatModel, fake_engine


def made(folder: Path, **changes: Any) -> AnnotateEpisodesStage:  # noqa: ANN401
    """The stage as params.yaml has it for a server."""
    params = load_params("params.yaml")
    recipe = EngineRecipe(
        backend="openai",
        chat=params.chat,
        embedded=params.embedded_chat,
        journal=str(folder / "journal.sqlite"),
    )
    settings = params.annotate_episodes.openai.model_copy(update=changes)
    questions = profile_questions(settings, "annotate_episodes.openai")
    return AnnotateEpisodesStage(
        "wenetspeech", recipe, prompts.load("episode_title", "v1"), questions
    )


def transformed(
    folder: Path,
    episodes: list[Episode],
    answers: Callable[[dict[str, Any]], object] = answer,
    **changes: Any,  # noqa: ANN401
) -> tuple[Block, list[Episode], FakeChatModel]:
    """The block, checked to have lost nothing, its episodes, and the model that was asked."""
    stage, model = made(folder, **changes), FakeChatModel(answers)
    table: pa.Table = table_of(Episode, episodes)
    with fake_engine(model, folder) as engine:
        stage._engine = engine
        block = stage.transform(table)
    stage.account(table, block)
    return block, [record_of(Episode, row) for row in block.rows.to_pylist()], model


def test_episodes_get_series_number_and_profiles_and_nothing_else_changes(tmp_path: Path) -> None:
    before = [diarized(0), diarized(1)]
    block, after, model = transformed(tmp_path, before)
    assert [(one.series, one.episode) for one in after] == [("春风小巷", "1"), ("春风小巷", "2")]
    for old, new in zip(before, after, strict=True):
        speakers = dict.fromkeys(s.speaker for s in old.sentences if s.speaker is not None)
        assert [profile.speaker for profile in new.profiles] == list(speakers)
        assert all("第" in profile.identity for profile in new.profiles)
        for name in ("id", "title", "sentences", "speech_turns", "url", "video_uri", "tags"):
            assert getattr(new, name) == getattr(old, name), name
    assert [set(question) for question in model.questions[:2]] == [{"title"}, {"title"}]
    assert model.questions[2]["series"] == "春风小巷" and model.questions[2]["episode"] == "1"
    assert not block.rejections
    assert {key: count for key, count in block.counts.items() if count} == {
        "audios_in": 2,
        "audios_out": 2,
        "title.agrees": 2,
        "title.with_series": 2,
        "title.with_episode": 2,
        "profiles": 7,
    }
    assert (block.run["calls"], block.run["dead_letters"]) == (4, 0)


def test_an_episode_whose_title_gave_nothing_goes_on(tmp_path: Path) -> None:
    def answers(question: dict[str, Any]) -> object:
        return "no JSON" if "title" in question else answer(question)

    episodes = [diarized(0, title=None), diarized(1, title="最感人的瞬间")]
    block, after, model = transformed(tmp_path, episodes, answers)
    assert [(one.series, one.episode) for one in after] == [(None, None)] * 2
    assert [len(one.profiles) for one in after] == [4, 3]
    assert block.counts["title.missing"] == block.counts["title.dead_letter"] == 1
    assert block.counts["title.with_series"] == 0 and not block.rejections
    script = json.loads(text_of(model.messages[-1][-1]))
    assert script["series"] is None and script["episode"] is None


def test_a_lost_episode_is_rejected_with_all_its_sentences(tmp_path: Path) -> None:
    def answers(question: dict[str, Any]) -> object:
        return {"characters": []} if question.get("episode") == "1" else answer(question)

    lost = diarized(0)
    block, after, _ = transformed(tmp_path, [lost, diarized(1)], answers)
    assert [one.id for one in after] == [diarized(1).id]
    assert [r.record_id for r in block.rejections] == [s.id for s in lost.sentences]
    assert [r.duration for r in block.rejections] == [s.duration for s in lost.sentences]
    first = block.rejections[0]
    assert (first.stage, first.reason.value, first.location) == (
        "annotate",
        "dead_letter",
        lost.url,
    )
    assert first.detail.startswith(f"no speaker of {lost.id} has a profile; SPEAKER_00: ")
    assert "missing: 'SPEAKER_00'" in first.detail
    assert (block.counts["lost.dead_letter"], block.counts["audios_out"]) == (1, 1)
    assert block.counts["profiles"] == 3 and block.counts["profiles.missing"] == 0


def test_an_episode_with_some_profiles_stays(tmp_path: Path) -> None:
    def answers(question: dict[str, Any]) -> object:
        return {} if question.get("speakers") == ["SPEAKER_02"] else answer(question)

    block, (after,), _ = transformed(tmp_path, [diarized(0)], answers, speakers_per_call=1)
    assert [p.speaker for p in after.profiles] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_03"]
    assert not block.rejections
    assert (block.counts["profiles"], block.counts["profiles.missing"]) == (3, 1)


def test_an_episode_in_pieces_and_one_without_speakers_are_counted(tmp_path: Path) -> None:
    mute = diarized(1)
    mute = replace(mute, sentences=tuple(replace(s, speaker=None) for s in mute.sentences))
    block, after, model = transformed(tmp_path, [diarized(0), mute], script_characters=500)
    assert [len(one.profiles) for one in after] == [4, 0]
    assert block.counts["script.in_pieces"] == 2
    assert block.counts["script.without_speakers"] == 1
    assert any("known so far" in question for question in model.questions)


def test_a_title_of_a_megabyte_is_counted(tmp_path: Path) -> None:
    long = TITLES[0] + "长" * 1_000_000
    block, (after,), _ = transformed(tmp_path, [diarized(0, title=long)])
    assert after.title == long and after.series == "春风小巷"
    assert block.counts["title.truncated"] == 1


@pytest.mark.parametrize("limit", [500, 60_000])
def test_a_dry_run_foresees_the_calls_exactly_and_makes_none(tmp_path: Path, limit: int) -> None:
    stage, model = made(tmp_path, script_characters=limit), FakeChatModel(answer)
    chunk = table_of(Episode, [diarized(0), diarized(1)])
    with fake_engine(model, tmp_path) as engine:
        stage._engine = engine
        before = stage.plan(chunk, engine)
        assert not model.messages
        stage.transform(chunk)
        after = stage.plan(chunk, engine)
    assert sum(plan.calls for plan in before) == len(model.messages)
    # With the journal full, every later piece is found too, though its question holds answers.
    assert sum(plan.calls for plan in after) == 0
    assert sum(plan.answered for plan in after) == len(model.messages)


def test_a_stage_that_is_pickled_to_a_worker_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "sk-very-secret-key")
    pickled = pickle.dumps(made(tmp_path))
    assert b"sk-very-secret-key" not in pickled
    again = pickle.loads(pickled)
    assert again.backend == "openai:deepseek-flash"
    assert set(again.prompts) == {"episode_title/v1", "episode_characters/v1"}
    assert again.prompts["episode_title/v1"] == prompts.load("episode_title", "v1").sha256
