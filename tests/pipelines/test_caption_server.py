"""Captions by a vision server over real HTTP: real JPEGs, one journal, nothing bought twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipelines.caption import main
from pipelines.pictures import Picture, Video
from pipelines.stages.frames import frame_times
from tests.chat_server import ServerThread
from tests.pipelines import broken_videos
from tests.pipelines.stages.drama import EPISODES, sentence
from tests.pipelines.stages.drama_scenes import (
    annotated_episode,
    both_episodes,
    save_cut,
    video_of,
)
from tests.pipelines.test_caption_command import (
    MULTIPROCESSING,
    arguments,
    content,
    facts_of,
    run_facts,
    scenes_in,
    write_params,
)
from tests.pipelines.test_caption_videos import rejected_in
from tests.vision_server import VisionServer, vision_server


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    return save_cut(tmp_path / "cut", both_episodes())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ServerThread, VisionServer]]:
    monkeypatch.setenv("CHAT_API_KEY", "sk-not-a-real-key-0123456789")
    thread, state = vision_server()
    with thread:
        yield thread, state


def flags(thread: ServerThread, *more: str) -> list[str]:
    return ["--backend", "openai", "--base-url", thread.base_url, *more]


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any decoding fail the test."""

    def refuse(*_: object) -> Video:
        raise AssertionError("a video was opened")

    monkeypatch.setattr("pipelines.backends.openai_captioner.Video", refuse)


def test_the_server_gets_the_scenes_own_pictures_and_nothing_twice(
    cut: Path, tmp_path: Path, server: tuple[ServerThread, VisionServer]
) -> None:
    thread, state = server
    output = tmp_path / "caption"
    params = write_params(tmp_path, language="zh")
    assert main(arguments(params, cut, output, *flags(thread))) == 0
    scenes = scenes_in(output)
    assert state.calls == len(scenes) == 10
    assert all(question == {"write in": "Chinese"} for question in state.questions)
    # Every picture that arrived is, but for JPEG's loss, the one on screen at its time.
    wanted = []
    for scene in scenes:
        with Video(scene.video_uri, 360) as video:
            wanted.append(video.pictures(frame_times(scene.start, scene.duration, 8)))
    for arrived in state.pictures:
        assert [picture.size for picture in arrived] == [(320, 180)] * 8
        assert min(_distance(arrived, pictures) for pictures in wanted) < 5.0
    assert all((scene.caption or "").startswith("A room of its own kind, num") for scene in scenes)
    assert len({scene.caption for scene in scenes}) == 10
    assert {scene.caption_backend for scene in scenes} == {"openai:Qwen/Qwen2.5-VL-7B-Instruct"}
    assert list(facts_of(output).prompt_sha256) == ["scene_caption/v1"]
    body = state.bodies[0]
    assert (body["temperature"], body["max_tokens"]) == (0.0, 256)
    assert body["messages"][0]["role"] == "system"
    assert run_facts(output)["calls"] == 10


def _distance(arrived: list[Image.Image], pictures: list[Picture]) -> float:
    """Mean difference of two runs of pictures, in levels of 0 to 255."""
    stacked = np.stack([np.asarray(picture, np.int64) for picture in arrived])
    return float(np.abs(stacked - np.stack(pictures)).mean())


def test_a_second_run_calls_nothing_and_decodes_nothing(
    cut: Path,
    tmp_path: Path,
    server: tuple[ServerThread, VisionServer],
    request: pytest.FixtureRequest,
) -> None:
    thread, state = server
    params, output = write_params(tmp_path), tmp_path / "caption"
    assert main(arguments(params, cut, output, *flags(thread))) == 0
    first = content(output)
    request.getfixturevalue("no_decoding")
    assert main(arguments(params, cut, output, *flags(thread))) == 0
    assert state.calls == 10
    assert (run_facts(output)["calls"], run_facts(output)["cached_calls"]) == (0, 10)
    assert content(output) == first


