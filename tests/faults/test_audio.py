"""Sound that is not what it should be, through the commands of both corpora."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from pipelines.diarize import main as diarize
from pipelines.separate import main as separate
from schemas import Episode, Rejection, record_of
from tests.e2e.workplace import KEY, ROOT, contents
from tests.faults.corpus import (
    RATE,
    WillingServer,
    both,
    chain,
    encoded,
    name_of,
    rejections,
    rows,
    serving,
    tone,
    valid,
    workplace_of,
)
from tests.pipelines.sources.archives import Member
from tests.pipelines.stages.drama import episode, sentence
from tests.pipelines.stages.fetched import episodes_in, save_fetched
from tests.pipelines.test_separate_command import write_params

SECONDS = 3 * 3600.0
LONG_RATE = 4000  # held at once, three hours of it would be 86 MB as 16 bits
ALLOWED_MB = 24.0  # what a file of three hours may need more than one of five seconds
VERBS = ("ingest", "annotate", "select", "emit")
# number -> (what is wrong, clip, seconds stated, reason it is rejected for; "" where it passes)
GOOD = encoded(tone(2.0))
CLIPS: dict[int, tuple[str, bytes, float, str]] = {
    0: ("nothing", GOOD, 2.0, ""),
    1: ("unreadable", b"no sound at all " * 300, 2.0, "audio_unreadable"),
    2: ("zero-length file", b"", 2.0, "audio_empty"),
    3: ("zero samples", encoded(tone(0.0)), 2.0, "audio_truncated"),
    4: ("silent", encoded(0 * tone(2.0)), 2.0, ""),
    5: ("clipped", encoded(np.clip(tone(2.0, level=8.0), -1, 1)), 2.0, ""),
    6: ("8 channels", encoded(tone(2.0, channels=8)), 2.0, ""),
    7: ("5 seconds", encoded(tone(5.0), "FLAC"), 5.0, ""),
    8: ("cut in the middle", GOOD[: len(GOOD) // 2], 2.0, "audio_truncated"),
    9: ("nothing, the last", encoded(tone(2.0, level=0.2)), 2.0, ""),
}


def _suffix(clip: bytes) -> str:
    return "flac" if clip.startswith(b"fLaC") else "wav"


def test_odd_sound_is_emitted_as_it_was_and_broken_sound_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    members: list[Member] = []
    for number, (_, clip, seconds, _) in CLIPS.items():
        members += both(number, clip, seconds, _suffix(clip))
    with serving(WillingServer()) as url:
        work = workplace_of(tmp_path, url, members, {n: f"A talk, part {n}" for n in CLIPS})
        chain(work, *VERBS)
    wrong = {name_of(n): reason for n, (_, _, _, reason) in CLIPS.items() if reason}
    lost = rejections(work, "ingest")
    assert {one.record_id: one.reason.value for one in lost} == wrong
    assert all(one.detail and "EN-B000000.tar" in one.location for one in lost)
    right = [name_of(n) for n, (_, _, _, reason) in CLIPS.items() if not reason]
    assert [one["id"] for one in rows(work, "select")] == right
    assert work.facts("emilia", "emit")["out"] == len(right)
    assert valid(work)
    from lhotse import CutSet

    cuts = {cut.id: cut for cut in CutSet.from_shar(in_dir=str(work.data / "emilia/emit/shar"))}
    assert len(cuts) == len(right)
    for number, (what, clip, seconds, reason) in CLIPS.items():
        if not reason:
            cut = next(one for one in cuts.values() if name_of(number) in one.id)
            source = cut.recording.sources[0].source
            assert source == clip, what
            assert cut.duration == pytest.approx(seconds), what


def _flac(path: Path, seconds: float) -> Path:
    """A constant, written a minute at a time at most: three hours take 0.1 MB."""
    minute = np.full(60 * LONG_RATE, 0.25, np.float32)
    with soundfile.SoundFile(path, "w", LONG_RATE, 1, "PCM_16", format="FLAC") as out:
        for left in range(round(seconds), 0, -60):
            out.write(minute[: left * LONG_RATE])
    return path


def _sparse_wav(archive: Path, name: str, seconds: float) -> None:
    """Appends a WAV of so much silence to a tar; a hole in the file, not bytes on the disk."""
    header = bytearray(encoded(tone(0.0)))
    frames = round(seconds * RATE)
    header[40:44] = (2 * frames).to_bytes(4, "little")  # the length of the samples
    info = tarfile.TarInfo(name)
    info.size = len(header) + 2 * frames
    with archive.open("r+b") as stream:
        with tarfile.open(fileobj=stream) as existing:
            existing.getmembers()
            end = existing.offset
        stream.seek(end)
        stream.write(info.tobuf() + header)
        stream.truncate(end + 512 + -(-info.size // 512) * 512 + 1024)


_GROWTH = """
import resource, sys
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
work(sys.argv[1])
before = peak()
work(sys.argv[2])
print(peak() - before)
"""


def _growth_mb(work: str, short: Path, long: Path) -> float:
    """How much more memory a process needs for the second file than for the first, in MB."""
    command = [sys.executable, "-c", work + _GROWTH, str(short), str(long)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _flac(tmp_path_factory.mktemp("long") / "long.flac", SECONDS)


def test_three_hours_in_one_utterance_pass_or_are_counted_in_bounded_memory(
    tmp_path: Path, three_hours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    seconds, clip = SECONDS, three_hours.read_bytes()
    members = [*both(0, clip, seconds, "flac"), both(1, b"", seconds)[0]]
    with serving(WillingServer()) as url:
        work = workplace_of(tmp_path / "long", url, members, {0: "A long talk"})
        _sparse_wav(tmp_path / "long" / "EN-B000000.tar", f"{name_of(1)}.wav", seconds)
        chain(work, *VERBS)
        short = workplace_of(tmp_path / "short", url, both(0, GOOD, 2.0), {0: "A short talk"})
        chain(short, *VERBS)
    (lost,) = rejections(work, "ingest")
    assert (lost.record_id, lost.reason.value) == (name_of(1), "audio_unreadable")
    assert lost.duration == seconds
    assert "more than any utterance has" in lost.detail
    assert work.facts("emilia", "emit")["hours_out"] == 3.0
    assert valid(work, decode=0.0)  # Lhotse would decode all of it at once
    code = """
