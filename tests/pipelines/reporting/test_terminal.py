import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.terminal import show
from tests.pipelines.reporting.stage_folders import WrittenStage, utterance, whole_corpus

GOLDEN = Path(__file__).parents[2] / "golden" / "report_terminal.txt"


def shown(root: Path, sources: list[str], width: int = 80) -> str:
    stream = io.StringIO()
    show(gather(str(root), dict.fromkeys(sources, VERBS)), Console(file=stream, width=width))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def test_the_whole_output(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    WrittenStage(verb="ingest", rows=[utterance(0)]).write(tmp_path, "game_voice")
    text = shown(tmp_path, ["emilia", "game_voice"])
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")


def test_text_of_the_outside_world_is_neither_markup_nor_a_terminal_command(
    tmp_path: Path,
) -> None:
    backend = "embedded:[bold]x[/bold]\x1b[2J"
    WrittenStage(verb="annotate", rows=[utterance(0)], backend=backend).write(tmp_path, "emilia")
    text = shown(tmp_path, ["emilia"], width=300)
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    whole_corpus(tmp_path)
    assert max(map(len, shown(tmp_path, ["emilia"], width).splitlines())) <= width
