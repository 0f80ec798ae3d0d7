"""The work of select, counted; see ``counting`` for how to change a bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from benchmarks.select_corpus import write_corpus
from pipelines.stages.select import SelectStage
from schemas import AnnotatedUtterance, table_of
from tests.benchmarks.counting import Work, calls, calls_per_row, hold
from tests.pipelines.stages.test_select import SETTINGS, whole_survey
from tests.records import annotated
from tests.test_structure import ROOT

_PROGRAM = """
import sys

from pipelines.select import main

flags = ["--source", "game_voice", "--input", sys.argv[1], "--output", sys.argv[2]]
assert main(flags) == 0
print(*sorted({"apache_beam", "pandas", "rich"} & set(sys.modules)), len(sys.modules))
"""


def test_selecting() -> None:
    def prepare(rows: int) -> Work:
        chunk = utterances(rows)
        stage = SelectStage("game_voice", SETTINGS, whole_survey(chunk))
        stage.setup()
        return lambda: stage.transform(chunk)

    hold("calls a row", calls_per_row(prepare, 500), 2.7)


def test_surveying_for_select() -> None:
    chunk = utterances(500)
    whole_survey(chunk)  # imports, caches
    hold("calls for 500 rows", calls(lambda: whole_survey(chunk)), 480)


def test_the_whole_command_imports_few_modules(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 600)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(corpus.annotate), str(tmp_path / "select")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *heavy, count = done.stdout.splitlines()[-1].split()
    assert not heavy
    hold("modules imported", int(count), 540)


def utterances(count: int) -> pa.Table:
    return table_of(
        AnnotatedUtterance,
        [
            annotated(id=f"u{n:06d}", game="g", instruction=f"Say it in way {n} of {n % 7}.")
            for n in range(count)
        ],
    )
