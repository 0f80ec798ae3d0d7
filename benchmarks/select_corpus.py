"""Annotated utterances as a chat model leaves them: mostly good, some of every fault.

The corpus of `benchmarks.select_speed`. Every part is made from its own number, so that a larger
corpus begins with the smaller one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas import AnnotatedUtterance, StageFacts, arrow_schema

ROWS_PER_PART = 20_000  # as ingest leaves them
CHARACTERS = ("JOE", "FAYE", "CHIEF", "ORACLE", "SEC", "DEATH", "Yae Miko", "Silver Wolf")
OPENERS = (
    "Say it like {who} who {does}",
    "Sound like {who} who {does}",
    "{mood} and {mood2}, as if you were {who}",
    "Picture {who} who {does}, and speak that way",
    "Keep it {mood}, the way {who} talks",
    "Let every word come out {mood}, almost {mood2}",
    "Start {mood} and grow {mood2}",
    "Give the line a {mood} edge, like {who}",
)
WHO = (
    "a tired teacher|an excited football fan|a patient mother|a proud captain|a shy student|"
    "an old storyteller|a nervous witness|a cheerful host|a weary soldier|a sly merchant|"
    "a news anchor|a careful doctor|a bored clerk|a young scientist|a stern judge"
).split("|")
DOES = (
    "has just heard the news|cannot hide a smile|is about to lose patience|knows the answer|"
    "wants to be believed|has told this a hundred times|is running out of time|"
    "speaks to a child|hides a secret|sees land at last|has nothing left to lose"
).split("|")
MOODS = (
    "warm|calm|brisk|teasing|solemn|breathless|dry|tender|bitter|hopeful|hushed|bright|weary|"
    "playful|stern|curious|gentle|fierce|wry|anxious|proud|soft|urgent|dreamy"
).split("|")
TAILS = (
    "letting the last word hang|with a smile in the voice|a little faster towards the end|"
    "pausing before the point|never raising the voice|with a sigh at the start|"
    "stressing the first words|as though nobody listened|close to the microphone|"
    "with short, clipped phrases|and do not hurry"
).split("|")
TEMPLATE = "The speaker talks in a clear and neutral tone that fits the words."
CHINESE = "语气平和地收个尾，像聊完天准备道别一样，不紧不慢。"


@dataclass(frozen=True)
class Corpus:
    """The same rows as each program reads them.

    Attributes:
        rows: how many.
        annotate: the output folder of annotate.
        nameless: the same without characters, so that there are no names to look for.
        lines: ids and descriptions as JSON lines.
    """

    rows: int
    annotate: Path
    nameless: Path
    lines: Path


def write_corpus(folder: Path, rows: int) -> Corpus:
    """Writes a corpus, part by part."""
    corpus = Corpus(rows, folder / "annotate", folder / "nameless", folder / "lines.jsonl")
    for stage in (corpus.annotate, corpus.nameless):
        stage.mkdir(parents=True)
    with corpus.lines.open("w", encoding="utf-8") as stream:
        for part, first in enumerate(range(0, rows, ROWS_PER_PART)):
            table = utterances(part, min(ROWS_PER_PART, rows - first))
            without = table.set_column(
                table.schema.get_field_index("character"),
                table.schema.field("character"),
                pa.nulls(table.num_rows, pa.string()),
            )
            for stage, written in ((corpus.annotate, table), (corpus.nameless, without)):
                pq.write_table(written, stage / f"part-{part:05d}.parquet", compression="zstd")
            described = table.select(["id", "instruction"]).rename_columns(["id", "text"])
            for row in described.to_pylist():
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    for stage in (corpus.annotate, corpus.nameless):
        parts = {path.name: path.stat().st_size for path in sorted(stage.glob("part-*.parquet"))}
        (stage / "stage.json").write_text(facts(rows, parts).to_json(), encoding="utf-8")
    return corpus


def utterances(part: int, rows: int) -> pa.Table:
    """One part, with what game voice acting has."""
    chance = np.random.default_rng(part)
    ids = [f"line_{part:04d}{number:05d}" for number in range(rows)]
    characters = chance.choice(CHARACTERS, rows).tolist()
    line = "You want my boat? Then you had better bring more than a smile."
    columns: dict[str, object] = {
        "id": ids,
        "source": "game_voice",
        "source_id": ids,
        "speaker": characters,
        "language": "en",
        "text": line,
        "text_raw": line,
        "duration": np.round(chance.uniform(0.5, 12.0, rows), 3).tolist(),
        "audio_uri": [f"dump/{number % 64:02d}.tar" for number in range(rows)],
        "audio_container": "tar",
        "audio_member": [f"{one}.wav" for one in ids],
        "audio_offset": [number * 512 for number in range(rows)],
        "audio_size": 40_000,
        "audio_format": "wav",
        "sample_rate_hz": 24_000,
        "num_channels": 1,
        "tags": [[]] * rows,
        "character": characters,
        "game": "Monkey Harbour",
        "licence": "LicenseRef-none",
        "labels": [[]] * rows,
        "instruction": descriptions(chance, characters),
        "instruction_language": "en",
        "value": chance.choice(("high", "medium", "low"), rows, p=(0.6, 0.3, 0.1)).tolist(),
        "personality": "Proud, and never admits to being afraid.",
        "speaking_style": "Brisk and teasing, with a smoky voice.",
        "prompt_name": "game_style/v1",
        "prompt_sha256": "0" * 64,
        "chat_model": "benchmark",
        "reply_sha256": [f"{part:032x}{number:032x}" for number in range(rows)],
    }
    schema = arrow_schema(AnnotatedUtterance)
    return pa.table(
        [_column(columns.get(field.name), field.type, rows) for field in schema], schema=schema
    )


def descriptions(chance: np.random.Generator, characters: list[str]) -> list[str]:
    """One instruction for each character; 4 in 100 have a fault."""
    rows = len(characters)
    faults = chance.random(rows).tolist()
    drawn = [chance.choice(options, rows).tolist() for options in (OPENERS, WHO, DOES, TAILS)]
    moods = [chance.choice(MOODS, rows).tolist() for _ in range(4)]
    found = []
    for fault, character, opener, who, does, tail, *mood in zip(
        faults, characters, *drawn, *moods, strict=True
    ):
        opening = opener.format(who=who, does=does, mood=mood[0], mood2=mood[1])
        sentence = f"{opening}, {tail}, {mood[2]} but {mood[3]}."
        sentence = sentence[0].upper() + sentence[1:]
        found.append(_faulty(fault, sentence, character))
    return found


def facts(rows: int, parts: dict[str, int]) -> StageFacts:
    """What annotate says of such a folder."""
    return StageFacts(
        stage="annotate",
        source="game_voice",
        unit="utterance",
        rows_in=rows,
        rows_out=rows,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=len(CHARACTERS),
        speakers_out=len(CHARACTERS),
        backend="benchmark",
        prompt_sha256={},
        counts={},
        parts=parts,
    )


def _faulty(fault: float, sentence: str, character: str) -> str:
    if fault < 0.01:
        return TEMPLATE
    if fault < 0.015:
        return "..."
    if fault < 0.03:
        return f"{sentence} That is how {character.title()} speaks."
    if fault < 0.035:
        return CHINESE
    return " ".join([sentence] * 6) if fault < 0.04 else sentence


def _column(values: object, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, kind)
    return pa.nulls(rows, kind) if values is None else pa.repeat(pa.scalar(values, kind), rows)
