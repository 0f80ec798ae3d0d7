"""Rows and hours of a set by source and language, and by what they are composed by."""

import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.params import load_params
from pipelines.reporting import paper
from pipelines.reporting.set_counts import SHOWN_NAMES, count_set
from pipelines.reporting.set_kinds import drawn, kinds_of, origins
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.set_settings import DecouplingSettings
from schemas import AnnotatedUtterance, table_of
from tests.records import annotated

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["esd", "emilia", "\x00"]),
        st.sampled_from(["en", "zh"]),
        st.integers(1, 40_000),  # milliseconds
        st.booleans(),
    ),
    max_size=30,
)


def write_parts(folder: Path, rows: list[tuple[str, str, int, bool]], size: int) -> list[str]:
    records = [
        annotated(
            id=str(number),
            source=source,
            language=language,
            duration=length / 1000,
            instruction="Say it." if is_prompt else None,
        )
        for number, (source, language, length, is_prompt) in enumerate(rows)
    ]
    parts = []
    for number, start in enumerate(range(0, len(records), size)):
        path = folder / f"part-{number:05d}.parquet"
        pq.write_table(table_of(AnnotatedUtterance, records[start : start + size]), path)
        parts.append(str(path))
    return parts


@settings(deadline=None, max_examples=30)
@given(ROWS, st.integers(1, 12))
def test_every_row_is_counted_once_however_the_parts_are_cut(
    rows: list[tuple[str, str, int, bool]], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = count_set(write_parts(Path(folder), rows, size), spoken=True)
    assert found.prompts == sum(is_prompt for *_, is_prompt in rows)
    for counted, by in ((found.sources, 0), (found.languages, 1)):
        expected = Counter(row[by] for row in rows)
        assert {name: number for name, number, _ in counted} == expected
        for name, _, hours in counted:
            milliseconds = sum(row[2] for row in rows if row[by] == name)
            assert hours * 3_600_000 == pytest.approx(milliseconds)
        order = [(-number, name) for name, number, _ in counted]
        assert order == sorted(order)


def test_a_set_of_any_number_of_sources_shows_the_largest(tmp_path: Path) -> None:
    rows = [(f"source {number}", "en", 1000, True) for number in range(100)]
    rows.append(("source 77", "en", 1000, True))
    found = count_set(write_parts(tmp_path, rows, 50), spoken=True)
    assert len(found.sources) == SHOWN_NAMES and found.sources[0][:2] == ("source 77", 2)
    assert found.prompts == 101


def test_origins_are_rows_and_rounds_are_not() -> None:
    counts = {"en.sampled": 4, "zh.sampled": 3, "en.features_3": 2, "en.rounds": 9}
    assert origins(counts) == {"sampled": 7, "features_3": 2}
    assert origins(counts, "zh") == {"sampled": 3}
    (found,) = kinds_of("instructions", counts)
    assert found.counts == (("of the corpora", 7), ("written: 3 features", 2))
    assert found.total == 9
    shown = drawn("instructions", counts)
    assert "en.sampled".startswith(shown) and not "en.rounds".startswith(shown)


def test_roles_are_told_apart_only_where_there_are_two() -> None:
    pairs = {"role.chosen": 3, "chosen.sad": 3}
    assert [one.title for one in kinds_of("preference_pairs", pairs)] == ["Emotion asked for"]
    *_, roles = kinds_of("preference_pairs", pairs | {"role.partner": 1})
    assert roles.counts == (("preferred in a pair", 3), ("only beside others", 1))


def test_counts_of_nothing_make_no_group() -> None:
    assert kinds_of("decoupling", {"text.aligned": 0, "language.en": 3}) == ()
    assert [one.title for one in kinds_of("decoupling", {"text.aligned": 1})] == [
        "Emotion of the text, beside that one"
    ]


def test_the_papers_figures_are_those_that_the_settings_begin_with() -> None:
    sets = load_params("params.yaml").sets
    s2, s3 = sets["s2"], sets["s3"]
    assert isinstance(s2, DecouplingSettings) and isinstance(s3, InstructionSetSettings)
    assert (s2.rows, s2.emotional_share) == (paper.S2_ROWS, paper.S2_EMOTIONAL_SHARE)
    assert len(s3.openai.languages) == paper.S3_LANGUAGES
    counts = s3.openai.counts
    assert counts.sampled == paper.S3_SAMPLED
    assert counts.total - counts.sampled == paper.S3_WRITTEN
