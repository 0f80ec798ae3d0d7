"""Tables of clips: three formats, one meaning, and a clear no to what is wrong."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.listening_kit.clips import write_rows
from trainer.errors import UsageError
from trainer.listening.clips import Clip, read_clips

ROW: dict[str, Any] = {
    "system": "s2",
    "task": "rp_audio_history",
    "language": "zh",
    "case": "c1",
    "audio": "a.wav",
    "text": '他说："走吧"\n然后走了',
    "profiles": ["Mara, dry", "Jon, loud"],
    "gold_low": 4.0,
    "gold_high": 5,
}
WANTED = Clip(**ROW | {"profiles": ("Mara, dry", "Jon, loud")})


def test_all_formats_give_the_same_clips(tmp_path: Path) -> None:
    jsonl = write_rows(tmp_path / "clips.jsonl", [ROW | {"wer": 3.1}])
    parquet = tmp_path / "clips.parquet"
    pq.write_table(pa.Table.from_pylist([ROW | {"wer": 3.1}]), parquet)
    table = tmp_path / "clips.csv"
    table.write_text(
        "system,task,language,case,audio,text,profiles,scene,gold_low,gold_high,wer\n"
        's2,rp_audio_history,zh,c1,a.wav,"他说：""走吧""\n然后走了",'
        '"Mara, dry\nJon, loud",,4,5,3.1\n',
        "utf-8",
    )
    for path in (jsonl, parquet, table):
        clips, unused = read_clips(path)
        assert clips == [WANTED], path
        assert unused == ("wer",)
    assert WANTED.is_gold and WANTED.key == ("rp_audio_history", "zh", "c1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "to_eazy"}, "row 1: task 'to_eazy' is none of to_easy"),
        ({"system": ""}, "row 1: system: String should have at least 1 character"),
        ({"case": 12}, "row 1: case: Input should be a valid string"),
        ({"audio": None}, "row 1: audio: Field required"),
        ({"gold_low": None}, "row 1: gold_low and gold_high are given both"),
        ({"gold_low": 6}, "row 1: gold_low and gold_high are given both, low first"),
        ({"profiles": "Mara"}, "row 1: profiles: Input should be a valid tuple"),
        ({"profiles": [1]}, "row 1: profiles: Input should be a valid string"),
    ],
)
def test_a_wrong_row_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "clips.jsonl", [ROW | changes])
    with pytest.raises(UsageError) as found:
        read_clips(path)
    assert f"{path} {message}" in str(found.value)


def test_a_clip_may_be_there_once(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "clips.jsonl", [ROW, ROW | {"audio": "b.wav"}])
    with pytest.raises(UsageError, match="row 2: s2 has case c1 of rp_audio_history zh already in"):
        read_clips(path)


@pytest.mark.parametrize("field", ["text", "instruction", "emotion", "scene", "reference"])
def test_raters_read_the_same_for_all_systems(field: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "clips.jsonl", [ROW, ROW | {"system": "s3", field: "other"}])
    with pytest.raises(UsageError, match=f"row 2: {field} of case c1 is not that of s2"):
        read_clips(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clips.txt", b"", "a table of clips ends in .jsonl, .csv, .parquet"),
        ("clips.jsonl", b"", "no row"),
        ("clips.jsonl", b"[1]\n", "line 1 is no object"),
        ("clips.jsonl", b"{\n", "cannot be read as jsonl"),
        ("clips.jsonl", b"\xff\xfe", "cannot be read as jsonl"),
        ("clips.parquet", b"PAR1no", "cannot be read as parquet"),
        ("clips.csv", b"system,task\na\n", "not as many cells as the header"),
        ("clips.csv", b"system,task\na,b,c\n", "not as many cells as the header"),
        ("clips.csv", b"system,gold_low\na,high\n", "could not convert string to float"),
    ],
)
def test_what_is_no_table_is_said(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError) as found:
        read_clips(path)
    assert str(path) in str(found.value) and message in str(found.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_clips(tmp_path / "none.jsonl")


def test_a_line_of_json_says_no_more_than_its_columns(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "clips.jsonl", [ROW])
    assert json.loads(path.read_text()) == ROW
    assert read_clips(path)[1] == ()
