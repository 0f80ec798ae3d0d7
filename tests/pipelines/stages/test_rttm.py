from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.rttm import RttmError, read_rttm, write_rttm
from schemas.episode import SpeechTurn
from tests.pipelines.stages.drama import EPISODES, FOLDER, turn

names = st.text(min_size=1).filter(lambda name: name.split() == [name] and name != "<NA>")
times = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
turns = st.builds(SpeechTurn, start=times, duration=times, speaker=names)


@given(names, st.lists(turns, min_size=1))
def test_what_is_written_reads_back_exactly(recording: str, spoken: list[SpeechTurn]) -> None:
    text = write_rttm(recording, spoken)
    assert read_rttm(text, "x.rttm") == {recording: tuple(spoken)}
    assert write_rttm(recording, read_rttm(text, "x.rttm")[recording]) == text


@pytest.mark.parametrize("aid", EPISODES)
def test_a_real_file_comes_out_byte_for_byte(aid: str) -> None:
    text = (FOLDER / f"{aid}.rttm").read_text(encoding="utf-8")
    found = read_rttm(text, "x.rttm")
    assert list(found) == [aid]
    assert write_rttm(aid, found[aid]) == text


def test_several_recordings_comments_and_other_line_types() -> None:
    text = (
        ";; made by hand\r\n\n"
        "SPKR-INFO B 1 <NA> <NA> <NA> unknown X <NA> <NA>\n"
        "SPEAKER B 1 1 2. <NA> <NA> X <NA> <NA>\r\n"
        "SPEAKER A 1 .5 1.0 <NA> <NA> Y <NA>\n"
    )
    assert read_rttm(text, "x") == {"B": (turn(1, 3, "X"),), "A": (turn(0.5, 1.5, "Y"),)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKERS A 1 0 1 <NA> <NA> X <NA> <NA>", "unknown line type 'SPEAKERS'"),
        ("SPEAKER A 1 0 1 <NA> <NA> X", "8 columns"),
        ("SPEAKER A 1 0 1 <NA> <NA> X <NA> <NA> <NA>", "11 columns"),
        ("SPEAKER A 1 zero 1 <NA> <NA> X <NA> <NA>", "start is not a number of seconds: 'zero'"),
        ("SPEAKER A 1 0 -1 <NA> <NA> X <NA> <NA>", "duration is not a number of seconds: '-1'"),
        ("SPEAKER A 1 nan 1 <NA> <NA> X <NA> <NA>", "start is not a number"),
        ("SPEAKER A 1 0 1_0 <NA> <NA> X <NA> <NA>", "duration is not a number"),
        ("SPEAKER A 1 0 " + "9" * 400 + " <NA> <NA> X <NA> <NA>", "duration is out of range"),
        ("SPEAKER A 1 0 1 <NA> <NA> <NA> <NA> <NA>", "no speaker"),
    ],
)
def test_an_error_names_file_and_line(line: str, message: str) -> None:
    good = "SPEAKER A 1 0 1 <NA> <NA> X <NA> <NA>\n"
    with pytest.raises(RttmError) as error:
        read_rttm(good + "\n" + line, "folder/one.rttm")
    assert str(error.value).startswith("folder/one.rttm:3: ")
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "<NA>", "a\u2028b"])
def test_a_name_that_would_not_read_back_is_not_written(name: str) -> None:
    with pytest.raises(RttmError):
        write_rttm("A", [turn(0, 1, name)])
    with pytest.raises(RttmError):
        write_rttm(name, [])


@pytest.mark.parametrize("seconds", [-0.1, math.inf, math.nan])
def test_a_time_that_is_none_is_not_written(seconds: float) -> None:
    with pytest.raises(RttmError, match="not a time"):
        write_rttm("A", [SpeechTurn(start=seconds, duration=1.0, speaker="X")])
