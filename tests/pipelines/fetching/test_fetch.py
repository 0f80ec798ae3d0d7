"""yt-dlp really downloads here, from a server on the loopback that behaves well or badly."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.fetching.causes import Cause
from pipelines.fetching.downloader import YtDlp
from pipelines.fetching.fetch import EpisodeFetcher, fetch_episodes, rejections_of
from pipelines.fetching.ledger import Ledger, LedgerEntry
from pipelines.fetching.pacing import Pace
from schemas import Rejection, table_of
from schemas.episode import Episode
from tests.pipelines.fetching.server import VideoServer, video_server
from tests.pipelines.fetching.support import VIDEO, episode, settings


@pytest.fixture
def server() -> Iterator[VideoServer]:
    with video_server(VIDEO) as running:
        yield running


def fetch_one(wanted: Episode, folder: Path, **fields: object) -> Episode | LedgerEntry:
    (got,) = fetch_episodes([wanted], settings(**fields), str(folder))
    return got


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_video_and_info_are_in_the_folder(server: VideoServer, tmp_path: Path) -> None:
    got = fetch_one(episode(server.url("/good/title.mp4")), tmp_path)
    assert isinstance(got, Episode)
    assert got.video_uri == f"{tmp_path}/videos/-Kd8wPq3ZtE.mp4"
    assert Path(got.video_uri).read_bytes() == VIDEO.read_bytes()
    assert (got.title, got.audio_uri) == ("title", None)
    info = json.loads((tmp_path / "videos" / "-Kd8wPq3ZtE.info.json").read_text(encoding="utf-8"))
    assert info["id"] == "-Kd8wPq3ZtE"
    assert info["webpage_url"] == server.url("/good/title.mp4")
    assert not {"url", "formats", "http_headers", "epoch"} & info.keys()
    assert names(tmp_path) == {
        ".lock",
        "ledger.jsonl",
        "ledger.parquet",
        "videos/-Kd8wPq3ZtE.info.json",
        "videos/-Kd8wPq3ZtE.mp4",
    }


def test_a_second_run_asks_for_nothing_and_says_the_same(
    server: VideoServer, tmp_path: Path
) -> None:
    wanted = [
        episode(server.url("/good/a.mp4")),
        episode(server.url("/status404/b.mp4"), "b_bbbbbbbbb"),
        episode(server.url("/good/c.mp4"), "c_ccccccccc", duration=90.0),
    ]
    first = list(fetch_episodes(wanted, settings(), str(tmp_path)))
    ledger = {n: (tmp_path / n).read_bytes() for n in ("ledger.jsonl", "ledger.parquet")}
    asked = len(server.asked)
    second = list(fetch_episodes(wanted, settings(), str(tmp_path)))
    assert second == first
    assert len(server.asked) == asked
    assert {n: (tmp_path / n).read_bytes() for n in ledger} == ledger


@pytest.mark.parametrize(
    ("path", "cause", "attempts"),
    [
        ("/status401/a.mp4", Cause.PRIVATE, 1),
        ("/status403/a.mp4", Cause.UNAVAILABLE, 1),
        ("/status404/a.mp4", Cause.REMOVED, 1),
        ("/status410/a.mp4", Cause.REMOVED, 1),
        ("/status451/a.mp4", Cause.GEO_BLOCKED, 1),
        ("/status429/a.mp4", Cause.THROTTLED, 3),
        ("/status500/a.mp4", Cause.NETWORK, 3),
        ("/status503/a.mp4", Cause.NETWORK, 3),
        ("/page/a.html", Cause.UNAVAILABLE, 1),
        ("/garbage/a.mp4", Cause.OTHER, 3),
    ],
)
def test_causes_and_attempts(
    server: VideoServer, tmp_path: Path, path: str, cause: Cause, attempts: int
) -> None:
    got = fetch_one(episode(server.url(path)), tmp_path)
    assert isinstance(got, LedgerEntry)
    assert (got.cause, got.attempts) == (cause, attempts)
    assert got.detail
    assert not (tmp_path / "videos").exists()
    lines = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    rows = pq.read_table(tmp_path / "ledger.parquet").to_pylist()
    assert [json.loads(line) for line in lines] == rows
    assert rows[0]["cause"] == cause
    assert rows[0]["url"] == server.url(path)
    assert (rows[0]["sentences"], rows[0]["duration"]) == (1, 114.89)


def test_a_busy_server_is_given_the_time_it_asks_for(server: VideoServer, tmp_path: Path) -> None:
    waits: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    chosen = settings(backoff_s=2.0)
    fetcher = EpisodeFetcher(
        chosen,
        str(tmp_path),
        Ledger(tmp_path),
        YtDlp(chosen, tmp_path),
        Pace(chosen, clock=lambda: now[0], sleep=sleep),
    )
    got = fetcher.fetch(episode(server.url("/busy/a.mp4")))
    assert isinstance(got, Episode)
    assert waits == [7.0, 7.0]


def test_a_cut_connection_is_resumed(server: VideoServer, tmp_path: Path) -> None:
    got = fetch_one(episode(server.url("/cut/a.mp4")), tmp_path)
    assert isinstance(got, Episode)
    assert (tmp_path / "videos" / "-Kd8wPq3ZtE.mp4").read_bytes() == VIDEO.read_bytes()
    (asked,) = server.ranges("/cut/a.mp4")
    start = re.fullmatch(r"bytes=(\d+)-", asked)
    assert start is not None
    assert 0 < int(start[1]) <= len(server.content) // 2


def test_too_slow_is_throttled_and_keeps_what_it_has(server: VideoServer, tmp_path: Path) -> None:
    wanted = episode(server.url("/slow/a.mp4"))
    got = fetch_one(wanted, tmp_path, slow_after_s=0.4, min_bytes_per_s=1e6, attempts=2)
    assert isinstance(got, LedgerEntry)
    assert (got.cause, got.attempts) == (Cause.THROTTLED, 2)
    assert len(server.ranges("/slow/a.mp4")) == 1
    server.pause_s = 0.0
    got = fetch_one(wanted, tmp_path)
    assert isinstance(got, Episode)
    assert len(server.ranges("/slow/a.mp4")) == 2
    assert (tmp_path / "videos" / "-Kd8wPq3ZtE.mp4").read_bytes() == VIDEO.read_bytes()
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""


def test_another_edit_is_a_duration_mismatch(server: VideoServer, tmp_path: Path) -> None:
    wanted = episode(server.url("/good/a.mp4"), duration=120.0)
    got = fetch_one(wanted, tmp_path)
    assert isinstance(got, LedgerEntry)
    assert got.cause is Cause.DURATION_MISMATCH
    assert got.video_duration == pytest.approx(114.8, abs=0.2)
    assert [r.reason for r in rejections_of(wanted, got)] == ["duration_mismatch"]
    assert isinstance(fetch_one(wanted, tmp_path, duration_tolerance_s=6.0), Episode)
    assert isinstance(fetch_one(wanted, tmp_path, duration_tolerance_share=0.05), Episode)


def test_lost_sentences_become_rejections(server: VideoServer, tmp_path: Path) -> None:
    wanted = episode(server.url("/status404/a.mp4"))
    got = fetch_one(wanted, tmp_path)
    assert isinstance(got, LedgerEntry)
    (rejection,) = rejections_of(wanted, got)
    assert rejection.reason.value == "video_unavailable"
    assert rejection.detail.startswith("removed: ")
    assert rejection.duration == 2.5
    table_of(Rejection, [rejection])


def test_an_outage_stops_the_run(server: VideoServer, tmp_path: Path) -> None:
    urls = [f"/status500/{n}.mp4" for n in range(5)]
    wanted = [episode(server.url(u), f"{n}_bbbbbbbbb") for n, u in enumerate(urls)]
    got: list[Episode | LedgerEntry] = []
    with pytest.raises(StageFailed, match="3 videos in a row.*network.*run again"):
        got.extend(
            fetch_episodes(wanted, settings(stop_after_failures=3, attempts=1), str(tmp_path))
        )
    assert server.times["/status500/3.mp4"] == 0
    assert pq.read_table(tmp_path / "ledger.parquet").num_rows == 3


def test_a_proxy_that_is_not_there_is_the_network_and_stays_unnamed(
    server: VideoServer, tmp_path: Path
) -> None:
    got = fetch_one(
        episode(server.url("/good/a.mp4")),
        tmp_path,
        proxy="http://someone:secret@127.0.0.1:9",
        attempts=1,
    )
    assert isinstance(got, LedgerEntry)
    assert got.cause is Cause.NETWORK
    assert "secret" not in got.detail
    assert server.asked == []


def test_cookies_are_sent_and_their_file_is_left_alone(server: VideoServer, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tabc\n"
    cookies.write_text(text, encoding="utf-8")
    got = fetch_one(episode(server.url("/good/a.mp4")), tmp_path / "m", cookies_file=str(cookies))
    assert isinstance(got, Episode)
    assert set(server.cookies) == {"session=abc"}
    assert cookies.read_text(encoding="utf-8") == text
    with pytest.raises(UsageError, match="none.txt"):
        fetch_one(episode("http://127.0.0.1/a"), tmp_path / "m", cookies_file="none.txt")


def test_a_full_disk_stops_the_run(server: VideoServer, tmp_path: Path) -> None:
    (tmp_path / "partial").write_bytes(b"")  # a file where the folder should be
    with pytest.raises(StageFailed, match="run again"):
        fetch_one(episode(server.url("/good/a.mp4")), tmp_path)
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""


def test_one_process_a_folder(server: VideoServer, tmp_path: Path) -> None:
    first = fetch_episodes([episode(server.url("/good/a.mp4"))], settings(), str(tmp_path))
    next(first)
    with pytest.raises(UsageError, match="another process"):
        fetch_one(episode(server.url("/good/a.mp4")), tmp_path)
    first.close()  # type: ignore[attr-defined]
    assert isinstance(fetch_one(episode(server.url("/good/a.mp4")), tmp_path), Episode)
    with pytest.raises(UsageError, match="local folder"):
        list(fetch_episodes([], settings(), "gs://bucket/media"))


def test_settings_at_fault_stop_the_run(server: VideoServer, tmp_path: Path) -> None:
    wanted = episode(server.url("/good/a.mp4"))
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("not cookies\n", encoding="utf-8")
    with pytest.raises(UsageError, match="cookies"):
        fetch_one(wanted, tmp_path, cookies_file=str(cookies))
    with pytest.raises(UsageError, match="format"):
        fetch_one(wanted, tmp_path, format="best[[")
    missing = Exception("merging of multiple formats but ffmpeg is not installed. Aborting")
    assert isinstance(YtDlp(settings(), tmp_path)._failure(missing), UsageError)
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""


def test_the_disk_is_at_fault_behind_other_errors(tmp_path: Path) -> None:
    download = YtDlp(settings(), tmp_path)
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("unable to write") from error
    except ValueError as error:
        assert isinstance(download._failure(error), StageFailed)
