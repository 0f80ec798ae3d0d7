from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import files
from pipelines.audio_bytes import PARQUET_ROWS, AudioLost, AudioReader
from pipelines.audio_place import AudioPlace
from pipelines.errors import StageFailed
from schemas import Reason

CLIPS = {f"clip{n:03d}.mp3": random.Random(n).randbytes(100 + 37 * n) for n in range(50)}
CONTAINERS = ("file", "tar", "tar.gz", "parquet")


def _tar_places(path: Path, container: str) -> list[AudioPlace]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in CLIPS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    content = packed.getvalue()
    path.write_bytes(gzip.compress(content) if container == "tar.gz" else content)
    with tarfile.open(path) as tar:
        return [AudioPlace(str(path), container, m.name, m.offset_data, m.size) for m in tar]


def _parquet_places(path: Path) -> list[AudioPlace]:
    audio = [{"bytes": content, "path": name} for name, content in CLIPS.items()]
    table = pa.table({"audio": audio, "transcription": list(CLIPS)})
    pq.write_table(table, path, row_group_size=PARQUET_ROWS + 3)
    return [
        AudioPlace(str(path), "parquet", name, number, len(content))
        for number, (name, content) in enumerate(CLIPS.items())
    ]


@pytest.fixture(params=CONTAINERS)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> list[AudioPlace]:
    container = request.param
    if container == "parquet":
        return _parquet_places(tmp_path / "dump.parquet")
    if container != "file":
        return _tar_places(tmp_path / f"shard.{container}", container)
    made = []
    for name, content in CLIPS.items():
        (tmp_path / name).write_bytes(content)
        made.append(AudioPlace(str(tmp_path / name), "file", None, 0, len(content)))
    return made


@pytest.fixture
def reader() -> Iterator[AudioReader]:
    with AudioReader() as opened:
        yield opened


def test_the_bytes_come_back_in_order(places: list[AudioPlace], reader: AudioReader) -> None:
    assert [reader.read(place) for place in places] == list(CLIPS.values())


def test_and_in_any_order(places: list[AudioPlace], reader: AudioReader) -> None:
    expected = dict(zip(places, CLIPS.values(), strict=True))
    for place in random.Random(1).sample(places, len(places)) + places[:3]:
        assert reader.read(place) == expected[place]


def test_a_tar_gz_is_unpacked_once_when_read_in_order(
    tmp_path: Path, reader: AudioReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = _tar_places(tmp_path / "shard.tar.gz", "tar.gz")
    rewinds: list[object] = []
    monkeypatch.setattr(gzip.GzipFile, "rewind", rewinds.append)
    for place in places[::3]:
        reader.read(place)
    assert not rewinds


def test_few_archives_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [_tar_places(tmp_path / f"{n}.tar", "tar") for n in range(4)]
    opened: list[str] = []
    real = files.open_read

    def count(path: str) -> BinaryIO:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(files, "open_read", count)
    with AudioReader(max_open=2) as reader:
        for turn in range(3):
            reader.read(places[0][turn])
            reader.read(places[1][turn])
        assert len(opened) == 2
        reader.read(places[2][0])  # closes the one used least recently, 0
        reader.read(places[1][0])
        assert len(opened) == 3
        reader.read(places[0][0])
        assert len(opened) == 4


def test_a_file_that_vanished_is_a_rejection(tmp_path: Path, reader: AudioReader) -> None:
    place = AudioPlace(str(tmp_path / "a.mp3"), "file", None, 0, 10)
    with pytest.raises(AudioLost) as lost:
        reader.read(place)
    assert lost.value.reason is Reason.AUDIO_MISSING


def test_a_file_cut_short_is_a_rejection(tmp_path: Path, reader: AudioReader) -> None:
    (tmp_path / "a.mp3").write_bytes(b"123")
    with pytest.raises(AudioLost) as lost:
        reader.read(AudioPlace(str(tmp_path / "a.mp3"), "file", None, 0, 10))
    assert lost.value.reason is Reason.AUDIO_TRUNCATED


def test_a_folder_that_vanished_is_a_failure(tmp_path: Path, reader: AudioReader) -> None:
    with pytest.raises(StageFailed, match="cannot be read"):
        reader.read(AudioPlace(str(tmp_path / "unmounted" / "a.mp3"), "file", None, 0, 10))


@pytest.mark.parametrize("container", ["tar", "tar.gz"])
@pytest.mark.parametrize("damage", ["gone", "short", "other"])
def test_a_changed_tar_is_a_failure(
    tmp_path: Path, reader: AudioReader, container: str, damage: str
) -> None:
    path = tmp_path / f"shard.{container}"
    place = _tar_places(path, container)[-1]
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.write_bytes(b"something else")
    with pytest.raises(StageFailed, match=r"run ingest again$"):
        reader.read(place)


@pytest.mark.parametrize("damage", ["gone", "garbage", "no column", "null", "fewer rows"])
def test_a_changed_parquet_is_a_failure(tmp_path: Path, reader: AudioReader, damage: str) -> None:
    path = tmp_path / "dump.parquet"
    place = _parquet_places(path)[40]
    table = pq.read_table(path)
    if damage == "gone":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"garbage" * 100)
    elif damage == "no column":
        pq.write_table(table.drop(["audio"]), path)
    elif damage == "null":
        audio = [{"bytes": None, "path": "x"}] * 50
        pq.write_table(pa.table({"audio": pa.array(audio, table.schema.field("audio").type)}), path)
    else:
        pq.write_table(table.slice(0, 40), path)
    with pytest.raises(StageFailed, match="run ingest again"):
        reader.read(place)


def test_an_unknown_container_is_a_failure(reader: AudioReader) -> None:
    with pytest.raises(StageFailed, match="'zip' is none of file, tar, tar.gz, parquet"):
        reader.read(AudioPlace("a.zip", "zip", "m", 0, 1))