from pipelines import emit, ingest, report
def work(params):
    for verb in (ingest, emit):
        assert verb.main(["--params", params, "--source", "emilia"]) == 0
    assert report.main(["--params", params]) == 0  # would like to show a sample of the sound
"""
    assert _growth_mb(code, short.params_file, work.params_file) < ALLOWED_MB


def test_three_hours_of_an_episode_are_decoded_in_bounded_memory(
    tmp_path: Path, three_hours: Path
) -> None:
    code = """
from pipelines.sound import stream_sound
def work(path):
    print(sum(block.shape[1] for block in stream_sound(path, 4000, 1)) / 4000)
"""
    assert _growth_mb(code, _flac(tmp_path / "short.flac", 5), three_hours) < ALLOWED_MB


def _episode(folder: Path, name: str, content: bytes, seconds: float) -> Episode:
    path = folder / f"{name}.wav"
    path.write_bytes(content)
    halves = (
        sentence(0.0, seconds / 2, id=f"{name}1"),
        sentence(seconds / 2, seconds, id=f"{name}2"),
    )
    return episode(name, video_uri=str(path), duration=seconds, sentences=halves)


def test_odd_sound_of_episodes_is_separated_or_counted_and_never_twice(
    tmp_path: Path,
) -> None:
    clips = {what: (clip, 2.0) for what, clip, _, _ in CLIPS.values()}
    clips["5 seconds"] = (CLIPS[7][1], 5.0)
    episodes = [
        _episode(tmp_path, f"e{number}", clip, seconds)
        for number, (clip, seconds) in enumerate(clips.values())
    ]
    save_fetched(tmp_path / "fetch", episodes, per_part=3)
    params = write_params(tmp_path)

    def run(command: Callable[[list[str]], int], verb: str, before: str) -> dict[str, bytes]:
        given = ["--params", str(params), "--source", "wenetspeech"]
        assert command([*given, "--input", str(before)]) == 0
        return {**contents(tmp_path / "data/wenetspeech" / verb), **contents(tmp_path / "results")}

    separated = run(separate, "separate", str(tmp_path / "fetch"))
    assert _computed(tmp_path, "separate") == 7
    assert run(separate, "separate", str(tmp_path / "fetch")) == separated
    assert _computed(tmp_path, "separate") == 0
    output = tmp_path / "data/wenetspeech/separate"
    lost = {one.record_id: one for one in _rejections(output)}
    assert {name: one.reason.value for name, one in lost.items()} == {
        **{f"e{number}{half}": "audio_unreadable" for number in (1, 2, 3) for half in (1, 2)},
        "e82": "audio_truncated",  # the half of the sound that is not there
    }
    assert all(f"e{name[1]}.wav" in f"{one.detail} {one.location}" for name, one in lost.items())
    kept = [one.id for each in episodes_in(output) for one in each.sentences]
    assert sorted([*kept, *lost]) == [f"e{number}{half}" for number in range(10) for half in (1, 2)]
    run(diarize, "diarize", str(output))
    heard = {one.id: one for one in episodes_in(tmp_path / "data/wenetspeech/diarize")}
    assert [one.id for each in heard.values() for one in each.sentences] == kept
    assert heard["e4"].speech_turns == ()  # silence: nobody spoke, and nobody is made up


def _computed(folder: Path, verb: str) -> int:
    text = (folder / "data/wenetspeech" / f"{verb}.run.json").read_text(encoding="utf-8")
    return int(json.loads(text).get("computed", 0))


def _rejections(folder: Path) -> list[Rejection]:
    parts = sorted((folder / "rejected").glob("part-*.parquet"))
    return [record_of(Rejection, row) for p in parts for row in pq.read_table(p).to_pylist()]
