"""An HTTP server on the loopback that serves one video, well or badly; the path says how."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SLOW_BLOCK = 512


class VideoServer(ThreadingHTTPServer):
    """Serves ``content`` at every path; ``/<way>/...`` says in which way."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content = content
        self.asked: list[tuple[str, str | None]] = []  # path and Range of every request
        self.cookies: list[str | None] = []
        self.times: Counter[str] = Counter()  # requests a path had
        self.pause_s = 0.05  # between two blocks of a slow answer

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges(self, path: str) -> list[str]:
        """The Range headers that asked for more than the beginning."""
        return [r for p, r in self.asked if p == path and r not in (None, "bytes=0-")]


@contextmanager
def video_server(video: Path) -> Iterator[VideoServer]:
    server = VideoServer(video.read_bytes())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: VideoServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        self.server.cookies.append(self.headers.get("Cookie"))
        self.server.times[self.path] += 1
        way = self.path.split("/")[1]
        status = re.fullmatch(r"status(\d+)", way)
        if status:
            self._status(int(status[1]))
        elif way == "busy" and self.server.times[self.path] <= 2:
            self._status(429, {"Retry-After": "7"})
        elif way == "page":
            self._page()
        else:
            self._video(way)

    do_HEAD = do_GET

    def _status(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self) -> None:
        page = b"<html><head><title>no video</title></head><body>nothing</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _video(self, way: str) -> None:
        content = self.server.content
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        start = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        kind = "video/../../../evil" if way == "hostile" else "video/mp4"
        self.send_header("Content-Type", kind)
        if way == "hostile":
            self.send_header("Content-Disposition", 'attachment; filename="../../evil.mp4"')
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        self.end_headers()
        body = content[start:]
        try:
            if way == "garbage":
                self.wfile.write(b"\x00" * len(body))
            elif way == "cut" and start == 0:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.close_connection = True
            elif way == "slow":
                for at in range(0, len(body), _SLOW_BLOCK):
                    self.wfile.write(body[at : at + _SLOW_BLOCK])
                    self.wfile.flush()
                    time.sleep(self.server.pause_s)
            else:
                self.wfile.write(body)
        except ConnectionError:  # the asker has seen enough
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        del format, arguments
