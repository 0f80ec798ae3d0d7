"""The page in a real browser: no console message, nothing wider than the screen."""

import dataclasses
import html
import re
import subprocess
from pathlib import Path

import pytest

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import INDEX, LISTENING, PAGES, REJECTED, render, render_pages
from pipelines.reporting.scene_samples import SceneExample, SceneTurn, Speaker
from pipelines.reporting.sound import Sound
from pipelines.reporting.training import gather_training
from schemas import Reason
from tests.pipelines.reporting.chromium import FLAGS, browser
from tests.pipelines.reporting.stage_folders import (
    WrittenStage,
    annotated,
    rejection,
    whole_corpus,
)
from tests.pipelines.reporting.test_training import write_log

__all__ = ["browser"]  # the fixture

# The page is framed as it is, at the width of a phone and of a desktop; the frame around it
# measures, because the page itself may run no script. It listens before there is a frame, which may
# have loaded before anything after it is read.
FRAME = """<!doctype html><title>not measured</title>
<script>
document.addEventListener("load", (event) => {{
  const page = event.target.contentDocument;
  for (const block of page.querySelectorAll("details")) block.open = true;
  const root = page.documentElement;
  document.title = [root.clientWidth, root.scrollWidth, page.querySelectorAll("h2").length].join();
}}, true);
</script>
<body><iframe srcdoc="{page}" style="width:{width}px;height:1500px;border:0"></iframe>"""


@pytest.mark.parametrize(
    ("name", "width"),
    [(INDEX, 320), (INDEX, 390), (INDEX, 1200), *((n, w) for n in PAGES[1:] for w in (390, 1200))],
)
def test_the_page_fits_and_the_console_is_empty(
    browser: str, tmp_path: Path, name: str, width: int
) -> None:
    whole_corpus(tmp_path)
    long = "averyveryverylongwordwithoutanybreak" * 12
    texts = [long, "<script>alert(1)</script>", "\u202eمرحبا بالعالم " * 9]
    rows = [
        annotated(
            number, id=f"{text}{number}", speaker=text, text=text, title=text, instruction=text
        )
        for number, text in enumerate(texts)
    ]
    lost = [
        rejection(number, "select", Reason.NAME_LEAKED, record_id=row.id, detail=long)
        for number, row in enumerate(rows)
    ]
    WrittenStage(
        verb="annotate", rows=rows, backend=f"embedded:{long}", prompts={long: "ab" * 32}
    ).write(tmp_path, "game_voice")
    WrittenStage(verb="select", rejections=lost).write(tmp_path, "game_voice")
    report = gather(str(tmp_path), dict.fromkeys(["emilia", "game_voice"], VERBS))
    scenes = hostile_scenes(long)
    report = dataclasses.replace(
        report, corpora=tuple(dataclasses.replace(one, scenes=scenes) for one in report.corpora)
    )
    page = render_pages(report)[name]
    shown = {INDEX: 3, LISTENING: 2, REJECTED: 0}[name]
    assert measured(browser, page, tmp_path, width) == (f"{width},{width},{shown}", [])


def hostile_scenes(text: str) -> tuple[SceneExample, ...]:
    turn = SceneTurn(
        speaker=text,
        text=text,
        start=0.0,
        end=1.0,
        share=0.5,
        margin=0.1,
        confidence=0.9,
        flags=(text,),
    )
    speaker = Speaker(name=text, number=0, identity=text, character=text)
    scene = SceneExample(
        id=text,
        place=text,
        seconds=1.0,
        start=0.0,
        caption=text,
        caption_backend=text,
        speakers=(speaker,),
        turns=(turn, turn),
        split="train",
        style=text,
        sound=Sound(media_type="audio/mpeg", content=b"ID3"),
        no_sound=None,
    )
    return (scene,)


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
