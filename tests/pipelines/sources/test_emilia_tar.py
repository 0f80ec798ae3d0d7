from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import StageFailed
from pipelines.sources.tar_members import ArchiveTruncated, TarReader
from tests.pipelines.sources.archives import (
    Member,
    as_json,
    clip,
    good,
    read,
    reasons,
    row,
    special,
    write_tar,
)

A, B, C = "EN_B00000_S00000_W000000", "EN_B00000_S00000_W000001", "EN_B00000_S00001_W000000"


@given(order=st.permutations([*good(A), *good(B), *good(C)]))
@settings(max_examples=25, deadline=None)
def test_members_may_come_in_any_order(
    order: list[Member], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_tar(tmp_path_factory.mktemp("tar") / "EN-B000000.tar", order)
    utterances, rejections = read(path)
    assert sorted(utterance.id for utterance in utterances) == [A, B, C]
    assert not rejections


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]
)
def test_offsets_agree_with_the_standard_library(tmp_path: Path, tar_format: int) -> None:
    path = tmp_path / "long.tar"
    prefix = "x" * 90 + "/" + "é" * 20
    with tarfile.open(path, "w", format=tar_format) as archive:
        for name in (f"{prefix}/{A}.json", f"{prefix}/{A}.mp3", f"{A}.txt"):
            info = tarfile.TarInfo(name)
            info.mtime = 1.5 if tar_format == tarfile.PAX_FORMAT else 1  # forces a pax header
            archive.addfile(info)
    with path.open("rb") as stream:
        ours = [(member.name, member.offset) for member in TarReader(stream)]
    with tarfile.open(path) as archive:
        assert ours == [(member.name, member.offset_data) for member in archive]


def test_gzip_with_path_prefixes(tmp_path: Path) -> None:
    members: list[Member] = [
        (f"third/party/{name}", payload)
        for name, payload in (member for member in good(A) if isinstance(member, tuple))
    ]
    path = write_tar(tmp_path / "EN.tar.gz", members, "w:gz")
    (utterance,), rejections = read(path)
    assert not rejections
    assert (utterance.audio_container, utterance.audio_member) == ("tar.gz", f"third/party/{A}.mp3")
    unpacked = gzip.decompress(path.read_bytes())
    assert unpacked[utterance.audio_offset :][: utterance.audio_size] == clip()


def test_an_archive_of_the_folder_layout(tmp_path: Path) -> None:
    lines = as_json(row(A, wav=f"EN_B00000/{A}.mp3")) + b"\n[1]\n" + as_json(row(B)) + b"\n"
    members: list[Member] = [("EN/EN_B00000.jsonl", lines), (f"EN/EN_B00000/{A}.mp3", clip())]
    utterances, rejections = read(write_tar(tmp_path / "a.tar.gz", members, "w:gz"))
    assert [utterance.id for utterance in utterances] == [A]
    assert reasons(rejections) == {
        B: "audio_missing",
        "EN/EN_B00000.jsonl:2": "transcript_invalid",
    }


@pytest.mark.parametrize(
    ("hostile", "record_id"),
    [
        ([("../evil.json", b"{}"), ("../evil.mp3", clip())], "evil"),
        ([("/etc/evil.mp3", clip())], "evil"),
        ([("a/../../evil.json", b"{}")], "evil"),
        ([special("passwd", tarfile.SYMTYPE, "/etc/passwd")], "passwd"),
        (
            [
                ("evil.json", as_json(row("evil", speaker="x"))),
                special("evil.mp3", tarfile.LNKTYPE, "x"),
            ],
            "evil",
        ),
        ([special("evil.json", tarfile.FIFOTYPE), ("evil.mp3", clip())], "evil"),
        ([special("null.mp3", tarfile.CHRTYPE)], "null"),
    ],
)
def test_hostile_members_are_rejected_once(
    tmp_path: Path, hostile: list[Member], record_id: str
) -> None:
    utterances, rejections = read(write_tar(tmp_path / "a.tar", [*good(A), *hostile, *good(B)]))
    assert [utterance.id for utterance in utterances] == [A, B]
    assert reasons(rejections) == {record_id: "member_unsafe"}
    assert len(rejections) == 1


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_cut_archive_keeps_what_can_be_read(tmp_path: Path, mode: str) -> None:
    path = write_tar(tmp_path / "a.tar", [*good(A), *good(B)], "w")
    content = path.read_bytes()
    with path.open("rb") as stream:
        last = list(TarReader(stream))[-1]
    for cut in (
        last.offset + 100,  # inside the last clip
        last.offset - 100,  # inside its header
        last.offset - 512,  # right before it
    ):
        short = content[:cut]
        if mode == "w:gz":
            short = gzip.compress(short)
        path.write_bytes(short)
        utterances, rejections = read(path)
        assert [utterance.id for utterance in utterances] == [A]
        assert reasons(rejections) == {B: "archive_truncated"}
        assert len(rejections) == 1


