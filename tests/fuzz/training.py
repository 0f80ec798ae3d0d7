"""What the trainer is given as fuzz targets: pairs, benchmarks, ratings, tables, settings, ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.mutate import BYTES, JSON, TABLE
from tests.fuzz.target import Target
from tests.trainer.layouts import append, ta4
from tests.trainer.listening_kit.answers import answers, honest
from tests.trainer.listening_kit.clips import settings, write_clips
from trainer.errors import LayoutError, TrainerError
from trainer.listening.clips import read_clips
from trainer.listening.key import read_key
from trainer.listening.making import make_test
from trainer.listening.ratings import read_ratings
from trainer.metrics.instruct_items import read_items
from trainer.metrics.measurement import read_measurements
from trainer.rewards.judge import read_reply
from trainer.scoring.pairs import FilePairs
from trainer.settings import load_settings
from trainer.stage_settings import SftSettings
from trainer.tags import read_tags
from trainer.tokens.append import AppendLayout
from trainer.tokens.ta4 import Ta4Layout

CONFIGS = Path(__file__).parents[2] / "trainer" / "configs"
PAIR = {
    "cut_id": "a",
    "turn": 0,
    "candidate_id": "b",
    "text": "Hi",
    "candidate": [1, 2],
    "truth": [3],
}
FIGURE = {
    **{"system": "s", "task": "to_easy", "language": "en", "metric": "wer", "value": 0.1},
    **{"missing": None, "count": 3, "low": None, "high": None, "judge": "whisper"},
}


def training_targets(folder: Path) -> list[Target]:
    """Targets that read files of ``folder``, which must be empty."""
    level = {"instruction": "Whisper.", "gen_path": "a/b.wav"}
    item: dict[str, object] = {"id": "1", "text": "Go.", "APS": level, "DSD": level, "RP": level}
    items: list[dict[str, object]] = [item, {**item, "id": 2}]
    config = (CONFIGS / "rp_tts_sft.yaml").read_bytes()
    said = b'{"choices": [{"message": {"content": "yes"}}]}'

    def of_file(
        name: str, samples: tuple[bytes, ...], parse: Callable[[Path], object], share: float = 0.4
    ) -> Target:
        path = folder / name

        def written(content: bytes) -> object:
            path.write_bytes(content)
            return parse(path)

        mutators = JSON if path.suffix in (".json", ".jsonl") else TABLE
        return Target(f"trainer {name}", samples, written, (TrainerError,), mutators, share)

    return [
        of_file("pairs.jsonl", (_lines([PAIR, PAIR]),), _pairs),
        of_file("items.json", (json.dumps(items).encode(), _lines(items)), _spoken),
        of_file("measurements.jsonl", (_lines([FIGURE, FIGURE]),), read_measurements),
        of_file("tags.txt", (b"[Laughter]\n[Sigh] # often\n",), lambda p: read_tags(str(p))),
        of_file("sft.yaml", (config,), lambda p: load_settings(str(p), SftSettings), 0.1),
        Target("judge reply", (said,), read_reply, (), JSON, 6),
        Target("tokens append", *_ids(append()), mutators=BYTES, share=6),
        Target("tokens ta4", *_ids(ta4()), mutators=BYTES, share=6),
        *_listening(folder / "listening"),
    ]


def _listening(folder: Path) -> list[Target]:
    folder.mkdir()
    table = write_clips(folder, cases=3, tasks=("to_easy", "tr_hard"), languages=("zh",))
    make_test(table, folder, folder / "out", "q_mos", settings())
    key = read_key(folder / "out" / "key.json")
    given = json.dumps(answers(key, key.sheets[0], honest(3.0))).encode()
    rated, keyed = folder / "ratings.json", folder / "key.json"
    clips = folder / f"damaged{table.suffix}"

    def ratings(content: bytes) -> object:
        rated.write_bytes(content)
        return read_ratings([rated], key)

    def keys(content: bytes) -> object:
        keyed.write_bytes(content)
        return read_key(keyed)

    def rows(content: bytes) -> object:
        clips.write_bytes(content)
        return read_clips(clips)

    whole = (folder / "out" / "key.json").read_bytes()
    return [
        Target("trainer ratings.json", (given,), ratings, (TrainerError,), JSON, 0.5),
        Target("trainer key.json", (whole,), keys, (TrainerError,), JSON, 0.3),
        Target(f"trainer {table.name}", (table.read_bytes(),), rows, (TrainerError,), JSON, 0.3),
    ]


def _pairs(path: Path) -> object:
    pairs = FilePairs(str(path), 2)
    return [list(pairs.read(number)) for number in range(pairs.parts)]


def _spoken(path: Path) -> object:
    return [item.speech_path("aps", path.parent) for item in read_items(path)]


def _ids(
    layout: AppendLayout | Ta4Layout,
) -> tuple[tuple[bytes, ...], Callable[[bytes], object], tuple[type[Exception], ...]]:
    """Ids of a target as bytes, two each, and what decodes them."""
    if isinstance(layout, AppendLayout):
        target = layout.target([1, 2, 3])
    else:
        target = layout.target(layout.vocab.to_text(layout.tokenizer, "Go on.", "text"), [1, 2, 3])
    sample = b"".join(one.to_bytes(2, "big") for one in target)

    def decode(content: bytes) -> object:
        pieces = (content[at : at + 2] for at in range(0, min(len(content), 2000), 2))
        ids = [int.from_bytes(piece, "big", signed=True) for piece in pieces]
        layout.extract(ids)
        return layout.decode(ids)

    return (sample, sample * 2), decode, (LayoutError,)


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
