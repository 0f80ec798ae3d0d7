from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manifests.checks import Damage
from manifests.emitted import NotEmitted
from manifests.shard_checks import MAX_KEPT
from manifests.validate import main, validate
from tests.manifests.corpus import UNANNOTATED, row, tone, write_facts, write_shards

AUDIO = tone(0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [(row(f"u{n}", AUDIO), AUDIO) for n in range(5)]
    rows.append((row("plain/5", AUDIO, **UNANNOTATED), AUDIO))
    write_shards(str(tmp_path), rows, 4)
    return tmp_path


def _cuts(folder: Path) -> list[dict[str, Any]]:
    path = folder / "shar" / "cuts.000000.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _custom(cut: dict[str, Any]) -> dict[str, Any]:
    custom: dict[str, Any] = cut["supervisions"][0]["custom"]
    return custom


def _edit_cuts(folder: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    cuts = _cuts(folder)
    edit(cuts)
    path = folder / "shar" / "cuts.000000.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(cut) + "\n" for cut in cuts).encode()))


def _edit_tar(folder: Path, edit: Callable[[list[tuple[str, bytes]]], object]) -> None:
    path = folder / "shar" / "recording.000000.tar"
    with tarfile.open(path) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]
    edit(members)
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_what_emit_wrote_is_valid(folder: Path) -> None:
    report = validate(str(folder), decode=1.0)
    assert report.ok and (report.cuts, report.shards, report.decoded) == (6, 2, 6)
    assert report.seconds == pytest.approx(3.0)
    assert str(report) == "valid: 6 cuts in 2 shards, 0.00 h, 6 decoded"


TUPLE: dict[str, object] = {"value": None}
TEMPLATE = TUPLE | {"chat_model": None, "reply_sha256": None}
SHIPPED = TEMPLATE | {"prompt_name": None, "prompt_sha256": None}
ORIGINS: dict[str, tuple[dict[str, object], set[str]]] = {  # origin -> a row's, what it must have
    "chat": ({}, {"value", "prompt_name", "prompt_sha256", "chat_model", "reply_sha256"}),
    "tuple": (TUPLE, {"prompt_name", "prompt_sha256", "chat_model", "reply_sha256"}),
    "template": (TEMPLATE, {"prompt_name", "prompt_sha256"}),
    "shipped": (SHIPPED, set()),
    "default": (UNANNOTATED, set()),
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_instruction_s_origin_says_what_must_be_known(origin: str, tmp_path: Path) -> None:
    fields, needed = ORIGINS[origin]
    write_shards(str(tmp_path), [(row("u0", AUDIO, **fields), AUDIO)], 4)
    assert validate(str(tmp_path)).ok
    (cut,) = _cuts(tmp_path)
    assert _custom(cut)["instruction_origin"] == origin
    provenance = {"value", "prompt_name", "prompt_sha256", "chat_model", "reply_sha256"}
    assert provenance & _custom(cut).keys() == needed
    for name in sorted(needed):
        _edit_cuts(tmp_path, lambda cuts, name=name: _custom(cuts[0]).pop(name))  # type: ignore[misc]
        report = validate(str(tmp_path))
        assert report.damages == {Damage.LINEAGE: 1} and name in str(report)
        _edit_cuts(tmp_path, lambda cuts: cuts.__setitem__(0, cut))


def test_labels_and_what_is_shipped_are_on_the_supervision(tmp_path: Path) -> None:
    labels = [
        {"name": "emotion", "value": "happy"},
        {"name": "emotion", "value": "surprised"},
        {"name": "gender", "value": "female"},
    ]
    rows = [
        (row("u0", AUDIO, labels=labels, description="Merry."), AUDIO),
        (row("u1", AUDIO), AUDIO),
        (row("u2", AUDIO) | {"training_set": "s1", "rejected_id": "u1", "origin": None}, AUDIO),
    ]
    write_shards(str(tmp_path), rows, 4)
    assert validate(str(tmp_path)).ok
    labelled, plain, prompt = (_custom(cut) for cut in _cuts(tmp_path))
    assert labelled["labels"] == {"emotion": ["happy", "surprised"], "gender": "female"}
    assert labelled["description"] == "Merry."
    assert not {"labels", "description", "training_set", "rejected_id"} & plain.keys()
    assert (prompt["training_set"], prompt["rejected_id"]) == ("s1", "u1")
    assert "origin" not in prompt


def test_without_reading_audio_all_else_is_checked(folder: Path) -> None:
    assert validate(str(folder), hash_audio=False).ok
    _edit_tar(folder, lambda members: members.__setitem__(2, ("u1.wav", AUDIO[:-2])))
    assert validate(str(folder), hash_audio=False).damages == {Damage.AUDIO: 1}


CUT_DAMAGE: dict[str, tuple[Callable[[list[dict[str, Any]]], object], Damage]] = {
    "empty instruction": (lambda c: _custom(c[1]).update(instruction="  "), Damage.INSTRUCTION),
    "no instruction": (lambda c: _custom(c[1]).pop("instruction"), Damage.INSTRUCTION),
    "no prompt hash": (lambda c: _custom(c[1]).pop("prompt_sha256"), Damage.LINEAGE),
    "bad reply hash": (lambda c: _custom(c[1]).update(reply_sha256="abc"), Damage.LINEAGE),
    "no value": (lambda c: _custom(c[1]).pop("value"), Damage.LINEAGE),
    "no origin": (lambda c: _custom(c[1]).pop("instruction_origin"), Damage.LINEAGE),
    "odd origin": (lambda c: _custom(c[1]).update(instruction_origin="me"), Damage.INSTRUCTION),
    "origin and default": (
        lambda c: _custom(c[1]).update(instruction_default=True),
        Damage.INSTRUCTION,
    ),
    "labels are a list": (lambda c: _custom(c[1]).update(labels=["sad"]), Damage.CUT),
    "an empty label": (lambda c: _custom(c[1]).update(labels={"emotion": ""}), Damage.CUT),
    "a list of one label": (lambda c: _custom(c[1]).update(labels={"a": ["b"]}), Damage.CUT),
    "no lineage": (lambda c: _custom(c[1]).pop("lineage"), Damage.LINEAGE),
    "no offset": (lambda c: _custom(c[1])["lineage"].pop("audio_offset"), Damage.LINEAGE),
    "no licence": (lambda c: _custom(c[1]).pop("licence"), Damage.LINEAGE),
    "no custom": (lambda c: c[1]["supervisions"][0].pop("custom"), Damage.CUT),
    "custom is a list": (lambda c: c[1]["supervisions"][0].update(custom=[]), Damage.LINEAGE),
    "too long": (lambda c: c[1]["supervisions"][0].update(duration=0.6), Damage.CUT),
    "too early": (lambda c: c[1]["supervisions"][0].update(start=-0.1), Damage.CUT),
    "empty": (lambda c: c[1]["supervisions"][0].update(duration=0.0), Damage.CUT),
    "no supervision": (lambda c: c[1].update(supervisions=[]), Damage.CUT),
    "two supervisions": (lambda c: c[1]["supervisions"].extend(c[0]["supervisions"]), Damage.CUT),
    "no text": (lambda c: c[1]["supervisions"][0].pop("text"), Damage.CUT),
    "other length": (lambda c: c[1].update(duration=0.4), Damage.CUT),
    "rate zero": (lambda c: c[1]["recording"].update(sampling_rate=0), Damage.CUT),
    "foreign key": (lambda c: c[1]["supervisions"][0].update(id="u9"), Damage.ID),
    "other recording": (lambda c: c[1]["recording"].update(type="x"), Damage.PAIRING),
    "order": (lambda c: c.reverse(), Damage.PAIRING),
    "one cut less": (lambda c: c.pop(), Damage.PAIRING),
    "one cut more": (lambda c: c.append(c[0]), Damage.PAIRING),
    "other hash": (
        lambda c: _custom(c[1])["lineage"].update(audio_sha256="0" * 64),
        Damage.AUDIO,
    ),
    "other size": (lambda c: _custom(c[1])["lineage"].update(audio_size=1), Damage.AUDIO),
}


@pytest.mark.parametrize("name", CUT_DAMAGE)
def test_damaged_cuts_are_found(folder: Path, name: str) -> None:
    edit, damage = CUT_DAMAGE[name]
    _edit_cuts(folder, edit)
    report = validate(str(folder), decode=1.0)
    assert damage in report.damages, str(report)
    assert report.problems[0].damage is damage or name in {"one cut less", "one cut more"}


TAR_DAMAGE: dict[str, tuple[Callable[[list[tuple[str, bytes]]], object], Damage]] = {
    "audio and its manifest vanished": (lambda m: m.__delitem__(slice(2, 4)), Damage.PAIRING),
    "audio vanished": (lambda m: m.pop(2), Damage.PAIRING),
    "last manifest vanished": (lambda m: m.pop(), Damage.FILES),
    "manifest first": (lambda m: m.__setitem__(slice(2, 4), [m[3], m[2]]), Damage.PAIRING),
    "a pair more": (lambda m: m.extend([("u9.wav", AUDIO), ("u9.json", b"{}")]), Damage.PAIRING),
    "no JSON": (lambda m: m.__setitem__(3, ("u1.json", b"{")), Damage.PAIRING),
    "other extension": (lambda m: m.__setitem__(2, ("u1.nodata", AUDIO)), Damage.PAIRING),
    "cut short": (lambda m: m.__setitem__(2, ("u1.wav", AUDIO[:-2])), Damage.AUDIO),
    "other bytes": (lambda m: m.__setitem__(2, ("u1.wav", tone(0.5, 9))), Damage.AUDIO),
}


@pytest.mark.parametrize("name", TAR_DAMAGE)
def test_damaged_tars_are_found(folder: Path, name: str) -> None:
    edit, damage = TAR_DAMAGE[name]
    _edit_tar(folder, edit)
    report = validate(str(folder))
    assert damage in report.damages, str(report)


@pytest.mark.parametrize("file", ["cuts.000000.jsonl.gz", "recording.000000.tar"])
@pytest.mark.parametrize("how", ["gone", "short", "garbage"])
def test_damaged_files_are_found(folder: Path, file: str, how: str) -> None:
    path = folder / "shar" / file
    if how == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if how == "short" else b"garbage" * 200)
    assert not validate(str(folder)).ok


def test_a_missing_shard_is_found(folder: Path) -> None:
    for path in (folder / "shar").glob("*.000000.*"):
        path.unlink()
    assert validate(str(folder)).damages == {Damage.FILES: 1, Damage.COUNT: 1}


def test_strangers_are_found(folder: Path) -> None:
    (folder / "shar" / "recording.000000.tar.tmp").touch()  # lhotse would take it for a shard
    assert validate(str(folder)).damages == {Damage.FILES: 1}


def test_ids_that_two_shards_share_are_found(tmp_path: Path) -> None:
    rows = [(row(name, AUDIO), AUDIO) for name in ("a", "b", "c", "b", "d", "a")]
    write_shards(str(tmp_path), rows, 2)
    report = validate(str(tmp_path))
    assert report.damages == {Damage.ID: 2}
    assert [problem.where.split("/")[-1] for problem in report.problems] == [
        "cuts.000001.jsonl.gz:2",
        "cuts.000002.jsonl.gz:2",
    ]


def test_audio_that_decodes_to_another_length_is_found(folder: Path) -> None:
    def lengthen(cuts: list[dict[str, Any]]) -> None:
        cuts[1]["recording"].update(num_samples=8001)
        cuts[1]["duration"] = 8001 / 16000

    _edit_cuts(folder, lengthen)
    _edit_tar(
        folder,
        lambda m: m.__setitem__(3, ("u1.json", m[3][1].replace(b": 8000", b": 8001"))),
    )
    assert validate(str(folder)).ok
    report = validate(str(folder), decode=1.0)
    assert report.damages == {Damage.AUDIO: 1} and "decodes to (8000" in str(report)


def test_a_sample_depends_on_the_ids_alone(folder: Path) -> None:
    counts = [validate(str(folder), decode=share).decoded for share in (0.0, 0.5, 0.5, 1.0)]
    assert counts[0] == 0 and 0 < counts[1] == counts[2] < 6 and counts[3] == 6


def test_other_numbers_than_stage_json(folder: Path) -> None:
    write_facts(str(folder), 7)
    assert validate(str(folder)).damages == {Damage.COUNT: 1}


def test_what_is_no_emitted_folder(folder: Path) -> None:
    write_facts(str(folder), 6, stage="select")
    with pytest.raises(NotEmitted, match="output of select"):
        validate(str(folder))
    (folder / "stage.json").write_text("{}")
    with pytest.raises(NotEmitted, match="run pipelines.emit again"):
        validate(str(folder))
    with pytest.raises(NotEmitted, match="stage.json is missing"):
        validate(str(folder / "shar"))


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--input", str(folder), "--decode", "1"]) == 0
    assert capsys.readouterr().out.startswith("valid: 6 cuts")
    _edit_cuts(folder, lambda cuts: [_custom(cut).update(instruction="") for cut in cuts])
    assert main(["--input", str(folder)]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "no instruction" in line and "and 3 more" in line
    assert main(["--input", str(folder / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(SystemExit) as bad:
        main(["--input", str(folder), "--decode", "2"])
    assert bad.value.code == 2


def test_only_the_first_problems_are_kept_but_all_are_counted(tmp_path: Path) -> None:
    rows = [(row(f"u{n}", AUDIO, instruction=" "), AUDIO) for n in range(MAX_KEPT + 5)]
    write_shards(str(tmp_path), rows, 100)
    report = validate(str(tmp_path))
    assert len(report.problems) == MAX_KEPT
    assert report.damages == {Damage.INSTRUCTION: MAX_KEPT + 5}
