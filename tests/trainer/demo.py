"""What `make demo` has before it trains, made of the samples in seconds: codes, a codec, models.

The tiny configurations name folders under ``data`` and ``runs``, so they are run from this folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.manifests.corpus import row, write_shards
from tests.trainer.emitted import scenes
from tests.trainer.evaluating.labelled import labelled_lines
from tests.trainer.prompts import prompts
from trainer.make_tiny import main as make_tiny
from trainer.tokenize import main as tokenize

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "game_voice"
CODEC = "data/codec.safetensors"
CHARACTERS = {
    "game_voice": ("BOB", "JOE", "FAYE", "CHIEF"),
    "emilia": ("BUD", "DEATH", "JIM"),  # as if they were Emilia's
    "s1": ("BOB", "JOE"),
    "s2": ("FAYE", "CHIEF"),
}


def make_demo(folder: Path) -> Path:
    """Fills a folder; gives it back. The working directory has to be that folder."""
    for source, characters in CHARACTERS.items():
        game_lines(folder / "data" / source / "emit", characters, source)
    labelled_lines(folder / "data" / "esd" / "emit")
    prompts(folder / "data" / "s3" / "emit", 8)
    drama = folder / "data" / "wenetspeech" / "emit"
    drama.mkdir(parents=True)
    scenes(drama, {"train": 4, "test": 1})
    config = ["--config", str(ROOT / "trainer" / "configs" / "tokenize.yaml")]
    emitted = [f"data/{source}/emit" for source in (*CHARACTERS, "esd", "wenetspeech")]
    fit = ["--fit", "--tokenizer", f"kmeans:{CODEC}", "--input", *emitted]
    few = ["--set", "fit.clusters=256", "--set", "fit.iterations=5"]
    _done(tokenize([*config, *fit, *few]))
    for path in emitted:
        arguments = ["--tokenizer", f"kmeans:{CODEC}", "--input", path, "--drop-audio"]
        _done(tokenize([*config, *arguments, "--output", path.replace("/emit", "/codes")]))
    for names in ("flexivoice", "step_audio_2"):
        output = ["--codes", "data/emilia/codes", "--output", f"data/models/tiny_{names}"]
        _done(make_tiny(["--names", names, *output]))
    return folder


def game_lines(folder: Path, characters: tuple[str, ...], source: str = "game_voice") -> None:
    """Shards of all lines of some characters, with their real words.

    In ``s1`` and ``s2`` each names other lines, as `pipelines.compose` would have chosen them.
    """
    entries = json.loads((SAMPLES / "result.json").read_text())
    lines = {Path(name).stem: (name, entry) for name, entry in entries.items()}
    rows: list[tuple[dict[str, Any], bytes]] = []
    for key, (name, entry) in lines.items():
        character = entry["talkRole"]
        if character not in characters:
            continue
        audio = (SAMPLES / name).read_bytes()
        fields = row(
            key,
            audio,
            audio_format="mp3",
            speaker=character,
            character=character,
            text=entry["text"],
            instruction=f"Speak as {character} would.",
            value="high" if len(rows) % 3 else "medium",
        )
        mine = [one for one in lines if lines[one][1]["talkRole"] == character]
        at = mine.index(key)
        if source == "s1":
            rejected, reference = mine[at - 1], mine[at - 2]
            fields |= {"rejected_id": rejected, "reference_id": reference, "training_set": "s1"}
        if source == "s2":
            voice = f"en_{len(rows) % 2}_neutral_0"  # of the labelled lines
            fields |= {"reference_id": voice, "training_set": "s2"}
        rows.append((fields, audio))
    write_shards(str(folder), rows, shard_size=16)


def _done(status: int) -> None:
    assert status == 0
