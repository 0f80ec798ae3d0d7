"""How fast ``python -m pipelines.select`` is, beside py-data-juicer with two cheap filters.

    python -m benchmarks.select_speed --rows 200000
    python -m benchmarks.select_speed --rows 200000 --install-peers

Both run as processes of their own, start-up included, over the same descriptions on two workers'
worth of cores: select does its whole audit and writes Parquet, py-data-juicer filters by text
length and by word count (np=2) and writes JSON lines. The bar is 20 times its rate.

The peer lives in a virtual environment under ``build/peers``; ``--install-peers`` makes it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from schemas import AnnotatedUtterance, StageFacts, table_of

BAR = 20.0
PEER = Path("build/peers/data_juicer")
PEER_PACKAGES = ("py-data-juicer==1.6.1", "aiohttp")  # it imports aiohttp without declaring it
ROWS_PER_PART = 20_000

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


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Annotated utterances as a chat model leaves them: mostly good, some of every fault."""
    rng = random.Random(0)
    for index in range(count):
        character = rng.choice(CHARACTERS)
        yield {
            "id": f"line_{index:08d}",
            "source": "game_voice",
            "source_id": f"line_{index:08d}",
            "speaker": character,
            "language": "en",
            "text": "You want my boat? Then you had better bring more than a smile.",
            "text_raw": "You want my boat? Then you had better bring more than a smile.",
            "duration": round(rng.uniform(0.5, 12.0), 3),
            "audio_uri": f"dump/{index % 64:02d}.tar",
            "audio_container": "tar",
            "audio_member": f"line_{index:08d}.wav",
            "audio_offset": index * 512,
            "audio_size": 40_000,
            "audio_format": "wav",
            "sample_rate_hz": 24_000,
            "num_channels": 1,
            "title": None,
            "tags": (),
            "character": character,
            "game": "Monkey Harbour",
            "dnsmos": None,
            "licence": "LicenseRef-none",
            "instruction": _description(rng, character),
            "instruction_language": "en",
            "value": rng.choices(("high", "medium", "low"), (6, 3, 1))[0],
            "personality": "Proud, and never admits to being afraid.",
            "speaking_style": "Brisk and teasing, with a smoky voice.",
            "prompt_name": "game_style/v1",
            "prompt_sha256": "0" * 64,
            "chat_model": "benchmark",
            "reply_sha256": f"{index:064x}",
        }


def write_annotated(folder: Path, count: int) -> None:
    """The output folder that annotate would have left."""
    folder.mkdir(parents=True)
    block: list[dict[str, Any]] = []
    part = 0
    for row in rows(count):
        block.append(row)
        if len(block) == ROWS_PER_PART:
            _write_part(folder, part, block)
            block, part = [], part + 1
    if block:
        _write_part(folder, part, block)
    facts = StageFacts(
        stage="annotate",
        source="game_voice",
        unit="utterance",
        rows_in=count,
        rows_out=count,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=len(CHARACTERS),
        speakers_out=len(CHARACTERS),
        backend="benchmark",
        prompt_sha256={},
        counts={},
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")


def time_select(work: Path) -> float:
    """Seconds of the whole command."""
    command = [sys.executable, "-m", "pipelines.select", "--source", "game_voice"]
    return _time([*command, "--input", str(work / "annotate"), "--output", str(work / "select")])


def time_peer(work: Path, count: int) -> float:
    """Seconds of py-data-juicer over the same descriptions as JSON lines."""
    lines = work / "descriptions.jsonl"
    with lines.open("w", encoding="utf-8") as stream:
        for row in rows(count):
            stream.write(json.dumps({"text": row["instruction"]}, ensure_ascii=False) + "\n")
    recipe = {
        "project_name": "select_speed",
        "dataset_path": str(lines.resolve()),
        "export_path": str((work / "peer" / "out.jsonl").resolve()),
        "np": 2,
        "open_tracer": False,
        "use_cache": False,
        "process": [
            {"text_length_filter": {"min_len": 1, "max_len": 400}},
            {"words_num_filter": {"lang": "en", "tokenization": False, "max_num": 60}},
        ],
    }
    config = work / "recipe.yaml"
    config.write_text(json.dumps(recipe, indent=2), encoding="utf-8")  # JSON is YAML
    return _time([str(PEER / "bin" / "dj-process"), "--config", str(config)])


def main(argv: list[str] | None = None) -> int:
    """Prints both rates and their ratio; 1 when the ratio is below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=200_000, metavar="N")
    parser.add_argument("--install-peers", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("build/select_speed"), metavar="DIR")
    arguments = parser.parse_args(argv)
    if arguments.install_peers and not PEER.exists():
        venv.create(PEER, with_pip=True)
        _time([str(PEER / "bin" / "pip"), "install", "--quiet", *PEER_PACKAGES])
    shutil.rmtree(arguments.work, ignore_errors=True)
    write_annotated(arguments.work / "annotate", arguments.rows)
    ours = arguments.rows / time_select(arguments.work)
    facts = StageFacts.from_json((arguments.work / "select" / "stage.json").read_text("utf-8"))
    print(f"select: {ours:,.0f} rows/s; {facts.rows_out:,} of {facts.rows_in:,} rows stay")
    if not (PEER / "bin" / "dj-process").exists():
        print(f"py-data-juicer: skipped, not installed in {PEER} (--install-peers does it)")
        return 0
    peer = arguments.rows / time_peer(arguments.work, arguments.rows)
    print(f"py-data-juicer, np=2: {peer:,.0f} rows/s")
    print(f"ratio: {ours / peer:.1f} (bar {BAR:.0f})")
    return 0 if ours / peer >= BAR else 1


def _description(rng: random.Random, character: str) -> str:
    fault = rng.random()
    if fault < 0.01:
        return TEMPLATE
    if fault < 0.015:
        return "..."
    opener = rng.choice(OPENERS).format(
        who=rng.choice(WHO), does=rng.choice(DOES), mood=rng.choice(MOODS), mood2=rng.choice(MOODS)
    )
    sentence = f"{opener}, {rng.choice(TAILS)}, {rng.choice(MOODS)} but {rng.choice(MOODS)}."
    sentence = sentence[0].upper() + sentence[1:]
    if fault < 0.03:
        return f"{sentence} That is how {character.title()} speaks."
    if fault < 0.035:
        return "语气平和地收个尾，像聊完天准备道别一样，不紧不慢。"
    return " ".join([sentence] * 6) if fault < 0.04 else sentence


def _write_part(folder: Path, part: int, block: list[dict[str, Any]]) -> None:
    table = table_of(AnnotatedUtterance, block)
    pq.write_table(table, folder / f"part-{part:05d}.parquet", compression="zstd")


def _time(command: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
