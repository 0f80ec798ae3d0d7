"""The work of select, counted; see ``counting`` for how to change a bound."""

from __future__ import annotations

import pyarrow as pa

from pipelines.stages.select import SelectStage
from schemas import AnnotatedUtterance, table_of
from tests.benchmarks.counting import Work, calls, calls_per_row, hold
from tests.pipelines.stages.test_select import SETTINGS, whole_survey
from tests.records import annotated


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


def utterances(count: int) -> pa.Table:
    return table_of(
        AnnotatedUtterance,
        [
            annotated(id=f"u{n:06d}", game="g", instruction=f"Say it in way {n} of {n % 7}.")
            for n in range(count)
        ],
    )
