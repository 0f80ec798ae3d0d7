"""Media that is there already is used as it is; nothing hostile leaves its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipelines.errors import StageFailed
from pipelines.fetching.causes import Cause
from pipelines.fetching.fetch import fetch_episodes
from pipelines.fetching.ledger import Ledger, LedgerEntry, entry_of
from pipelines.fetching.media import find_audio, find_media, title_of
from pipelines.sources.wenetspeech import read_episodes
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from schemas.episode import Episode
from tests.pipelines.fetching.server import video_server
from tests.pipelines.fetching.support import ROOT, SAMPLE, VIDEO, episode, settings


def sample_episodes() -> list[Episode]:
    chosen = WenetSpeechSettings(kind="wenetspeech")
    found = read_episodes(str(SAMPLE / "WenetSpeech.json"), "wenetspeech", chosen)
    return [one.episode for one in found if one.episode is not None]


def test_the_sample_needs_no_network(tmp_path: Path) -> None:
    golden = json.loads((ROOT / "tests/golden/drama_ingest.json").read_text(encoding="utf-8"))
    there = {entry["aid"]: entry["has_media"] for entry in golden}
    chosen = settings(local_folders=(str(SAMPLE),), download=False)
    for one in fetch_episodes(sample_episodes(), chosen, str(tmp_path)):
        if isinstance(one, LedgerEntry):
            assert not there[one.episode_id]
            assert (one.cause, one.attempts) == (Cause.UNAVAILABLE, 0)
            continue
        assert there[one.id]
        assert one.video_uri == f"{SAMPLE}/videos/{one.video_id}.mp4"
        assert one.audio_uri == f"{SAMPLE}/{one.audio_path}"
        assert one.title is not None
        assert "春风小巷" in one.title or "Spring Alley" in one.title


def test_downloads_come_only_for_what_is_not_there(tmp_path: Path) -> None:
    with video_server(VIDEO) as server:
        wanted = [episode(server.url("/good/a.mp4")), episode(server.url("/good/b.mp4"), "b_bbb")]
        chosen = settings(local_folders=(str(SAMPLE),))
        got = list(fetch_episodes(wanted, chosen, str(tmp_path)))
        assert {path for path, _ in server.asked} == {"/good/b.mp4"}
    assert [type(one) for one in got] == [Episode, Episode]


def test_a_video_without_its_info_is_not_there(tmp_path: Path) -> None:
    shutil.copy(VIDEO, tmp_path / "x_1.mp4")
    assert find_media(str(tmp_path), "x_1") is None
    (tmp_path / "x_1.info.json").write_text("{}", encoding="utf-8")
    media = find_media(str(tmp_path), "x_1")
    assert media is not None
    assert media.video_uri == f"{tmp_path}/x_1.mp4"


@pytest.mark.parametrize("info", ["", "[]", '{"title": ', "[" * 100_000])
def test_an_unreadable_info_is_an_entry(tmp_path: Path, info: str) -> None:
    shutil.copy(VIDEO, tmp_path / "x_1.mp4")
    (tmp_path / "x_1.info.json").write_text(info, encoding="utf-8")
    (got,) = fetch_episodes(
        [episode("http://127.0.0.1/a", "x_1")], settings(download=False), str(tmp_path)
    )
    assert isinstance(got, LedgerEntry)
    assert got.cause is Cause.OTHER
    assert "info JSON" in got.detail


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    shutil.copy(
        SAMPLE / "audio/train/youtube/B00000/Y0000000000_-Kd8wPq3ZtE.opus", tmp_path / "x_1.mkv"
    )
    (tmp_path / "x_1.info.json").write_text("{}", encoding="utf-8")
    (got,) = fetch_episodes([episode("http://127.0.0.1/a", "x_1")], settings(), str(tmp_path))
    assert isinstance(got, LedgerEntry)
    assert got.detail == "the video has no picture"


@pytest.mark.parametrize(
    "video_id", ["../x", "..", "/etc/passwd", "a/b", "a.b", "", "%(title)s", "x" * 65]
)
def test_a_hostile_id_names_no_file(tmp_path: Path, video_id: str) -> None:
    with video_server(VIDEO) as server:
        wanted = episode(server.url("/good/a.mp4"), video_id)
        (got,) = fetch_episodes([wanted], settings(), str(tmp_path / "media"))
        assert server.asked == []
    assert isinstance(got, LedgerEntry)
    assert got.cause is Cause.OTHER
    assert {path.name for path in tmp_path.iterdir()} == {"media"}


def test_what_a_server_says_names_no_file(tmp_path: Path) -> None:
    with video_server(VIDEO) as server:
        wanted = episode(server.url("/hostile/..%2F..%2Fevil%2F--exec.mp4"))
        (got,) = fetch_episodes([wanted], settings(), str(tmp_path / "a" / "b" / "media"))
    assert {p.name for p in tmp_path.iterdir()} == {"a"}
    assert {p.name for p in (tmp_path / "a").iterdir()} == {"b"}
    assert {p.name for p in (tmp_path / "a" / "b").iterdir()} == {"media"}
    allowed = {"videos", "partial", ".lock", "ledger.jsonl", "ledger.parquet"}
    assert {p.name for p in (tmp_path / "a" / "b" / "media").iterdir()} <= allowed
    if isinstance(got, Episode):
        assert got.video_uri == f"{tmp_path}/a/b/media/videos/-Kd8wPq3ZtE.mp4"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://localhost/a", "--exec=x", "ytsearch:x", "http://[::1", ""]
)
def test_only_the_hosts_of_the_settings_are_asked(tmp_path: Path, url: str) -> None:
    (got,) = fetch_episodes([episode(url)], settings(), str(tmp_path))
    assert isinstance(got, LedgerEntry)
    assert got.cause is Cause.OTHER


@pytest.mark.parametrize("path", ["../x.opus", "/etc/passwd", "a/../../x", "gs://b/x", "", "a\0b"])
def test_a_hostile_audio_path_is_not_looked_at(tmp_path: Path, path: str) -> None:
    (tmp_path / "x.opus").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    assert find_audio(str(tmp_path / "in"), path) is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("a\nb\x1b[31m\tc", "a b [31m c"),
        (" \n", None),
        (None, None),
        (5, None),
        ("\ud800x", "x"),
        ("../../x", "../../x"),
    ],
)
def test_titles_are_one_line(title: object, expected: str | None) -> None:
    assert title_of({"title": title}) == expected


def test_the_ledger_survives_a_torn_line(tmp_path: Path) -> None:
    one, other = (
        entry_of(episode("http://127.0.0.1/a", i), Cause.PRIVATE, "x", attempts=1)
        for i in ("b_1", "a_1")
    )
    ledger = Ledger(tmp_path)
    ledger.add(one)
    ledger.add(other)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    again = Ledger(tmp_path)
    assert again.find(episode("http://127.0.0.1/a", "b_1")) == one
    assert again.find(episode("http://127.0.0.1/a", "a_1")) is None
    assert again.find(episode("http://127.0.0.1/b", "b_1")) is None
    again.add(other)
    again.close()
    assert [json.loads(line)["video_id"] for line in path.open()] == ["a_1", "b_1"]
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(StageFailed, match="line 1"):
        Ledger(tmp_path)
