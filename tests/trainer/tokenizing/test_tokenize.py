from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lhotse
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from manifests.codes import list_code_shards, read_coded
from tests.manifests.corpus import row, tone, write_shards
from tests.trainer.emitted import game_lines, scenes, stage
from tests.trainer.tokenizing.running import contents, run
from trainer.speech.kmeans import load

ROOT = Path(__file__).parents[3]


def test_every_cut_gets_the_codes_of_its_own_audio(
    emitted: Path, codec: str, tmp_path: Path
) -> None:
    assert run(emitted, tmp_path, codec) == 0
    tokenizer = load(codec.removeprefix("kmeans:"))
    before = list(lhotse.CutSet.from_shar(in_dir=emitted / "shar"))
    after = list(lhotse.CutSet.from_shar(in_dir=tmp_path / "shar"))
    assert [cut.id for cut in after] == [cut.id for cut in before]
    for old, new in zip(before, after, strict=True):
        audio = torch.from_numpy(new.resample(16000).load_audio()[0])
        (expected,) = tokenizer.encode([audio])
        codes = torch.from_numpy(new.load_codes().astype(np.int64))
        assert abs(len(codes) - len(expected)) <= 1  # another resampler, a sample more or less
        shorter = min(len(codes), len(expected))
        assert (codes[:shorter] == expected[:shorter]).float().mean() > 0.8
        assert new.supervisions[0].text == old.supervisions[0].text
        assert new.supervisions[0].instruction == old.supervisions[0].instruction
        assert new.codec == tokenizer.identity.short
    facts = stage(tmp_path)
    assert (facts["in"], facts["out"], facts["unit"]) == (24, 24, "utterance")
    assert facts["counts"]["frames"] == sum(len(cut.load_codes()) for cut in after)
    assert facts["hours_in"] == pytest.approx(sum(c.duration for c in before) / 3600, abs=1e-6)
    assert (facts["backend"], facts["speakers_in"]) == (tokenizer.identity.short, 3)


def test_same_bytes_whatever_the_batch_and_however_often(
    emitted: Path, codec: str, tmp_path: Path
) -> None:
    assert run(emitted, tmp_path / "a", codec, "--drop-audio") == 0
    assert run(emitted, tmp_path / "b", codec, "--drop-audio", "--set", "batch_s=0.1") == 0
    for part in ("1/2", "0/2"):
        assert run(emitted, tmp_path / "c", codec, "--drop-audio", "--part", part) == 0
        assert (tmp_path / "c" / "stage.json").is_file() == (part == "0/2")
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b") == contents(tmp_path / "c")
    assert not any("recording" in name for name in first)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a" / "shar").iterdir()}
    assert run(emitted, tmp_path / "a", codec, "--drop-audio") == 0
    assert contents(tmp_path / "a") == first
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_scenes_are_encoded_turn_by_turn(codec: str, tmp_path: Path) -> None:
    scenes(tmp_path / "emit", {"train": 3, "test": 1})
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 0
    tokenizer = load(codec.removeprefix("kmeans:"))
    assert stage(tmp_path / "out")["out"] == 12
    assert stage(tmp_path / "out" / "train")["out"] == 9
    (shard,) = list_code_shards(str(tmp_path / "out" / "train"))
    for cut in read_coded(shard):
        (old,) = [
            one
            for one in lhotse.CutSet.from_shar(in_dir=tmp_path / "emit" / "train" / "shar")
            if one.id == cut.manifest["id"]
        ]
        assert cut.manifest["custom"]["caption"] == "A workshop at night."
        sound = torch.from_numpy(old.load_audio()[0])
        frames = 0
        for turn, supervision in zip(cut.manifest["supervisions"], old.supervisions, strict=True):
            first = round(supervision.start * 16000)
            (alone,) = tokenizer.encode(
                [sound[first : first + round(supervision.duration * 16000)]]
            )
            np.testing.assert_array_equal(cut.codes_of(turn), alone.numpy())
            frames += len(alone)
        assert frames == len(cut.codes)


def test_after_kill_9_only_unfinished_shards_are_made_again(
    emitted: Path, codec: str, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    big = tmp_path / "emit"
    game_lines(big, lines=96, shard_size=2)
    assert run(big, whole, codec) == 0
    command = [sys.executable, "-m", "trainer.tokenize", "--tokenizer", codec]
    arguments = ["--input", str(big), "--output", str(killed), "--set", "batch_s=0.1"]
    process = subprocess.Popen([*command, *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)
    done = killed / "done"
    deadline = time.monotonic() + 240
    while len(list(done.glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path.stem for path in done.glob("*.json")}
    assert 3 <= len(finished) < 48, "killed too early or too late to show anything"
    assert not (killed / "stage.json").exists()
    kept = {
        path: path.stat().st_mtime_ns
        for path in (killed / "shar").iterdir()
        if path.name.split(".")[1] in finished
    }
    assert run(big, killed, codec) == 0
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    assert contents(killed) == contents(whole)


def test_only_changed_shards_are_made_again(codec: str, tmp_path: Path) -> None:
    game_lines(tmp_path / "emit", lines=8)
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 0
    path = tmp_path / "emit" / "shar" / "cuts.000001.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"line 5", b"new")))
    cuts = tmp_path / "out" / "shar" / "cuts.000000.jsonl.gz"
    before = cuts.stat().st_mtime_ns
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 0
    assert cuts.stat().st_mtime_ns == before
    texts = [
        cut.supervisions[0].text
        for cut in lhotse.CutSet.from_shar(in_dir=tmp_path / "out" / "shar")
    ]
    assert "new" in texts and "line 5" not in texts


class Deaf:
    """A tokenizer that gives nothing for less than half a second, as real ones do for less."""

    def __init__(self, path: str) -> None:
        self._inner = load(path)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def encode(self, audio: list[torch.Tensor]) -> list[torch.Tensor]:
        codes = self._inner.encode(audio)
        return [c if len(a) >= 8000 else c[:0] for c, a in zip(codes, audio, strict=True)]


def test_what_gives_no_codes_is_rejected_and_counted(
    codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = codec.removeprefix("kmeans:")
    monkeypatch.setattr("trainer.tokenizing.command.load_tokenizer", lambda *_: Deaf(path))
    sounds = {"long": tone(1.0), "short": tone(0.2)}
    rows = [(row(name, audio), audio) for name, audio in sounds.items()]
    write_shards(str(tmp_path / "emit"), rows, 10)
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 0
    facts = stage(tmp_path / "out")
    assert (facts["in"], facts["out"], facts["rejected"]) == (2, 1, {"codes_empty": 1})
    assert facts["rejected_hours"]["codes_empty"] == pytest.approx(0.2 / 3600, abs=1e-6)
    (lost,) = pq.read_table(tmp_path / "out" / "rejected").to_pylist()
    assert (lost["record_id"], lost["stage"], lost["reason"]) == (
        "short",
        "tokenize",
        "codes_empty",
    )
    assert "cuts.000000.jsonl.gz:2" in lost["location"]


def test_audio_that_does_not_decode_is_rejected(codec: str, tmp_path: Path) -> None:
    audio = tone(1.0)
    write_shards(str(tmp_path / "emit"), [(row("a", audio), audio), (row("b", audio), audio)], 10)
    tar = tmp_path / "emit" / "shar" / "recording.000000.tar"
    content = tar.read_bytes()
    tar.write_bytes(content.replace(b"RIFF", b"XXXX", 1))
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 0
    assert stage(tmp_path / "out")["rejected"] == {"audio_unreadable": 1}
