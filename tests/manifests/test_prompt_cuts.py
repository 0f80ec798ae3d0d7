"""Prompts without speech as shards: what Lhotse reads of them, and what is found wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from lhotse import CutSet

from manifests.checks import Damage
from manifests.prompt_cuts import are_prompts, prompt_cut, read_prompts
from manifests.recorded import ShardDamaged
from manifests.validate import main, validate
from tests.trainer.prompts import prompt_row, prompts, write_prompts


def cuts_of(folder: Path) -> Path:
    return folder / "shar" / "cuts.000000.jsonl.gz"


def edit(folder: Path, **changes: Any) -> None:  # noqa: ANN401
    """Changes the first cut: fields of the cut, of its supervision, of the custom fields."""
    lines = gzip.decompress(cuts_of(folder).read_bytes()).splitlines()
    cut = json.loads(lines[0])
    (supervision,) = cut["supervisions"]
    for where in (cut, supervision, supervision["custom"]):
        where.update({name: value for name, value in changes.items() if name in where})
    cut.update({name: value for name, value in changes.items() if name == "recording"})
    content = b"\n".join([json.dumps(cut).encode(), *lines[1:]]) + b"\n"
    cuts_of(folder).write_bytes(gzip.compress(content))


def test_lhotse_reads_what_was_written(tmp_path: Path) -> None:
    row = prompt_row("s3-en-1", attributes=("pitch", "speed"), origin="features")
    write_prompts(tmp_path, [row, prompt_row("s3-zh-2", language="zh", text="好。")])
    cuts = list(CutSet.from_shar(in_dir=tmp_path / "shar"))
    assert [cut.id for cut in cuts] == ["s3-en-1", "s3-zh-2"]
    assert not any(cut.has_recording for cut in cuts) and cuts[0].duration == 0
    (supervision,) = cuts[0].supervisions
    assert (supervision.text, supervision.language) == (row["text"], "en")
    assert supervision.custom["instruction"] == row["instruction"]
    assert supervision.custom["attributes"] == ["pitch", "speed"]
    as_lhotse = cuts[0].to_dict()
    del as_lhotse["custom"]  # where from-shar was
    assert as_lhotse == prompt_cut(row)


def test_two_writes_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        prompts(tmp_path / name, 9)
    for path in sorted((tmp_path / "a" / "shar").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / "shar" / path.name).read_bytes()


def test_a_whole_folder_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts(tmp_path, 9)
    assert are_prompts(str(tmp_path)) and not are_prompts(str(tmp_path / "shar"))
    report = validate(str(tmp_path))
    assert report.ok and (report.cuts, report.supervisions, report.shards) == (9, 9, 3)
    assert main(["--input", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "valid: 9 cuts in 3 shards, 0.00 h, 0 decoded\n"


@pytest.mark.parametrize(
    ("changes", "damage", "said"),
    [
        ({"instruction": " "}, Damage.INSTRUCTION, "no instruction"),
        ({"text": ""}, Damage.CUT, "has no text"),
        ({"language": None}, Damage.CUT, "has no language"),
        ({"duration": 1.5}, Damage.CUT, "no recording and lasts 0 s"),
        ({"recording": {"id": "x"}}, Damage.CUT, "no recording and lasts 0 s"),
        ({"id": "other/name"}, Damage.ID, "is not the key of"),
        ({"origin": "sampled"}, Damage.LINEAGE, "missing: utterance_source, utterance_id, licence"),
        ({"reply_sha256": "12"}, Damage.LINEAGE, "reply_sha256 is not a SHA-256"),
        ({"supervisions": []}, Damage.CUT, "not a cut without recording and with one supervision"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_named(
    tmp_path: Path, changes: dict[str, Any], damage: Damage, said: str
) -> None:
    prompts(tmp_path, 3)
    edit(tmp_path, **changes)
    report = validate(str(tmp_path))
    assert report.damages[damage] >= 1
    first = report.problems[0]
    assert said in str(first) and first.where == f"{cuts_of(tmp_path)}:1"
    with pytest.raises(ShardDamaged, match=r"cuts\.000000\.jsonl\.gz:1: "):
        list(read_prompts(str(cuts_of(tmp_path))))


def test_what_is_wrong_with_the_folder_is_named(tmp_path: Path) -> None:
    rows = [prompt_row("a"), prompt_row("a")]
    write_prompts(tmp_path / "twice", rows)
    assert validate(str(tmp_path / "twice")).damages == {Damage.ID: 1}
    prompts(tmp_path / "audio", 3)
    (tmp_path / "audio" / "shar" / "recording.000000.tar").write_bytes(b"")
    assert "audio of prompts, which have none" in str(validate(str(tmp_path / "audio")))
    prompts(tmp_path / "cut", 3)
    whole = cuts_of(tmp_path / "cut").read_bytes()
    cuts_of(tmp_path / "cut").write_bytes(whole[:-20])
    assert validate(str(tmp_path / "cut")).damages[Damage.FILES] == 1
    with pytest.raises(ShardDamaged, match="after line"):
        list(read_prompts(str(cuts_of(tmp_path / "cut"))))
    prompts(tmp_path / "few", 9)
    (tmp_path / "few" / "shar" / "cuts.000002.jsonl.gz").unlink()
    assert validate(str(tmp_path / "few")).damages == {Damage.COUNT: 1}
