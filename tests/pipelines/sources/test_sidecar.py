from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.sources.sidecar import Sidecar, SidecarRow
from tests.pipelines.sources.archives import as_json, clip, read, row, write_tar


def test_rows_of_several_files_the_first_one_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(b'{"source_id": "a", "title": "A", "tags": ["x"]}\n\n{"source_id": "b"}\n')
    two.write_bytes(b'{"source_id": "a", "title": "late"}\n{"source_id": "c", "title": null}')
    sidecar = Sidecar([str(one), str(two)])
    assert len(sidecar) == 4
    assert sidecar.find("a") == SidecarRow("A", ("x",))
    assert sidecar.find("b") == sidecar.find("c") == SidecarRow(None, ())
    assert sidecar.find("d") is None


def test_many_rows_are_all_found(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"source_id": "s{n}", "title": "t{n}"}}\n' for n in range(5000)))
    sidecar = Sidecar([str(path)])
    for number in range(0, 5000, 7):
        assert sidecar.find(f"s{number}") == SidecarRow(f"t{number}", ())
    assert sidecar.find("s5000") is None


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"source_id": 1}',
        '{"source_id": "a", "title": 1}',
        '{"source_id": "a", "tags": "x"}',
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"source_id": "a"}}\n{line}\n')
    with pytest.raises(UsageError, match=r"bad\.jsonl line 2: "):
        Sidecar([str(path)])


@pytest.mark.parametrize("video", ["dQw4w9WgXcQ", "-_a_b-c_d-_", "_W000001_W0"])
def test_youtube_ids_with_underscores_and_dashes(tmp_path: Path, video: str) -> None:
    utterance_id = f"EN_{video}_W000007"
    sidecar = tmp_path / "metadata.jsonl"
    sidecar.write_bytes(as_json({"source_id": video, "title": "found", "tags": []}))
    fields = row(utterance_id, speaker=f"EN_{video}")
    members = [(f"{utterance_id}.json", as_json(fields)), (f"{utterance_id}.mp3", clip())]
    (utterance,), _ = read(write_tar(tmp_path / "a.tar", members), [sidecar])
    assert (utterance.source_id, utterance.title) == (video, "found")
