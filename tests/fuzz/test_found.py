"""What the fuzz run found, each with the input that did it; all of them are clear errors now."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.codec import CodecIdentity
from manifests.recorded import ShardDamaged, read_pairs
from manifests.small_tar import members
from pipelines.chat.reply import read_completion
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.sources.tar_members import ArchiveTruncated, TarReader
from schemas import Rejection, StageFacts
from tests.pipelines.sources import test_game_voice
from tests.pipelines.sources.archives import as_json, clip, good, read, reasons, row, write_tar
from tests.trainer.coded import CODEC
from trainer.errors import TrainerError
from trainer.listening.clips import read_clips
from trainer.metrics.measurement import read_measurements
from trainer.settings import load_settings
from trainer.stage_settings import SftSettings

DEEP = "[" * 100_000


def sized(content: bytes, size: bytes) -> bytes:
    """The first header of a tar with this size in it, and the checksum made right."""
    header = bytearray(content[:512])
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 256)
    return bytes(header) + content[512:]


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    return write_tar(tmp_path / "a.tar", good("EN_B00000_S00000_W000000")).read_bytes()


NEGATIVE, ENORMOUS = b"-1000", b"\x80" + b"\x7f" * 11


@pytest.mark.parametrize("size", [NEGATIVE, ENORMOUS])
def test_a_size_that_no_member_has(archive: bytes, size: bytes) -> None:
    """A negative one was read for ever, an enormous one was an OverflowError."""
    damaged = sized(archive, size)
    with pytest.raises(ArchiveTruncated, match="damaged header at byte 0"):
        list(TarReader(io.BytesIO(damaged)))
    with pytest.raises(tarfile.TarError):
        list(members(damaged))
    with pytest.raises((tarfile.TarError, OverflowError, ShardDamaged)):
        list(read_pairs(tarfile.open(fileobj=io.BytesIO(damaged), mode="r:")))


def test_a_size_of_thousands_of_digits_in_a_pax_record() -> None:
    record = b"5010 size=" + b"9" * 4999 + b"\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as made:
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, len(record)
        made.addfile(info, io.BytesIO(record))
        made.addfile(tarfile.TarInfo("a.json"))
    with pytest.raises(ArchiveTruncated):
        list(TarReader(io.BytesIO(buffer.getvalue())))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_long_name_whose_hundredth_character_is_a_slash(form: int) -> None:
    """It was taken for a folder, and the archive for damaged."""
    name, buffer = "EN_B00000/" * 12 + "a.json", io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        info = tarfile.TarInfo(name)
        info.size = 600
        made.addfile(info, io.BytesIO(bytes(600)))
    assert [(one.name, one.size) for one in TarReader(buffer)] == [(name, 600)]


@pytest.mark.parametrize(
    ("wav", "reason"),
    [
        ("a\0.mp3", "field_invalid"),
        ("x" * 5000 + ".mp3", "audio_missing"),
        ("gs://x/y.mp3", "member_unsafe"),
    ],
)
def test_a_path_that_no_file_has_costs_its_row_only(tmp_path: Path, wav: str, reason: str) -> None:
    """The first was a ValueError; the second ended the whole run."""
    rows = [row("EN_B00000_S00000_W000000", wav=wav), row("EN_B00000_S00000_W000001")]
    (tmp_path / "EN_B00000_S00000_W000001.mp3").write_bytes(clip())
    path = tmp_path / "EN_B00000.jsonl"
    path.write_bytes(b"\n".join(map(as_json, rows)))
    utterances, rejections = read(path)
    assert len(utterances) == 1
    assert list(reasons(rejections).values()) == [reason]


def test_a_number_that_took_the_process_down(tmp_path: Path) -> None:
    """The JSON parser's C code ends the process on a whole number of 4,301 digits."""
    whole = json.dumps({"a.wav": test_game_voice.entry()})
    text = whole[:-1] + f', "b.wav": {{"guid": {"9" * 5000}}}}}'
    folder = test_game_voice.write_dump(tmp_path, text, {"a.wav": test_game_voice.wav()})
    _, rejections = test_game_voice.read(folder)
    assert list(reasons(rejections).values()) == ["transcript_invalid"]
    assert "4300 digits" in rejections[0].detail


def test_a_parquet_page_that_is_damaged(tmp_path: Path) -> None:
    """An OSError ended the run; what came before the damaged rows is kept."""
    rows = [
        {"audio": {"bytes": test_game_voice.wav()}, "transcription": f"Line {n}.", "speaker": "Mei",
         "language": "English(US)", "ingame_filename": f"vo_{n}.wem"}
        for n in range(4)
    ]  # fmt: skip
    path = tmp_path / "lines.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", row_group_size=2)
    meta, content = pq.ParquetFile(path).metadata, bytearray(path.read_bytes())
    place = meta.row_group(1).column(1).data_page_offset
    content[place : place + 40] = b"\xff" * 40
    path.write_bytes(content)
    utterances, rejections = test_game_voice.read(path)
    assert len(utterances) == 2
    (rejection,) = rejections
    assert isinstance(rejection, Rejection) and "from row 2 on" in (rejection.detail or "")


def test_a_finish_reason_that_is_no_text() -> None:
    body = {"choices": [{"message": {"content": "{}"}, "finish_reason": ["stop"]}]}
    assert read_completion(json.dumps(body)).finish_reason is None


@pytest.mark.parametrize("text", [DEEP, json.dumps({"frame_rate": 10**400})])
def test_facts_of_folders_that_are_none(text: str) -> None:
    whole = json.loads(CODEC.to_json())
    other = text if text is DEEP else json.dumps(whole | json.loads(text))
    with pytest.raises(ValueError, match="not the identity"):
        CodecIdentity.from_json(other)
    with pytest.raises(ValueError, match="not the facts"):
        StageFacts.from_json(text)


@pytest.mark.parametrize(
    "text", ["a: 2001-99-99", "a: &a [*a]", "2001-01-01: 3", "a: " + DEEP[:3000]]
)
def test_yaml_that_is_no_settings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="x.yaml: not"):
        load_params(str(path))
    with pytest.raises(TrainerError, match="x.yaml: not"):
        load_settings(str(path), SftSettings)


def test_lines_that_are_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(DEEP)
    with pytest.raises(TrainerError, match="x.jsonl:1"):
        read_measurements(path)
    with pytest.raises(TrainerError, match="line 1 is nested"):
        read_clips(path)
