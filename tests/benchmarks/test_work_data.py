"""The work of the stages that read and cut, counted; see ``counting`` for how to change a bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import pytest

from pipelines import files
from pipelines.sources.base import Shard
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.settings import EmiliaSettings
from pipelines.sources.wenetspeech import read_episodes
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from pipelines.stages.assign import assign_speakers
from pipelines.stages.cut_scenes import CutScenesStage
from pipelines.stages.scenes import SceneSettings, cut_scenes
from schemas import Episode, Utterance, table_of
from schemas.episode import Sentence
from tests.benchmarks.counting import Work, calls, calls_per_row, hold, peak_bytes, reading
from tests.pipelines.sources.archives import clip, good, write_tar
from tests.pipelines.stages.drama import episode, sentence, turn

MANY = 2000
SENTENCES = 40  # of a recording


def tar(folder: Path, utterances: int) -> Path:
    names = [f"EN_B00000_S{n // 10:05d}_W{n:06d}" for n in range(utterances)]
    members = [member for name in names for member in good(name)]
    return write_tar(folder / f"EN-B{utterances:06d}.tar", members)


def read_tar(path: Path) -> None:
    source = EmiliaSource("emilia", EmiliaSettings(kind="emilia"))
    assert all(isinstance(one, Utterance) for one in source.read(Shard(str(path), "tar")))


def test_reading_a_tar(tmp_path: Path) -> None:
    def prepare(rows: int) -> Work:
        path = tar(tmp_path, rows)
        return lambda: read_tar(path)

    hold("calls an utterance", calls_per_row(prepare, 100), 195)


def test_a_tar_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar(tmp_path, 400)
    read_tar(path)  # imports
    opened: list[str] = []
    open_read = files.open_read

    def counting(uri: str) -> BinaryIO:
        opened.append(uri)
        return open_read(uri)

    monkeypatch.setattr(files, "open_read", counting)
    with reading() as read:
        read_tar(path)
    hold("bytes read, of the archive's", read.chars / path.stat().st_size, 1)
    hold("calls to read an utterance", read.calls / 400, 2.3)
    assert opened == [str(path)]
    assert len(clip()) > 7000  # or whether it is read would not show


def wenetspeech(folder: Path, recordings: int, sentences: int = SENTENCES) -> Path:
    """A recording is some 10 kB whatever is in it: a buffer's size must not hide what grows."""
    audios = []
    for number in range(recordings):
        aid = f"Y{number:010d}_{number:011d}"
        segments = [
            {
                "sid": f"{aid}_S{serial:05d}",
                "confidence": 1.0,
                "begin_time": 3.0 * serial,
                "end_time": 3.0 * serial + 2.0,
                "subsets": ["L"],
                "text": "怎么样这些日子住得还习惯吧",
            }
            for serial in range(sentences)
        ]
        audios.append(
            {
                "aid": aid,
                "duration": 3.0 * sentences,
                "md5": f"{number:032x}",
                "path": f"audio/train/youtube/B00000/{aid}.opus",
                "source": "youtube",
                "tags": ["drama"],
                "comment": "x" * 250 * (SENTENCES - sentences),
                "url": f"https://www.youtube.com/watch?v={number:011d}",
                "segments": segments,
            }
        )
    path = folder / f"WenetSpeech-{recordings}.json"
    path.write_text(json.dumps({"audios": audios}, ensure_ascii=False, indent=4), encoding="utf-8")
    return path


def import_wenetspeech(path: Path, recordings: int) -> None:
    wanted = WenetSpeechSettings(kind="wenetspeech")
    found = read_episodes(str(path), "wenetspeech", wanted)
    assert sum(one.episode is not None for one in found) == recordings


def test_importing_wenetspeech(tmp_path: Path) -> None:
    def prepare(rows: int) -> Work:
        path = wenetspeech(tmp_path, rows)
        return lambda: import_wenetspeech(path, rows)

    hold("calls a sentence", calls_per_row(prepare, 25) / SENTENCES, 8)


def test_importing_wenetspeech_takes_no_more_memory_for_more(tmp_path: Path) -> None:
    few, many = wenetspeech(tmp_path, 300, 10), wenetspeech(tmp_path, 1200, 10)
    import_wenetspeech(few, 300)  # imports
    peaks = [
        peak_bytes(lambda: import_wenetspeech(few, 300)),
        peak_bytes(lambda: import_wenetspeech(many, 1200)),
    ]
    # A hash of each sentence's id is kept, to find one that comes twice: 9,000 more of them.
    hold("bytes at the peak", peaks[0], 3_700_000)
    assert peaks[1] - peaks[0] < 24 * 900 * 10


def lines(count: int) -> list[Sentence]:
    """Of 2 s, and after each ninth a pause that begins a scene."""
    starts = [3.0 * n + 6.0 * (n // 9) for n in range(count)]
    return [sentence(at, at + 2.0, id=f"S{n:05d}") for n, at in enumerate(starts)]


def test_assigning_speakers() -> None:
    """Whole columns at a time: a call for each sentence would be a hundred times as many."""

    def prepare(rows: int) -> Work:
        sentences = lines(rows)
        turns = [
            turn(one.start, one.start + 2.5, f"SPEAKER_{n % 5:02d}")
            for n, one in enumerate(sentences)
        ]
        return lambda: assign_speakers(sentences, turns)

    prepare(MANY)()  # imports, caches
    hold("calls for 2,000 sentences", calls(prepare(MANY)), 650)


def test_cutting_scenes() -> None:
    def prepare(rows: int) -> Work:
        sentences = lines(rows)
        return lambda: cut_scenes("EP1", sentences)

    hold("calls a sentence, a scene has nine", calls_per_row(prepare, MANY), 0.5)


def test_cutting_scenes_as_a_stage() -> None:
    def prepare(rows: int) -> Work:
        made = [
            episode(
                f"EP{n}",
                sentences=tuple(lines(100)),
                profiles=(),
                title="title",
                video_uri="v.mp4",
                vocals_uri="v.flac",
            )
            for n in range(rows)
        ]
        chunk = table_of(Episode, made)
        return lambda: CutScenesStage("wenetspeech", SceneSettings()).transform(chunk)

    hold("calls an episode of 100 sentences", calls_per_row(prepare, 10), 245)
