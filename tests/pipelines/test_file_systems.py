"""Local files without Beam mean the same as Beam's own file system of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from pipelines import file_systems

NAMES = (
    "part-00000.parquet",
    "part-00001.parquet.0a1b2c3d.tmp",
    "part-1.parquet",
    "part-a.parquet",
    ".part-hidden.parquet",
    "PART-2.parquet",
    "part-new\nline.parquet",
    "other.txt",
    "[odd].txt",
    "part-folder.parquet/part-00000.parquet",
    "sub/part-00000.parquet",
    "sub/deep/part-00000.parquet",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of all kinds of names, and a link to nowhere."""
    for number, name in enumerate(NAMES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(number))
    (tmp_path / "part-link.parquet").symlink_to("nowhere")
    (tmp_path / "part-other.parquet").symlink_to("other.txt")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "part-*.parquet",
        "part-?.parquet",
        "part-[0-9].parquet",
        "part-[!0-9].parquet",
        "*",
        "*.parquet",
        ".*",
        "[odd.txt",
        "other.txt",
        "nothing.txt",
        "nothing*",
        "nowhere/*",
        "other.txt/*",
        "sub/*",
        "sub/",
        "**",
        "**/part-*.parquet",
        "**.parquet",
        "s*b/part-*",
        "part-folder.parquet/*",
    ],
)
def test_a_pattern_means_what_it_means_to_beam(folder: Path, pattern: str) -> None:
    full = f"{folder}/{pattern}"
    expected = FileSystems.match([full])[0].metadata_list
    found = {one.path: one.size for one in file_systems.match(full)}
    assert found == {str(one.path): one.size_in_bytes for one in expected}


def test_a_pattern_in_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    assert [one.path for one in file_systems.match("deep/part-*")] == ["deep/part-00000.parquet"]
    expected = [one.path for one in FileSystems.match(["part-*"])[0].metadata_list]
    assert [one.path for one in file_systems.match("part-*")] == expected


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    file_systems.make_folders(str(tmp_path / "a" / "b"))
    assert file_systems.exists(str(tmp_path / "a" / "b"))
    with pytest.raises(OSError, match="exists"):
        file_systems.make_folders(str(tmp_path / "a" / "b"))


def test_a_file_is_made_renamed_and_removed(tmp_path: Path) -> None:
    one, other = str(tmp_path / "new" / "one"), str(tmp_path / "new" / "other")
    for content in (b"first", b"second"):  # the second takes the place of the first
        with file_systems.create(one) as stream:
            stream.write(content)
        file_systems.rename(one, other)
        assert Path(other).read_bytes() == content
        assert not file_systems.exists(one)
    file_systems.delete([one, other])  # the first is not there any more
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"file"):
        file_systems.create(str(tmp_path / "file" / "one"))


def test_an_address_goes_through_beam() -> None:
    with pytest.raises(ValueError, match="nothing"):
        file_systems.check("nothing://a/b")
    file_systems.check("a/b")


def test_local_files_need_no_beam(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pipelines import files\n"
        "path = sys.argv[1] + '/folder/file.txt'\n"
        "files.write_text(path, 'here')\n"
        "assert files.list_files(sys.argv[1] + '/folder/*') == [path]\n"
        "assert files.read_text(path) == 'here'\n"
        "files.delete([path])\n"
        "assert not files.exists(path)\n"
        "assert 'apache_beam' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
