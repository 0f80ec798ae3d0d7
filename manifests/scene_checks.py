"""What must hold for the cut of a scene, and between the splits of a corpus of scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from manifests.checks import Damage, Form, Problem, check_hashes, check_key
from manifests.scene_cuts import (
    HASHES,
    LINEAGE,
    REQUIRED,
    SPLITS,
    TURN_REQUIRED,
    global_speaker,
)

TRAIN = SPLITS[0]
_SOURCES = ("aid", "video_id", "md5")  # of the lineage; with the series, what no two sides share


def scene_form(split: str) -> Form:
    """The form of the cuts in the folder of a split."""

    def check(cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
        yield from _check_scene(cut, where)
        if cut["custom"]["split"] != split:
            what = f"a scene of {cut['custom']['split']!r} in the folder {split}"
            yield Problem(Damage.SPLIT, where, what)

    return Form(
        what="the cut of a scene",
        check=check,
        lineage=lambda cut: cast(Mapping[str, Any], cut["custom"]["lineage"]),
    )


class Sides:
    """What the scenes seen so far come from, by side; memory grows with recordings, not scenes."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._sides: dict[tuple[str, str], bool] = {}  # (kind, key) -> whether it is trained on

    def check(self, cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
        """Whether what a good cut comes from was on the other side before.

        Series are compared as they are written; ``pipelines.check_splits`` looks closer.
        """
        custom = cut["custom"]
        keys = {name: custom["lineage"][name] for name in _SOURCES}
        keys["series"] = custom.get("series")
        trained_on = custom["split"] == TRAIN
        for kind, key in keys.items():
            if key and self._sides.setdefault((kind, key), trained_on) != trained_on:
                yield Problem(Damage.SPLIT, where, f"{kind} {key!r} is on both sides")


def _check_scene(cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
    custom = cut["custom"]
    lineage = custom["lineage"]
    absent = [name for name in REQUIRED if custom.get(name) is None]
    absent += [f"lineage.{name}" for name in LINEAGE if lineage.get(name) is None]
    if absent:
        yield Problem(Damage.LINEAGE, where, f"missing: {', '.join(absent)}")
        return
    yield from check_key(cut["id"], custom["scene"], where)
    yield from check_hashes({f"lineage.{name}": lineage[name] for name in HASHES}, where)
    caption = custom.get("caption")
    if caption is not None and not (isinstance(caption, str) and caption.strip()):
        yield Problem(Damage.INSTRUCTION, where, "an empty caption")
    if custom["rl"] and custom["split"] != TRAIN:
        what = f"for reinforcement learning and of the split {custom['split']!r}"
        yield Problem(Damage.SPLIT, where, what)
    speakers = {one["speaker"] for one in cut["supervisions"]}
    strangers = sorted({one["speaker"] for one in custom["profiles"]} - speakers)
    if strangers:
        yield Problem(Damage.CUT, where, f"profiles of who is not there: {', '.join(strangers)}")
    for turn, one in enumerate(cut["supervisions"]):
        yield from _check_turn(turn, one, lineage["aid"], where)
    starts = [one["start"] for one in cut["supervisions"]]
    if starts != sorted(starts):
        yield Problem(Damage.CUT, where, "the turns are not in order")


def _check_turn(
    turn: int, supervision: Mapping[str, Any], aid: str, where: str
) -> Iterator[Problem]:
    custom = supervision["custom"]
    absent = [name for name in TURN_REQUIRED if custom.get(name) is None]
    if absent:
        yield Problem(Damage.LINEAGE, where, f"turn {turn}: missing: {', '.join(absent)}")
        return
    if custom["turn"] != turn or custom["sid"] != supervision["id"]:
        what = f"turn {turn} calls itself {custom['turn']}, of {custom['sid']!r}"
        yield Problem(Damage.ID, where, what)
    if not supervision["speaker"].startswith(global_speaker(aid, "")):
        what = f"speaker {supervision['speaker']!r} is not of the recording {aid!r}"
        yield Problem(Damage.ID, where, what)
