"""The stage cut_scenes: columns in, columns out, and the core's own scenes in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import StageFailed
from pipelines.hashes import hash_strings
from pipelines.stage import Block
from pipelines.stages.cut_scenes import CutScenesStage
from pipelines.stages.scene_rows import read_recordings, scene_counts, tally_scenes
from pipelines.stages.scenes import SceneSettings, cut_scenes
from pipelines.stages.table1 import count_scenes
from schemas import CharacterProfile, Episode, EpisodeScene, record_of, table_of
from schemas.arrays import strings
from schemas.episode import Sentence
from tests.pipelines.stages.drama import EPISODES, episode, sentence, truth
from tests.pipelines.stages.drama_scenes import annotated_episode

STAGE = CutScenesStage("wenetspeech", SceneSettings())
MEDIA = {"video_uri": "v.mp4", "vocals_uri": "v.flac"}


def profile(speaker: str) -> CharacterProfile:
    return CharacterProfile(speaker=speaker, identity=f"who {speaker}", character="calm")


def cut(*episodes: Episode) -> Block:
    """The stage's own way: transform, then the accounts that must balance."""
    chunk = table_of(Episode, episodes)
    block = STAGE.transform(chunk)
    STAGE.account(chunk, block)
    return block


def scenes_of(block: Block) -> list[EpisodeScene]:
    return [record_of(EpisodeScene, row) for row in block.rows.to_pylist()]


def test_the_two_episodes_become_their_true_scenes_whole_and_in_order() -> None:
    block = cut(*(annotated_episode(aid, Path("v.mp4")) for aid in EPISODES))
    scenes = scenes_of(block)
    right = truth("scenes.json")["scenes"]
    assert [scene.episode_id for scene in scenes] == [aid for aid in EPISODES for _ in right[aid]]
    true = [one for aid in EPISODES for one in right[aid]]
    for scene, one in zip(scenes, true, strict=True):
        assert (scene.start, scene.duration) == (one["start"], one["span"])
        assert [line.id for line in scene.sentences] == one["sids"]
        assert sorted({line.speaker for line in scene.sentences if line.speaker}) == sorted(
            person.speaker for person in scene.profiles
        )
        assert (scene.caption, scene.caption_backend) == (None, None)
        assert (scene.split, scene.rl, scene.style) == (None, None, None)
        assert (scene.video_uri, scene.vocals_uri, scene.episode) == ("v.mp4", "vocals.flac", None)
        assert scene.title == "春风小巷 第1集"
    reasons = Counter(one["cut_reason"] for one in true)
    assert {f"cut.{reason}": count for reason, count in reasons.items()} == {
        key: value for key, value in block.counts.items() if key.startswith("cut.")
    }
    assert block.counts["audios_in"] == block.counts["audios_out"] == 2
    assert block.counts["overlong"] == 0


def test_the_counts_are_those_of_table_1() -> None:
    block = cut(*(annotated_episode(aid, Path("v.mp4")) for aid in EPISODES))
    by_hand = count_scenes([])
    for _, scenes in groupby(scenes_of(block), lambda scene: scene.episode_id):
        by_hand += count_scenes(list(scenes))
    tally = tally_scenes(block.rows)
    assert (tally.units, tally.microseconds) == (by_hand.sentences, by_hand.microseconds)
    assert block.counts["audios_out"] == by_hand.audios
    assert block.counts["scenes"] == by_hand.scenes
    assert block.counts["scene_speakers"] == by_hand.scene_speakers
    assert {f"turns.{n}": count for n, count in by_hand.turns.items()} == {
        key: value for key, value in block.counts.items() if key.startswith("turns.")
    }


def test_a_speaker_of_two_recordings_with_one_label_is_two_people() -> None:
    lines = (sentence(0, 1, speaker="SPEAKER_00"), sentence(1, 2, speaker=None))
    block = cut(episode("A", sentences=lines, **MEDIA), episode("B", sentences=lines[:1], **MEDIA))
    names = hash_strings(strings(["A_SPEAKER_00", "B_SPEAKER_00"]))
    assert sorted(tally_scenes(block.rows).speakers.tolist()) == sorted(names.tolist())
    assert block.counts["scene_speakers"] == 2