@pytest.mark.usefixtures("no_decoding")
def test_a_dry_run_decodes_nothing_and_counts_the_pictures(
    cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "caption"
    told = []
    for frames in (2, 8):
        params = write_params(tmp_path, frames=frames)
        assert main(arguments(params, cut, output, "--backend", "openai", "--dry-run")) == 0
        told.append(int(capsys.readouterr().out.split("about ")[1].split()[0]))
    assert told[1] - told[0] == 10 * 6 * 299  # scenes, pictures more, tokens a picture


def test_other_pictures_of_a_scene_are_another_question(
    cut: Path, tmp_path: Path, server: tuple[ServerThread, VisionServer]
) -> None:
    thread, state = server
    output = tmp_path / "caption"
    for changes in ({}, {"frames": 4}, {"frame_height_px": 90}, {"language": "zh"}):
        params = write_params(tmp_path, **changes)
        assert main(arguments(params, cut, output, *flags(thread, "--limit", "1"))) == 0
    assert state.calls == 4 * 2
    assert [pictures[0].size for pictures in state.pictures[4:6]] == [(160, 90)] * 2


def test_the_bytes_do_not_depend_on_the_number_of_workers(
    cut: Path, tmp_path: Path, server: tuple[ServerThread, VisionServer]
) -> None:
    thread, _ = server
    outputs: list[Path] = []
    for more in ([], ["--", *MULTIPROCESSING]):
        folder = tmp_path / f"workers{len(outputs)}"
        folder.mkdir()
        outputs.append(folder / "caption")
        params = write_params(folder)
        assert main(arguments(params, cut, outputs[-1], *flags(thread), *more)) == 0
    assert content(outputs[0]) == content(outputs[1])


def test_a_bad_reply_is_corrected_and_a_worse_one_is_a_dead_letter(
    tmp_path: Path, server: tuple[ServerThread, VisionServer]
) -> None:
    thread, state = server
    lines = (sentence(3, 5, id="a"), sentence(5, 6, id="b"))
    cut = save_cut(tmp_path / "cut", [[replace(annotated_episode(EPISODES[0]), sentences=lines)]])
    params, output = write_params(tmp_path, max_characters=60), tmp_path / "caption"
    endless, empty = '{"caption": "' + "a very long way " * 10 + '"}', '{"caption": " \\u202e\\n "}'
    state.replies = [endless, empty]
    assert main(arguments(params, cut, output, *flags(thread))) == 0
    assert len(scenes_in(output)) == 1
    told = [body["messages"][-1]["content"] for body in state.bodies[1:]]
    assert "has 159 characters, more than 60: write less" in told[0]
    assert "the caption is empty" in told[1]
    state.replies = [endless, empty, "a kitchen"]
    again = write_params(tmp_path, max_characters=60, language="zh")
    assert main(arguments(again, cut, output, *flags(thread))) == 1  # not one answer
    changed = yaml.safe_load(again.read_text(encoding="utf-8"))
    changed["chat"]["max_dead_letter_share"] = 1.0
    again.write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert main(arguments(again, cut, output, *flags(thread))) == 0
    assert scenes_in(output) == []
    rejections = rejected_in(output)
    assert [(one.record_id, one.reason.value) for one in rejections] == [
        ("a", "dead_letter"),
        ("b", "dead_letter"),
    ]
    assert "invalid_reply: the reply was not valid JSON" in rejections[0].detail
    # And it is not bought again until that is asked for.
    calls = state.calls
    assert main(arguments(again, cut, output, *flags(thread))) == 0
    assert state.calls == calls
    assert main(arguments(again, cut, output, *flags(thread, "--replay-dead-letters"))) == 0
    assert state.calls == calls + 1
    assert rejected_in(output) == []


def test_many_scenes_without_pictures_do_not_stop_the_run(
    tmp_path: Path, server: tuple[ServerThread, VisionServer]
) -> None:
    """Of chat dead letters so many would: there the model is to blame."""
    thread, state = server
    video = broken_videos.without_picture(video_of(EPISODES[0]), tmp_path / "bad.mp4")
    lines = tuple(sentence(at, at + 1) for at in range(0, 200, 10))
    bad = replace(annotated_episode(EPISODES[0], video), sentences=lines)
    cut = save_cut(tmp_path / "cut", [[bad]])
    params, output = write_params(tmp_path), tmp_path / "caption"
    for _ in range(2):
        assert main(arguments(params, cut, output, *flags(thread))) == 0
        assert facts_of(output).rejected == {"video_unreadable": 20}
    assert state.calls == 0
    assert run_facts(output)["calls"] == 0


def test_a_cap_holds_for_pictures_too(
    cut: Path,
    tmp_path: Path,
    server: tuple[ServerThread, VisionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    params = write_params(tmp_path)
    changed = yaml.safe_load(params.read_text(encoding="utf-8"))
    price = {"input_cached": 1.0, "input": 1.0, "output": 1.0}
    changed["chat"]["prices"]["models"]["Qwen/Qwen2.5-VL-7B-Instruct"] = price
    params.write_text(yaml.safe_dump(changed), encoding="utf-8")
    output = tmp_path / "caption"
    # 8 pictures of at most 26 x 62 tokens are reserved; a call then costs 0.00274.
    capped = flags(thread, "--max-cost", "0.02", "--max-in-flight", "1")
    assert main(arguments(params, cut, output, *capped)) == 1
    assert state.calls == 3  # 0.00822 spent, and 0.01431 may follow
    assert "3 of 5 requests are done, for 0.008220 USD" in capsys.readouterr().err
    assert main(arguments(params, cut, output, *flags(thread))) == 0
    assert state.calls == 10
