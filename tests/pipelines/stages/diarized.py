"""The two synthetic episodes as diarize leaves them, with the true speakers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.stages.assign import assign_speakers
from schemas import Episode, StageFacts, table_of
from schemas.episode import SpeechTurn
from tests.pipelines.stages.drama import EPISODES, drama_sentences, drama_turns, episode

TITLES = (
    "《春风小巷》第1集 李梅与父亲争吵 | CCTV电视剧",
    "[ENG SUB] 春风小巷 Spring Alley EP02 (Starring Zhao Lin, Fang Weiguo, He Ran)",
)


def diarized(number: int, **changes: Any) -> Episode:  # noqa: ANN401
    """One of the episodes; speakers are numbered by first appearance."""
    aid = EPISODES[number]
    turns = drama_turns(aid)
    voices = list(dict.fromkeys(turn.speaker for turn in turns))
    labelled = tuple(
        SpeechTurn(
            start=turn.start,
            duration=turn.duration,
            speaker=f"SPEAKER_{voices.index(turn.speaker):02d}",
        )
        for turn in turns
    )
    fields: dict[str, Any] = {
        "title": TITLES[number],
        "series": None,
        "speech_turns": labelled,
        "sentences": assign_speakers(drama_sentences(aid), labelled),
    }
    return episode(aid, **fields | changes)


def diarized_folder(folder: Path, parts: Sequence[Sequence[Episode]]) -> Path:
    """A finished folder of diarize with these parts."""
    folder.mkdir(parents=True)
    for number, episodes in enumerate(parts):
        pq.write_table(table_of(Episode, episodes), folder / f"part-{number:05d}.parquet")
    sentences = sum(len(one.sentences) for episodes in parts for one in episodes)
    facts = StageFacts(
        stage="diarize",
        source="wenetspeech",
        unit="sentence",
        rows_in=sentences,
        rows_out=sentences,
        rejected={},
        hours_in=0.1,
        hours_out=0.1,
        rejected_hours={},
        speakers_in=0,
        speakers_out=0,
        backend="embedded:test",
        prompt_sha256={},
        counts={},
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")
    return folder
