"""Archives that are cut, that hold pickles, or whose members lead elsewhere: nothing gets out."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.sources.queen_package import MAX_UNPACKED_BYTES
from tests.e2e.workplace import KEY, ROOT, contents
from tests.faults.corpus import (
    RATE,
    SOURCE,
    WillingServer,
    both,
    chain,
    encoded,
    name_of,
    rejections,
    rows,
    serving,
    tone,
    valid,
    workplace_of,
)
from tests.pipelines.media_files import noise
from tests.pipelines.sources.archives import Member, as_json, special
from tests.pipelines.sources.labelled.dumps_emotions import write_esd
from tests.pipelines.sources.labelled.ingesting import ingest

CLIP = encoded(tone(1.0))
OUTSIDE = encoded(tone(1.0, level=0.1))  # the clip that no archive may reach


class Bomb:
    """What leaves a file behind where somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", KEY)


def test_the_bomb_goes_off_where_somebody_unpickles_it(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))  # noqa: S301
    assert (tmp_path / "mark").exists()


def test_a_pickle_in_an_archive_is_never_opened(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    bomb = pickle.dumps(Bomb(mark))
    with_bomb = both(2, bomb, 1.0)
    members: list[Member] = [
        *both(0, CLIP, 1.0),
        (f"{name_of(1)}.json", bomb),
        (f"{name_of(1)}.wav", CLIP),
        *with_bomb,
        ("weights.pkl", bomb),
        ("codes.npy", b"\x93NUMPY\x01\x00" + bomb),
        ("archive/data.pkl", bomb),
        *both(3, CLIP, 1.0),
    ]
    with serving(WillingServer()) as url:
        work = workplace_of(tmp_path, url, members, {0: "A talk", 3: "Another talk"})
        chain(work, "ingest", "annotate", "select", "emit")
    lost = {one.record_id: one.reason.value for one in rejections(work, "ingest")}
    assert lost == {name_of(1): "transcript_invalid", name_of(2): "audio_unreadable"}
    assert [row["id"] for row in rows(work, "select")] == [name_of(0), name_of(3)]
    assert valid(work)
    assert not mark.exists()


def test_members_that_lead_elsewhere_reach_no_file_and_write_none(tmp_path: Path) -> None:
    (tmp_path / "outside.wav").write_bytes(OUTSIDE)
    outside = str(tmp_path / "outside")
    (text, _) = both(5, CLIP, 1.0)
    hostile: list[Member] = []
    for stem in ("../outside", outside, "a/../../../outside", "..\\outside"):
        hostile.append((f"{stem}.json", as_json({"id": "evil"})))
    hostile.append(special(f"{name_of(4)}.wav", tarfile.SYMTYPE, f"{outside}.wav"))
    hostile.append(special(f"{name_of(4)}.json", tarfile.LNKTYPE, "/etc/passwd"))
    hostile += [text, special(f"{name_of(5)}.wav", tarfile.SYMTYPE, "../outside.wav")]
    # A good clip whose own id would lead out of the folder that emit writes.
    name, payload = both(6, CLIP, 1.0)[0]  # type: ignore[misc]
    climbing = payload.replace(name_of(6).encode() + b'", "wav', b'../../../climbed", "wav')
    assert climbing != payload
    good = [*both(0, CLIP, 1.0), (name, climbing), both(6, CLIP, 1.0)[1], *both(1, CLIP, 1.0)]
    with serving(WillingServer()) as url:
        work = workplace_of(tmp_path, url, [*good, *hostile], {0: "A talk", 1: "A tale"})
        before = set(contents(tmp_path))
        chain(work, "ingest", "annotate", "select", "emit")
    lost = rejections(work, "ingest")
    assert {one.reason.value for one in lost} == {"member_unsafe"}
    assert {one.record_id for one in lost} == {"outside", "..\\outside", name_of(4), name_of(5)}
    assert valid(work)
    written = set(contents(tmp_path)) - before
    assert all(path.startswith(("work/data/", "work/journals/")) for path in written)
    for path in (work.data / SOURCE / "emit").rglob("*.tar"):
        with tarfile.open(path) as archive:
            assert not [one for one in archive if "/" in one.name or one.name in (".", "..")]
        assert OUTSIDE[:2000] not in path.read_bytes()


@pytest.mark.parametrize("share", [0.2, 0.55, 0.9])
@pytest.mark.parametrize("packed", [False, True], ids=["tar", "tar.gz"])
def test_a_tar_cut_in_the_middle_loses_its_end_and_nothing_else(
    tmp_path: Path, share: float, packed: bool
) -> None:
    clips = [encoded(noise(1.0, RATE, seed=number)) for number in range(12)]  # gzip gains nothing
    members = [member for number, clip in enumerate(clips) for member in both(number, clip, 1.0)]
    work = workplace_of(tmp_path, "http://127.0.0.1:9/v1", members)
    archive = tmp_path / "EN-B000000.tar"
    content = archive.read_bytes()
    whole = gzip.compress(content, mtime=0) if packed else content
    archive.write_bytes(whole[: int(len(whole) * share)])
    chain(work, "ingest")
    kept = [row["id"] for row in rows(work, "ingest")]
    assert kept == [name_of(number) for number in range(len(kept))]  # a head of the archive
    assert 0 < len(kept) < 12
    (lost,) = rejections(work, "ingest")
    assert lost.reason.value == "archive_truncated"
    assert "EN-B000000.tar" in lost.location
    archive.write_bytes(whole)  # downloaded anew: the same command has them all, once
    chain(work, "ingest")
    assert [row["id"] for row in rows(work, "ingest")] == [name_of(number) for number in range(12)]


def _package(path: Path, members: list[Member], size: bytes | None = None) -> Path:
    """A Debian package with these members; `size` stands where the first part's length does."""
    return _packed(path, _data(members), size)


def _data(members: list[Member]) -> bytes:
    payload = io.BytesIO()
    with tarfile.open(fileobj=payload, mode="w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return payload.getvalue()


def _packed(path: Path, data: bytes, size: bytes | None = None) -> Path:
    content = b"!<arch>\n"
    parts = ((b"debian-binary", b"2.0\n"), (b"data.tar.gz", data))
    for name, part in parts:
        stated = size if size is not None and name == b"debian-binary" else b"%d" % len(part)
        content += b"%-16s%-12d%-6d%-6d%-8s%-10s`\n" % (name, 0, 0, 0, b"100644", stated)
        content += part + b"\n" * (len(part) % 2)
    path.write_bytes(content)
    return path


_DOC = "./usr/share/doc/flight-of-the-amazon-queen"
_HOSTILE: dict[str, tuple[list[Member], bytes | None]] = {
    "climbs": ([("../../../queen.1c", b"x"), (f"../../{_DOC}/copyright", b"evil")], None),
    "absolute": ([("/tmp/queen.1c", b"x")], None),  # noqa: S108
    "a link": ([special("./queen.1c", tarfile.SYMTYPE, "/etc/passwd")], None),
    "a hard link": ([special("./queen.1c", tarfile.LNKTYPE, "/etc/passwd")], None),
    "a device": ([special("./queen.1c", tarfile.CHRTYPE)], None),
    "a bomb": ([("./queen.1c", pickle.dumps(Bomb(Path("mark"))))], None),
    "bad gzip": ([(f"{_DOC}/readme.txt.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 50)], None),
    "a text without end": ([(f"{_DOC}/readme.txt.gz", gzip.compress(bytes(1 << 21)))], None),
    "a length below 0": ([("./queen.1c", b"x")], b"-60"),
    "a length that is huge": ([("./queen.1c", b"x")], b"9" * 10),
}


@pytest.mark.parametrize("what", sorted(_HOSTILE))
def test_a_hostile_debian_package_is_one_error_and_writes_nothing(
    tmp_path: Path, what: str
) -> None:
    package = _package(tmp_path / "queen.deb", *_HOSTILE[what])
    _refused_by_fetch(package, tmp_path)
    assert not (ROOT / "mark").exists()


@pytest.mark.parametrize("kind", ["a file", "the name of a file"])
def test_a_debian_package_that_unpacks_to_anything_is_one_error(tmp_path: Path, kind: str) -> None:
    """300 KB that would be 300 MB: of a member's content, or of what tarfile reads for its name."""
    info = tarfile.TarInfo("./queen.1c")
    info.size = 300 << 20
    info.type = tarfile.REGTYPE if kind == "a file" else tarfile.XHDTYPE
    member = gzip.compress(info.tobuf()) + 300 * gzip.compress(bytes(1 << 20))
    said = _refused_by_fetch(_packed(tmp_path / "queen.deb", member), tmp_path)
    assert f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes" in said


def _refused_by_fetch(package: Path, tmp_path: Path) -> str:
    before = contents(tmp_path)
    given = ["--source", "game_voice", "--input", str(package), "--output", str(tmp_path / "out")]
    command = [sys.executable, "-m", "pipelines.fetch", *given]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"error: {package}: ")
    assert "root:" not in line  # of /etc/passwd
    assert contents(tmp_path) == before
    return line


def test_links_in_a_folder_bring_nothing_in(tmp_path: Path) -> None:
    """Links are the user's own to set; what they lead to has to be a clip all the same."""
    secret = b"root:secret:0:0\n" * 300
    (tmp_path / "secret").write_bytes(secret)
    write_esd(tmp_path / "raw")
    clips = sorted((tmp_path / "raw").rglob("*.wav"))
    targets = {clips[0]: tmp_path / "secret", clips[1]: tmp_path / "gone", clips[2]: tmp_path}
    for clip, target in targets.items():
        clip.unlink()
        clip.symlink_to(target)
    found = ingest(tmp_path, {"kind": "esd", "input": [str(tmp_path / "raw")]})
    assert found.facts.rows_in == found.facts.rows_out + 3
    assert [found.reasons[clip.stem] for clip in clips[:3]] == [
        *("audio_unreadable", "audio_missing", "audio_missing"),
    ]
    for content in contents(tmp_path / "out").values():
        assert b"root:" not in content
