"""Videos without sound and sound without video, from WenetSpeech.json through the commands."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.sound import stream_sound
from schemas import Rejection, record_of
from tests.e2e.test_drama import drama_workplace
from tests.e2e.workplace import ROOT, Workplace
from tests.pipelines import broken_videos
from tests.pipelines.stages.drama import EPISODES
from tests.pipelines.stages.fetched import episodes_in

SOURCE = "wenetspeech"
SAMPLE = ROOT / "samples" / "drama"
FIRST, SECOND = EPISODES


def media_workplace(folder: Path) -> tuple[Workplace, Path]:
    """Nothing done yet, and a copy of the sample whose media a test may break."""
    media = folder / "media"
    shutil.copytree(SAMPLE, media)
    work = drama_workplace(folder / "work", "http://127.0.0.1:9/v1")
    work.change({"fetch.local_folders": [str(media)], "fetch.download": False})
    return work, media


def video_of(media: Path, episode_id: str) -> Path:
    return media / "videos" / f"{episode_id.partition('_')[2]}.mp4"


def fetch(work: Workplace) -> tuple[list[str], list[Rejection]]:
    """Runs fetch; every sentence that went in came out or is a rejection, once."""
    assert work.run("fetch", SOURCE).status == 0
    folder = work.data / SOURCE / "fetch"
    parts = sorted((folder / "rejected").glob("*.parquet"))
    lost = [record_of(Rejection, row) for p in parts for row in pq.read_table(p).to_pylist()]
    kept = episodes_in(folder)
    names = Counter(one.id for episode in kept for one in episode.sentences)
    names += Counter(one.record_id for one in lost)
    given = episodes_in(work.data / SOURCE / "ingest")
    assert names == Counter(one.id for episode in given for one in episode.sentences)
    return [one.id for one in kept], lost


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("video", "the video has no sound"),
        ("audio", "the video has no picture"),
        ("", "not a readable video"),  # no bytes at all
    ],
    ids=["without audio", "without video", "zero-length"],
)
def test_half_a_video_is_counted_with_its_cause_and_taken_once_it_is_whole(
    tmp_path: Path, kind: str, says: str
) -> None:
    work, media = media_workplace(tmp_path)
    shutil.rmtree(media / "audio")  # the corpus's own sound, which could stand in
    if kind:
        broken_videos.remuxed(video_of(SAMPLE, FIRST), video_of(media, FIRST), (kind,))
    else:
        video_of(media, FIRST).write_bytes(b"")
    assert work.run("ingest", SOURCE).status == 0
    kept, lost = fetch(work)
    assert kept == [SECOND]  # the other one comes through
    causes = {one.detail for one in lost if one.record_id.startswith(FIRST)}
    assert len(causes) == 1 and {one.reason for one in lost} == {"video_unavailable"}
    text = (work.data / SOURCE / "media" / "ledger.jsonl").read_text(encoding="utf-8")
    ledger = {row["episode_id"]: row["detail"] for row in map(json.loads, text.splitlines())}
    assert says in ledger[FIRST]
    shutil.copy(video_of(SAMPLE, FIRST), video_of(media, FIRST))  # a good copy: the next run has it
    kept, _ = fetch(work)
    assert kept == [FIRST, SECOND]


@pytest.mark.parametrize("own_sound", ["whole", "no sound in it"])
def test_a_soundless_video_passes_where_the_corpus_has_the_sound(
    tmp_path: Path, own_sound: str
) -> None:
    """`separate` then takes the corpus's own (ADR 0015)."""
    work, media = media_workplace(tmp_path)
    broken_videos.remuxed(video_of(SAMPLE, FIRST), video_of(media, FIRST), ("video",))
    (audio,) = (media / "audio").rglob(f"{FIRST}.opus")
    if own_sound != "whole":
        audio.write_bytes(b"no sound at all " * 300)
    assert work.run("ingest", SOURCE).status == 0
    kept, lost = fetch(work)
    causes = {one.detail for one in lost if one.record_id.startswith(FIRST)}
    if own_sound == "whole":
        assert (kept, causes) == ([FIRST, SECOND], set())
        (episode, _) = episodes_in(work.data / SOURCE / "fetch")
        assert episode.audio_uri == str(audio)
        assert len(list(stream_sound(str(episode.audio_uri), 16000, 1))) > 0
    else:
        assert (kept, causes) == ([SECOND], {"other: the video has no sound"})