def test_a_cut_gzip_stream(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", [*good(A), *good(B)], "w:gz")
    path.write_bytes(path.read_bytes()[:-30])
    utterances, rejections = read(path)
    assert utterances[0].id == A
    assert [rejection.reason.value for rejection in rejections] == ["archive_truncated"]


@pytest.mark.parametrize("content", [b"", b"not a tar" * 200, b"\x1f\x8bnot gzip"])
def test_a_file_that_is_no_archive_is_one_rejection(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    utterances, rejections = read(path)
    assert not utterances
    assert reasons(rejections) == {str(path): "archive_truncated"}


@given(content=st.binary(max_size=3000))
@settings(deadline=None)
def test_random_bytes_raise_only_the_reader_s_own_error(content: bytes) -> None:
    import io

    for start in (b"", b"\x1f\x8b\x08\0\0\0\0\0\0\0"):
        try:
            list(TarReader(io.BytesIO(start + content)))
        except ArchiveTruncated:
            continue


@pytest.mark.parametrize(
    ("changes", "reason", "named"),
    [
        ({"id": ...}, "field_invalid", "id"),
        ({"speaker": ...}, "field_invalid", "speaker"),
        ({"speaker": 7}, "field_invalid", "speaker"),
        ({"duration": "3.2"}, "field_invalid", "duration"),
        ({"duration": True}, "field_invalid", "duration"),
        ({"duration": -1}, "field_invalid", "duration"),
        ({"language": None}, "field_invalid", "language"),
        ({"text": ["a"]}, "field_invalid", "text"),
        ({"dnsmos": "good"}, "field_invalid", "dnsmos"),
        ({"text": "  "}, "text_empty", "no words"),
        ({"text": "... !"}, "text_empty", "no words"),
        ({"language": "english"}, "language_unknown", "english"),
        ({"duration": 0.9}, "duration_mismatch", "1.200"),
        ({"duration": 1.5}, "audio_truncated", "1.200"),
    ],
)
def test_fields_are_checked(
    tmp_path: Path, changes: dict[str, Any], reason: str, named: str
) -> None:
    members: list[Member] = [(f"{A}.json", as_json(row(A, **changes))), (f"{A}.mp3", clip())]
    utterances, rejections = read(write_tar(tmp_path / "a.tar", members))
    assert not utterances
    assert reasons(rejections) == {A: reason}
    assert named in rejections[0].detail


def test_optional_fields_and_the_other_spelling_of_the_id(tmp_path: Path) -> None:
    fields = row(A, id=None, _id=A, dnsmos=None, wav=..., language="EN", phone_count=3)
    members: list[Member] = [(f"{A}.mp3", clip()), (f"{A}.json", as_json(fields))]
    (utterance,), _ = read(write_tar(tmp_path / "a.tar", members))
    assert (utterance.id, utterance.dnsmos, utterance.language) == (A, None, "en")


def test_the_first_good_one_of_an_id_is_kept(tmp_path: Path) -> None:
    broken: list[Member] = [(f"{A}.json", b"{"), (f"{A}.mp3", clip())]
    again: list[Member] = [(f"{A}.json", as_json(row(A, text="again")))]
    utterances, rejections = read(
        write_tar(tmp_path / "a.tar", [*broken, *good(A), *good(A), *again, (f"{A}.mp3", b"")])
    )
    assert [utterance.text for utterance in utterances] == ["Good morning."]
    assert [rejection.reason.value for rejection in rejections] == [
        "transcript_invalid",
        "duplicate_id",
        "duplicate_id",
    ]


def test_more_waiting_members_than_allowed_fail_with_a_way_out(tmp_path: Path) -> None:
    members: list[Member] = [(f"{number}.mp3", clip(3)) for number in range(20)]
    with pytest.raises(StageFailed, match="raise pending_limit"):
        read(write_tar(tmp_path / "a.tar", members), pending_limit=10)


def test_what_is_no_utterance_is_left_alone(tmp_path: Path) -> None:
    other: list[Member] = [("README.md", b"hello"), (f"._{A}.mp3", b"apple"), special("d", b"5")]
    utterances, rejections = read(write_tar(tmp_path / "a.tar", [*other, *good(A)]))
    assert (len(utterances), len(rejections)) == (1, 0)
