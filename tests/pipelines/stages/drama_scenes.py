"""The two sample episodes as the output of annotate and of cut_scenes, with their real videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.stages.cut_scenes import CutScenesStage
from pipelines.stages.scenes import SceneSettings
from schemas import CharacterProfile, Episode, table_of
from tests.pipelines.stages.drama import EPISODES, drama_sentences, episode, truth
from tests.records import uncounted

SAMPLE = Path(__file__).parents[3] / "samples" / "drama"


def video_of(aid: str) -> Path:
    """The sample's video of an episode; ids hold ``_`` and ``-`` themselves."""
    return SAMPLE / "videos" / f"{aid.partition('_')[2]}.mp4"


def annotated_episode(aid: str, video: Path | None = None) -> Episode:
    """One of the two episodes; its scenes' speakers take turns, and each has a profile."""
    speakers = {
        sid: scene["speakers"][place % len(scene["speakers"])]
        for scene in truth("scenes.json")["scenes"][aid]
        for place, sid in enumerate(scene["sids"])
    }
    lines = tuple(replace(one, speaker=speakers[one.id]) for one in drama_sentences(aid))
    people = tuple(
        CharacterProfile(speaker=name, identity=f"who {name}", character="calm")
        for name in sorted(set(speakers.values()))
    )
    return episode(
        aid,
        sentences=lines,
        profiles=people,
        title="春风小巷 第1集",
        video_uri=str(video or video_of(aid)),
        vocals_uri="vocals.flac",
    )


def save_annotated(folder: Path, parts: Sequence[Sequence[Episode]]) -> Path:
    """Episodes as the finished output of annotate, a part each of the lists."""
    return _save(folder, "annotate", [table_of(Episode, episodes) for episodes in parts])


def save_cut(folder: Path, parts: Sequence[Sequence[Episode]]) -> Path:
    """The scenes of episodes as the finished output of cut_scenes."""
    stage = CutScenesStage("wenetspeech", SceneSettings())
    tables = [stage.transform(table_of(Episode, episodes)).rows for episodes in parts]
    return _save(folder, "cut_scenes", tables)


def both_episodes(*, one_part: bool = False) -> list[list[Episode]]:
    """The two episodes in one part or in two."""
    episodes = [annotated_episode(aid) for aid in EPISODES]
    return [episodes] if one_part else [[one] for one in episodes]


def _save(folder: Path, stage: str, tables: Sequence[object]) -> Path:
    folder.mkdir(parents=True)
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"part-{number:05d}.parquet")
    facts = uncounted(stage, "wenetspeech", "sentence")
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")
    return folder
