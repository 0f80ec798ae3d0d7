"""The page in a real browser: no console message, nothing wider than the screen."""

import dataclasses
import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import render
from pipelines.reporting.training import gather_training
from tests.pipelines.reporting.stage_folders import (
    WrittenStage,
    annotated,
    whole_corpus,
)
from tests.pipelines.reporting.test_training import write_log

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",  # they would take from the width
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--enable-logging=stderr",
    "--window-size=1400,2000",
)
# The page is framed as it is, at the width of a phone and of a desktop; the frame around it
# measures, because the page itself may run no script.
FRAME = """<!doctype html><title>not measured</title>
<body><iframe srcdoc="{page}" style="width:{width}px;height:1500px;border:0"></iframe>
<script>
document.querySelector("iframe").addEventListener("load", (event) => {{
  const page = event.target.contentDocument;
  for (const block of page.querySelectorAll("details")) block.open = true;
  const root = page.documentElement;
  document.title = [root.clientWidth, root.scrollWidth, page.querySelectorAll("h2").length].join();
}});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here; one of {', '.join(BROWSERS)} would be used")
    return found


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_page_fits_and_the_console_is_empty(browser: str, tmp_path: Path, width: int) -> None:
    whole_corpus(tmp_path)
    long = "averyveryverylongwordwithoutanybreak" * 12
    texts = [long, "<script>alert(1)</script>", "\u202eمرحبا بالعالم " * 9]
    rows = [
        annotated(
            number, id=f"{text}{number}", speaker=text, text=text, title=text, instruction=text
        )
        for number, text in enumerate(texts)
    ]
    WrittenStage(
        verb="annotate", rows=rows, backend=f"embedded:{long}", prompts={long: "ab" * 32}
    ).write(tmp_path, "game_voice")
    page = render(gather(str(tmp_path), dict.fromkeys(["emilia", "game_voice"], VERBS)))
    assert measured(browser, page, tmp_path, width) == (f"{width},{width},2", [])


@pytest.mark.parametrize("width", [320, 1200])
def test_the_curves_of_training_fit_too(browser: str, tmp_path: Path, width: int) -> None:
    whole_corpus(tmp_path / "data")
    steps = [{"step": step, "loss": 1e6 / (step + 1), "reward": -1.5e-7} for step in range(900)]
    write_log(tmp_path / "runs" / ("run" * 40), steps)
    report = gather(str(tmp_path / "data"), {"emilia": VERBS})
    page = render(dataclasses.replace(report, training=gather_training(str(tmp_path / "runs"))))
    assert measured(browser, page, tmp_path, width) == (f"{width},{width},2", [])


def measured(browser: str, page: str, tmp_path: Path, width: int) -> tuple[str, list[str]]:
    """Width of the screen, width of the page and number of its headings; the console's lines."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=html.escape(page), width=width), "utf-8")
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    return title[1], [line for line in done.stderr.splitlines() if "CONSOLE" in line]
