"""Captions of videos that have no picture, end early, or are not there for all of a scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.caption import main
from schemas import Episode, Rejection, record_of
from tests.pipelines import broken_videos
from tests.pipelines.stages.drama import EPISODES, sentence
from tests.pipelines.stages.drama_scenes import annotated_episode, save_cut, video_of
from tests.pipelines.test_caption_command import (
    arguments,
    facts_of,
    run_facts,
    scenes_in,
    write_params,
)
from tests.vision_server import vision_server

FIRST, SECOND = EPISODES
Maker = Callable[[Path, Path], Path]


def rejected_in(folder: Path) -> list[Rejection]:
    parts = sorted((folder / "rejected").glob("part-*.parquet"))
    return [record_of(Rejection, row) for p in parts for row in pq.read_table(p).to_pylist()]


def caption_with(tmp_path: Path, bad: Episode, *flags: str) -> Path:
    """Captions a bad episode between two good ones; everything must be accounted for."""
    good = annotated_episode(SECOND)
    also_good = replace(annotated_episode(FIRST), id="also-good")
    cut = save_cut(tmp_path / "cut", [[good, bad, also_good]])
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path), cut, output, *flags)) == 0
    facts = facts_of(output)
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values())
    assert facts.rows_in == sum(len(one.sentences) for one in (good, bad, also_good))
    kept = Counter(scene.episode_id for scene in scenes_in(output))
    assert (kept[SECOND], kept["also-good"]) == (5, 5)
    return output


@pytest.mark.parametrize("server", [False, True], ids=["embedded", "openai"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (broken_videos.without_picture, "no moving picture in it"),
        (broken_videos.without_index, "Invalid data found"),
        (lambda _, path: path if path.write_bytes(b"") == 0 else path, "Invalid data found"),
        (lambda _, path: path if path.write_text("#EXTM3U\nx.ts\n") else path, "nvalid"),
    ],
    ids=["sound alone", "no index", "no bytes", "a playlist"],
)
def test_all_sentences_of_a_video_without_pictures_are_rejected_and_no_others(
    make: Maker, says: str, server: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "none")
    video = make(video_of(FIRST), tmp_path / "bad.mp4")
    bad = annotated_episode(FIRST, video)
    thread, state = vision_server()
    with thread:
        flags = ["--backend", "openai", "--base-url", thread.base_url] if server else []
        output = caption_with(tmp_path, bad, *flags)
    assert state.calls == (10 if server else 0)
    rejections = rejected_in(output)
    assert Counter(one.record_id for one in rejections) == Counter(one.id for one in bad.sentences)
    assert {one.reason for one in rejections} == {"video_unreadable"}
    assert all(says in one.detail and "bad.mp4" in one.detail for one in rejections)
    assert facts_of(output).counts["lost_scenes.video_unreadable"] == 5


def test_scenes_after_the_end_of_a_video_that_was_cut_off_are_rejected(tmp_path: Path) -> None:
    video = broken_videos.cut_off(video_of(FIRST), tmp_path / "bad.mp4", 0.5)
    output = caption_with(tmp_path, annotated_episode(FIRST, video))
    kept = [scene for scene in scenes_in(output) if scene.episode_id == FIRST]
    whole = {
        scene.id.removeprefix("also-good"): scene.caption
        for scene in scenes_in(output)
        if scene.episode_id == "also-good"
    }
    assert 1 <= len(kept) < 5
    assert [scene.id for scene in kept] == [f"{FIRST}_scene{n:04d}" for n in range(len(kept))]
    assert all(scene.caption == whole[scene.id.removeprefix(FIRST)] for scene in kept)
    assert {one.reason for one in rejected_in(output)} == {"video_unreadable"}


def test_a_scene_beyond_the_end_of_its_video_is_rejected(tmp_path: Path) -> None:
    late = (sentence(10, 12, id="early"), sentence(500, 502, id="late"))
    output = caption_with(tmp_path, replace(annotated_episode(FIRST), sentences=late, id="late"))
    (rejection,) = rejected_in(output)
    assert rejection.record_id == "late"
    assert rejection.duration == 2.0
    assert rejection.detail.startswith("late_scene0001: ")
    assert "no picture at 500.12 s, the last one ends at 114.87 s" in rejection.detail
    assert rejection.location.endswith("-Kd8wPq3ZtE.mp4:500.0")


def test_a_sentence_at_the_very_end_still_has_its_picture(tmp_path: Path) -> None:
    last = (sentence(114.5, 114.9, id="last"),)
    output = caption_with(tmp_path, replace(annotated_episode(FIRST), sentences=last, id="last"))
    assert rejected_in(output) == []


def test_a_few_damaged_packets_do_not_lose_a_video(tmp_path: Path) -> None:
    video = broken_videos.damaged(video_of(FIRST), tmp_path / "bad.mp4")
    output = caption_with(tmp_path, annotated_episode(FIRST, video))
    assert rejected_in(output) == []


def test_a_good_copy_of_a_video_under_another_name_is_not_computed_again(tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video_of(FIRST).read_bytes())
    output = caption_with(tmp_path, replace(annotated_episode(FIRST, copy), id="copy"))
    assert (run_facts(output)["computed"], run_facts(output)["stored"]) == (10, 5)
