"""Files appear whole or not at all, and temporary names are nobody's input."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import files
from pipelines.errors import UsageError


def test_a_file_appears_when_its_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.bin"
    with files.atomic_write(str(path)) as stream:
        stream.write(b"half")
        stream.flush()
        assert not path.exists()
        stream.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_error_leaves_nothing_and_the_old_file_as_it_was(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "file.bin"
    for before in (None, b"old"):
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(type(error)), files.atomic_write(str(path)) as stream:
            stream.write(b"new")
            raise error
        assert (path.read_bytes() if path.exists() else None) == before
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    files.write_text(str(path), "one")
    with path.open() as reader:
        files.write_text(str(path), "zwei — 二")
        assert reader.read() == "one"  # who has it open keeps what was there
    assert files.read_text(str(path)) == "zwei — 二"


def test_what_a_crash_left_is_not_listed_but_can_be_cleared(tmp_path: Path) -> None:
    for name in ("part-00001.parquet", "part-00000.parquet", "part-00002.parquet.0a1b.tmp"):
        (tmp_path / name).write_bytes(b"")
    pattern = str(tmp_path / "part-*")
    assert [Path(p).name for p in files.list_files(pattern)] == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    left = files.list_files(pattern, temporary=True)
    assert len(left) == 3
    files.delete([*left, str(tmp_path / "never there")])
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_matches_the_pattern_that_clears_it(tmp_path: Path) -> None:
    """So a part that a killed run left half-written goes when the stage runs again."""
    with files.atomic_write(str(tmp_path / "part-00000.parquet")):
        (left,) = tmp_path.iterdir()
        assert left.name.endswith(files.TEMPORARY_SUFFIX)
        assert files.list_files(str(tmp_path / "part-*.parquet*"), temporary=True) == [str(left)]


def test_two_writers_of_one_file_use_one_temporary_name(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        with files.atomic_write(str(tmp_path / "a")):
            names += [p.name for p in tmp_path.iterdir() if p.name != "a"]
    assert len(set(names)) == 1 and len(names) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: cannot be read: No such file"):
        files.open_read(str(tmp_path / "nowhere"))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8 text"):
        files.read_text(str(binary))


def test_compressed_bytes_come_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    with files.atomic_write(str(path)) as stream:
        stream.write(b"plain")
    with files.open_read(str(path)) as reader:
        assert reader.read() == b"plain"


def test_nothing_matches_where_there_is_no_folder(tmp_path: Path) -> None:
    assert files.list_files(str(tmp_path / "nowhere" / "*")) == []
    assert not files.exists(str(tmp_path / "nowhere"))
    files.make_folder(str(tmp_path / "a" / "b"))
    files.make_folder(str(tmp_path / "a" / "b"))
    assert files.exists(str(tmp_path / "a" / "b"))


def test_an_address_of_an_unknown_kind_is_a_usage_error() -> None:
    for call in (files.open_read, files.exists, files.list_files, files.make_folder):
        with pytest.raises(UsageError, match=r"^nothing://a/b: no file system"):
            call("nothing://a/b")
