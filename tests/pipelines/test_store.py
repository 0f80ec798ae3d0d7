"""Results by content: whole or not at all, found again, and nobody's lock."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from pipelines import files
from pipelines.errors import UsageError
from pipelines.store import Store, file_sha256, result_key

KEY = "ab" * 32


def test_a_result_is_found_once_it_is_whole(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert store.find(KEY, ".flac") is None
    with store.write(KEY, ".flac") as stream:
        stream.write(b"half")
        assert store.find(KEY, ".flac") is None
    found = store.find(KEY, ".flac")
    assert found == store.path(KEY, ".flac") == f"{tmp_path}/ab/{KEY}.flac"
    assert Path(found).read_bytes() == b"half"
    assert store.find(KEY, ".json") is None


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(RuntimeError, match="stop"), store.write(KEY, ".flac") as stream:
        stream.write(b"half")
        raise RuntimeError("stop")
    assert store.find(KEY, ".flac") is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_killed_writer_left_is_not_a_result(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    left = Path(store.path(KEY, ".flac") + ".0badc0de" + files.TEMPORARY_SUFFIX)
    left.parent.mkdir()
    left.write_bytes(b"half")
    assert store.find(KEY, ".flac") is None
    assert files.list_files(f"{tmp_path}/ab/*") == []
    with store.write(KEY, ".flac") as stream:
        stream.write(b"whole")
    assert Path(store.path(KEY, ".flac")).read_bytes() == b"whole"


def test_two_writers_of_one_result_do_not_disturb_each_other(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    content = os.urandom(1 << 16)
    begun, done = threading.Event(), threading.Event()

    def other() -> None:
        with store.write(KEY, ".flac") as stream:
            stream.write(content[: 1 << 10])
            stream.flush()
            begun.set()
            assert done.wait(30)
            stream.write(content[1 << 10 :])

    writer = threading.Thread(target=other)
    writer.start()
    assert begun.wait(30)
    with store.write(KEY, ".flac") as stream:
        stream.write(content)
    assert Path(store.path(KEY, ".flac")).read_bytes() == content, "while the other is half done"
    done.set()
    writer.join(30)
    assert Path(store.path(KEY, ".flac")).read_bytes() == content
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        Path(store.path(KEY, ".flac"))
    ]


def test_the_key_tells_apart_what_differs_and_nothing_else() -> None:
    made_by = {"model": "a", "chunk_s": 30.0}
    key = result_key(made_by, {"sha256": "1"})
    assert key == result_key({"chunk_s": 30.0, "model": "a"}, {"sha256": "1"})
    others = [
        result_key({**made_by, "chunk_s": 20.0}, {"sha256": "1"}),
        result_key(made_by, {"sha256": "2"}),
        result_key({**made_by, "more": None}, {"sha256": "1"}),
        result_key({}, {**made_by, "sha256": "1"}),
    ]
    assert len({key, *others}) == 5
    assert all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in (key, *others))


def test_the_key_of_what_is_not_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        result_key({"model": object()}, {})


def test_a_files_hash_follows_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for number, content in enumerate((b"one", b"two", b"")):
        path.write_bytes(content)
        os.utime(path, ns=(number, number))  # the clocks of some file systems are coarse
        assert file_sha256(str(path)) == hashlib.sha256(content).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing: cannot be read: No such file"):
        file_sha256(str(tmp_path / "missing"))
