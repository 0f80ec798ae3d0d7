"""kill -9 in the middle of a download: the next run goes on from there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from pipelines.fetching.causes import Cause
from pipelines.fetching.fetch import fetch_episodes
from pipelines.fetching.ledger import LedgerEntry
from schemas.episode import Episode
from tests.pipelines.fetching.server import video_server
from tests.pipelines.fetching.support import ROOT, VIDEO, episode, settings

_RUN = """
import sys
from pipelines.fetching.fetch import fetch_episodes
from tests.pipelines.fetching.support import episode, settings
gone, good, slow, folder = sys.argv[1:]
wanted = [episode(gone, "gone_1"), episode(good, "good_1"), episode(slow, "slow_1")]
list(fetch_episodes(wanted, settings(min_bytes_per_s=0.0), folder))
"""
_PATIENCE_S = 90


def test_kill_and_resume(tmp_path: Path) -> None:
    with video_server(VIDEO) as server:
        paths = ["/status404/a.mp4", "/good/b.mp4", "/slow/c.mp4"]
        urls = [server.url(path) for path in paths]
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *urls, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while _partial_bytes(tmp_path) < 20_000:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
        left = _partial_bytes(tmp_path)
        assert 0 < left < len(server.content)
        assert not (tmp_path / "ledger.parquet").exists()
        asked = dict(server.times)
        server.pause_s = 0.0

        ids = ("gone_1", "good_1", "slow_1")
        wanted = [episode(url, video_id) for url, video_id in zip(urls, ids, strict=True)]
        gone, good, slow = fetch_episodes(wanted, settings(), str(tmp_path))
        assert isinstance(gone, LedgerEntry)
        assert gone.cause is Cause.REMOVED
        assert isinstance(good, Episode)
        assert isinstance(slow, Episode)
        assert [server.times[p] - asked[p] for p in paths[:2]] == [0, 0]
        (resumed,) = server.ranges(paths[2])
        assert int(resumed.removeprefix("bytes=").rstrip("-")) >= left
    assert slow.video_uri is not None
    assert Path(slow.video_uri).read_bytes() == VIDEO.read_bytes()


def _partial_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "partial").glob("slow_1*"))
