"""A real browser for tests: how it is found and started, and pages driven by a script of a test.

The pages allow no foreign script. So a page of the test's own frames them, does what a person would
do (click, type, press a key), looks at what came of it, and posts that to the server it came from.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import browser as any_browser

FLAGS = (
    *any_browser.FLAGS,
    "--hide-scrollbars",  # they would take from the width
    "--enable-logging=stderr",
    "--window-size=1400,2000",
)
_DARK = "--blink-settings=preferredColorScheme=0"
_TIMEOUT_S = 120
# It listens before there is a frame, which may have loaded before anything after it is read.
_DRIVER = """<!doctype html><title>driver</title>
<script>
const until = async (what) => {{
  for (let tries = 0; tries < 3000; tries++) {{
    if (what()) return;
    await new Promise((done) => setTimeout(done, 20));
  }}
  throw new Error("waited in vain: " + what);
}};
const key = (element, name) => {{
  const kind = {{ key: name, bubbles: true, cancelable: true }};
  element.dispatchEvent(new KeyboardEvent("keydown", kind));
}};
document.addEventListener("load", async (event) => {{
  const frame = event.target.contentWindow, page = event.target.contentDocument;
  const one = (css) => page.querySelector(css), all = (css) => [...page.querySelectorAll(css)];
  let result;
  try {{
    result = await (async () => {{ {script} }})();
  }} catch (error) {{
    result = {{ error: String(error) }};
  }}
  await fetch("/result", {{ method: "POST", body: JSON.stringify(result) }});
}}, true);
</script>
<body><iframe src="/{page}" style="width:{width}px;height:1500px;border:0"></iframe>"""


@pytest.fixture(scope="module")
def browser() -> str:
    """The browser's program; without one the test is skipped."""
    return any_browser.find_browser()


def drive(
    program: str, folder: Path, page: str, script: str, *, width: int = 1200, dark: bool = False
) -> tuple[Any, list[str]]:
    """What a script saw in a page, and every path that the browser asked for.

    Args:
        program: the browser.
        folder: with the pages.
        page: file name, and ``#`` with an anchor where wanted.
        script: JavaScript that returns something JSON can hold; it has ``frame`` (the page's
            window), ``page`` (its document), ``one``, ``all``, ``until`` and ``key``.
        width: of the page, in pixels.
        dark: whether the person prefers dark pages.
    """
    (folder / "driver.html").write_text(
        _DRIVER.format(page=page, width=width, script=script), "utf-8"
    )
    flags = [
        "--autoplay-policy=no-user-gesture-required",
        *([_DARK] if dark else []),
    ]
    with _served(folder) as (address, asked, results):
        command = [program, *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}"]
        running = subprocess.Popen(
            [*command, f"{address}/driver.html"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            result = results.get(timeout=_TIMEOUT_S)
        finally:
            running.terminate()
            running.wait(timeout=_TIMEOUT_S)
    return result, asked


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[str, list[str], queue.Queue[Any]]]:
    asked: list[str] = []
    results: queue.Queue[Any] = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            results.put(json.loads(content))

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            asked.append(self.path)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: a page without its icon is no news."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked, results
        finally:
            server.shutdown()
            thread.join()