def test_profiles_are_those_of_the_scenes_speakers_in_the_episodes_order() -> None:
    lines = (
        sentence(0, 1, speaker="C"),
        sentence(1, 2, speaker="A"),
        sentence(20, 21, speaker="B"),
        sentence(40, 41, speaker=None),
    )
    people = tuple(profile(name) for name in "ABC")
    found = scenes_of(
        cut(
            episode("E", sentences=lines, profiles=people, **MEDIA),
            episode("F", sentences=lines, **MEDIA),
        )
    )
    assert [[person.speaker for person in scene.profiles] for scene in found] == [
        *(["A", "C"], ["B"], []),
        *([], [], []),
    ]


def test_an_overlong_sentence_is_counted_and_kept() -> None:
    block = cut(episode("E", sentences=(sentence(0, 40), sentence(41, 42)), **MEDIA))
    assert block.rows.num_rows == 2
    assert block.counts["overlong"] == 1


def test_an_episode_without_sentences_leaves_no_scene_and_no_audio() -> None:
    block = cut(episode("E", **MEDIA), episode("F", sentences=(sentence(0, 1),), **MEDIA))
    assert [scene.episode_id for scene in scenes_of(block)] == ["F"]
    assert (block.counts["audios_in"], block.counts["audios_out"]) == (2, 1)
    assert cut(episode("E", **MEDIA)).rows.num_rows == 0


@pytest.mark.parametrize(("column", "stage"), [("video_uri", "fetch"), ("vocals_uri", "separate")])
def test_what_an_earlier_stage_did_not_fill_is_named(column: str, stage: str) -> None:
    good = episode("E", sentences=(sentence(0, 1),), **MEDIA)
    bad = episode("F", sentences=(sentence(0, 1),), **{**MEDIA, column: None})
    with pytest.raises(StageFailed, match=rf"episode F: {column} is empty; run {stage}"):
        cut(good, bad)


def test_impossible_times_are_a_failure_that_names_episode_and_sentence() -> None:
    with pytest.raises(StageFailed, match=r"episode E: sentence odd ends before it begins"):
        cut(episode("E", sentences=(sentence(3, 2, id="odd"),), **MEDIA))
    wrong = replace(sentence(0, 1), start=float("nan"))
    with pytest.raises(StageFailed, match=r"episodes E to E: .* not times in seconds: nan"):
        cut(episode("E", sentences=(wrong,), **MEDIA))


people = st.sampled_from(["A", "B", None])
lines = st.lists(
    st.builds(
        lambda at, length, who, number: sentence(
            at / 100, (at + length) / 100, id=f"S{number}", speaker=who
        ),
        *(st.integers(0, 20_000), st.integers(0, 3_500), people, st.integers(0, 10**6)),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)


@given(st.lists(lines, min_size=1, max_size=3))
def test_the_stage_cuts_as_the_core_does_and_loses_no_sentence(
    recordings: list[list[Sentence]],
) -> None:
    episodes = [
        episode(f"E{n}", sentences=tuple(one), profiles=(profile("A"),), **MEDIA)
        for n, one in enumerate(recordings)
    ]
    scenes = scenes_of(cut(*episodes))
    right = [scene for one in episodes for scene in cut_scenes(one.id, one.sentences)]
    assert [(s.id, s.start, s.duration, s.sentences) for s in scenes] == [
        (s.id, s.start, s.duration, s.sentences) for s in right
    ]
    kept = Counter(line for scene in scenes for line in scene.sentences)
    assert kept == Counter(line for one in episodes for line in one.sentences)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 12))
def test_reading_divides_no_recording_and_drops_no_scene(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows: int
) -> None:
    episodes = [
        episode(
            f"E{n}", sentences=tuple(sentence(i * 10, i * 10 + 1) for i in range(size)), **MEDIA
        )
        for n, size in enumerate(sizes)
    ]
    table = cut(*episodes).rows
    path = tmp_path_factory.getbasetemp() / "scenes.parquet"
    pq.write_table(table, path)
    chunks = list(read_recordings(str(path), rows))
    assert pa.concat_tables(chunks).equals(table)
    recordings = [set(chunk.column("episode_id").to_pylist()) for chunk in chunks]
    assert sum(map(len, recordings)) == len(sizes)
    total: Counter[str] = sum(map(scene_counts, chunks), Counter())
    assert total == scene_counts(table)
