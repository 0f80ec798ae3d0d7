"""Folders of scenes: what emit wrote is valid, and damage is found."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from manifests.audio import measure
from manifests.checks import Damage
from manifests.scene_cuts import SPLITS, SceneTooShort, scene_cut_of, turn_times
from manifests.shards import ShardWriter
from manifests.storage import LocalFiles
from manifests.validate import main, validate
from schemas import EpisodeScene, StageFacts
from tests.manifests.corpus import tone
from tests.pipelines.scene_corpus import line, scene_of

AUDIO = tone(6.0)
SIZES = {"train": 5, "test": 2, "held_out": 1}  # scenes, two to a shard


def scene(name: str, split: str, **changes: Any) -> EpisodeScene:  # noqa: ANN401
    turns = [line(0, 10.0, 13.0), line(1, 12.5, 15.0, dnsmos=3.0), line(2, 15.0, 16.0)]
    return scene_of(name, 0, turns, **{"split": split, "rl": split == "train", **changes})


def write(folder: Path, scenes: dict[str, list[EpisodeScene]]) -> None:
    """Shards and ``stage.json`` of the scenes, as emit leaves them."""
    counts = {}
    for split, chosen in scenes.items():
        counts[f"scenes.{split}"] = len(chosen)
        for at in range(0, len(chosen), 2):
            with ShardWriter(f"{folder}/{split}", at // 2) as writer:
                for one in chosen[at : at + 2]:
                    cut = scene_cut_of(asdict(one), AUDIO, measure(AUDIO), "0" * 64, "zh")
                    writer.write(cut, AUDIO, "wav")
    sentences = sum(len(one.sentences) for chosen in scenes.values() for one in chosen)
    facts = StageFacts(
        stage="emit",
        source="wenetspeech",
        unit="sentence",
        rows_in=sentences,
        rows_out=sentences,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=0,
        speakers_out=0,
        backend=None,
        prompt_sha256={},
        counts=counts,
    )
    with LocalFiles().atomic_write(f"{folder}/stage.json") as stream:
        stream.write(facts.to_json().encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            split: [scene(f"{split}{n}", split) for n in range(size)]
            for split, size in SIZES.items()
        },
    )
    return tmp_path


def edit(folder: Path, change: Callable[[list[dict[str, Any]]], object], split: str) -> None:
    path = folder / split / "shar" / "cuts.000000.jsonl.gz"
    cuts = [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]
    change(cuts)
    path.write_bytes(gzip.compress("".join(json.dumps(cut) + "\n" for cut in cuts).encode()))


def test_what_emit_wrote_is_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = validate(str(folder), decode=1.0)
    assert report.ok, str(report)
    assert (report.cuts, report.supervisions, report.shards, report.decoded) == (8, 24, 5, 8)
    assert report.splits == SIZES
    assert main(["--input", str(folder)]) == 0
    assert "8 cuts (train 5, test 2, held_out 1) in 5 shards, 0.01 h" in capsys.readouterr().out


def _lineage(cut: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cut["custom"]["lineage"]
    return found


def _turn(cut: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cut["supervisions"][1]
    return found


DAMAGE: dict[str, tuple[Callable[[list[dict[str, Any]]], object], Damage]] = {
    "no custom": (lambda c: c[1].pop("custom"), Damage.CUT),
    "custom is a list": (lambda c: c[1].update(custom=[]), Damage.CUT),
    "no lineage": (lambda c: c[1]["custom"].pop("lineage"), Damage.CUT),
    "no split": (lambda c: c[1]["custom"].pop("split"), Damage.LINEAGE),
    "no licence": (lambda c: c[1]["custom"].pop("licence"), Damage.LINEAGE),
    "no md5": (lambda c: _lineage(c[1]).pop("md5"), Damage.LINEAGE),
    "bad vocals hash": (lambda c: _lineage(c[1]).update(vocals_sha256="x"), Damage.LINEAGE),
    "empty caption": (lambda c: c[1]["custom"].update(caption=" "), Damage.INSTRUCTION),
    "another split": (lambda c: c[1]["custom"].update(split="test", rl=False), Damage.SPLIT),
    "another scene": (lambda c: c[1]["custom"].update(scene="else"), Damage.ID),
    "another recording": (lambda c: c[1]["recording"].update(id="else"), Damage.ID),
    "no supervisions": (lambda c: c[1].update(supervisions=[]), Damage.CUT),
    "a turn less": (lambda c: c[1]["supervisions"].pop(1), Damage.ID),
    "a turn less at the end": (lambda c: c[1]["supervisions"].pop(), Damage.COUNT),
    "turns out of order": (lambda c: c[1]["supervisions"].reverse(), Damage.ID),
    "a turn leaves the cut": (lambda c: _turn(c[1]).update(duration=4.0), Damage.CUT),
    "a turn without text": (lambda c: _turn(c[1]).pop("text"), Damage.CUT),
    "a turn without custom": (lambda c: _turn(c[1]).pop("custom"), Damage.CUT),
    "a turn without confidence": (
        lambda c: _turn(c[1])["custom"].pop("confidence"),
        Damage.LINEAGE,
    ),
    "a local speaker": (lambda c: _turn(c[1]).update(speaker="SPEAKER_01"), Damage.ID),
    "a profile of nobody": (
        lambda c: c[1]["custom"]["profiles"][0].update(speaker="train1_SPEAKER_09"),
        Damage.CUT,
    ),
    "other audio hash": (lambda c: _lineage(c[1]).update(audio_sha256="0" * 64), Damage.AUDIO),
    "other audio size": (lambda c: _lineage(c[1]).update(audio_size=1), Damage.AUDIO),
    "one cut less": (lambda c: c.pop(), Damage.COUNT),
    "order": (lambda c: c.reverse(), Damage.PAIRING),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_cuts_are_found(folder: Path, name: str) -> None:
    change, damage = DAMAGE[name]
    edit(folder, change, "train")
    report = validate(str(folder), decode=1.0)
    assert damage in report.damages, str(report)


def test_a_scene_for_reinforcement_learning_is_trained_on(folder: Path) -> None:
    edit(folder, lambda cuts: cuts[0]["custom"].update(rl=True), "test")
    assert validate(str(folder)).damages == {Damage.SPLIT: 1}


@pytest.mark.parametrize("shared", ["episode_id", "video_id", "md5", "series"])
@pytest.mark.parametrize("split", SPLITS[1:])
def test_what_both_sides_share_is_named(tmp_path: Path, shared: str, split: str) -> None:
    one = scene("train0", "train")
    other = scene("other0", split, **{shared: getattr(one, shared)})
    write(tmp_path, {"train": [one], split: [other]})
    report = validate(str(tmp_path))
    assert report.damages == {Damage.SPLIT: 1}
    kind = "aid" if shared == "episode_id" else shared
    assert f"{kind} {getattr(one, shared)!r} is on both sides" in str(report)


def test_test_and_held_out_may_share_a_recording(tmp_path: Path) -> None:
    one = scene("R", "test")
    other = scene("R", "held_out", id="R_scene0001")
    write(tmp_path, {"test": [one], "held_out": [other]})
    assert validate(str(tmp_path)).ok


def test_an_id_in_two_splits_is_found(tmp_path: Path) -> None:
    write(tmp_path, {split: [scene("R", split)] for split in ("test", "held_out")})
    report = validate(str(tmp_path))
    assert report.damages == {Damage.ID: 1}
    assert "held_out/shar/cuts.000000.jsonl.gz:1" in str(report)


def test_a_split_that_vanished_is_found(folder: Path) -> None:
    for path in (folder / "test" / "shar").iterdir():
        path.unlink()
    assert validate(str(folder)).damages == {Damage.COUNT: 2}  # scenes of test, and sentences


def test_a_stranger_and_a_missing_shard_are_found(folder: Path) -> None:
    (folder / "train" / "shar" / "notes.txt").touch()
    for path in (folder / "train" / "shar").glob("*.000001.*"):
        path.unlink()
    damages = validate(str(folder)).damages
    assert damages == {Damage.FILES: 2, Damage.COUNT: 2}


def test_the_first_cut_of_a_tar_is_what_lhotse_wants(folder: Path) -> None:
    with tarfile.open(folder / "train" / "shar" / "recording.000000.tar") as tar:
        assert tar.getnames()[:2] == ["train0_scene0000.wav", "train0_scene0000.json"]


def test_turns_are_held_to_the_audio() -> None:
    row = asdict(scene("R", "train"))
    assert turn_times(row, 6.0) == [(0.0, 3.0), (2.5, 2.5), (5.0, 1.0)]
    assert turn_times(row, 5.5) == [(0.0, 3.0), (2.5, 2.5), (5.0, 0.5)]
    with pytest.raises(SceneTooShort, match="turn S00002 begins 5.000 s into the scene"):
        turn_times(row, 5.0)


def test_an_id_that_leads_elsewhere_is_a_safe_key() -> None:
    row = asdict(scene("R", "train", id="../../etc/passwd"))
    cut = scene_cut_of(row, AUDIO, measure(AUDIO), "0" * 64, "zh")
    assert "/" not in cut.id and not cut.id.startswith(".")
    assert cut.custom["scene"] == "../../etc/passwd"


def test_what_is_not_known_is_left_out() -> None:
    row = asdict(scene("R", "held_out", series=None, episode=None, title=None, caption=None))
    cut = scene_cut_of(row, AUDIO, measure(AUDIO), "0" * 64, "zh")
    assert not {"series", "episode", "title", "caption", "style"} & cut.custom.keys()
    assert cut.custom["rl"] is False
    assert [one.custom.get("dnsmos") for one in cut.supervisions] == [None, 3.0, None]
