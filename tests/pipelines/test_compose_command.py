from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import compose
from schemas import Label, Utterance, table_of
from tests.records import uncounted, utterance

EMOTIONS = ("neutral", "happy", "angry", "sad", "surprised", "disgusted")


def spoken(source: str, speakers: int, sentences: int, language: str = "en") -> list[Utterance]:
    """Every speaker says every sentence in every emotion."""
    return [
        utterance(
            id=f"{source}_{speaker}_{line}_{emotion}",
            source=source,
            speaker=f"{speaker}",
            language=language,
            text=f"Line {line}.",
            labels=(Label("emotion", emotion),),
        )
        for speaker in range(speakers)
        for line in range(sentences)
        for emotion in EMOTIONS
    ]


def write_stage(folder: Path, parts: Sequence[Sequence[Utterance]]) -> None:
    """A folder as a finished stage leaves it."""
    folder.mkdir(parents=True)
    for number, rows in enumerate(parts):
        pq.write_table(table_of(Utterance, rows), folder / f"part-{number:05d}.parquet")
    facts = uncounted("annotate", "esd", "utterance")
    (folder / "stage.json").write_text(facts.to_json())


def cut(rows: list[Utterance], size: int) -> list[list[Utterance]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["root"] = str(tmp_path / "data")
    content["sources"]["ncssd"] = content["sources"]["emilia"]
    content["sets"]["s2"]["sources"] = ["ncssd"]
    content["sets"]["s2"]["rows"] = 40
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    write_stage(tmp_path / "data" / "esd" / "annotate", cut(spoken("esd", 3, 5), 25))
    dialogues = spoken("ncssd", 1, 12, "zh") + [
        utterance(id=f"en{n}", source="ncssd", language="en", text=f"What {n}?") for n in range(24)
    ]
    write_stage(tmp_path / "data" / "ncssd" / "annotate", cut(dialogues, 30))
    return path


def run(params_file: Path, *arguments: str) -> int:
    return compose.main(["--params", str(params_file), *arguments])


def rows_of(folder: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_pairs_of_a_labelled_corpus(
    params_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(params_file, "--set", "s1") == 0
    assert capsys.readouterr().out == (
        "compose s1: 90 in, 75 out, 15 rejected (label_not_wanted 15), 0.03 h out\n"
    )
    folder = tmp_path / "data" / "s1" / "compose"
    facts = json.loads((folder / "stage.json").read_text())
    assert facts["counts"]["role.chosen"] == 75
    assert list(facts["prompt_sha256"]) == ["emotion_templates/v1"]
    rejected = pq.read_table(sorted((folder / "rejected").glob("*.parquet"))[0]).to_pylist()
    assert rejected[0]["reason"] == "label_not_wanted"
    assert rejected[0]["detail"].startswith("its emotion is disgusted; wanted: neutral, happy")
    ids = [row["id"] for row in rows_of(folder)]
    written = [one.id for one in spoken("esd", 3, 5) if "disgusted" not in one.id]
    assert ids == written  # as in the source


def test_a_balanced_set_of_dialogues(params_file: Path, tmp_path: Path) -> None:
    assert run(params_file, "--set", "s2") == 0
    folder = tmp_path / "data" / "s2" / "compose"
    facts = json.loads((folder / "stage.json").read_text())
    assert (facts["in"], facts["out"]) == (96, 40)
    assert facts["rejected"] == {"not_needed": 56}
    assert facts["counts"]["language.en"] == facts["counts"]["language.zh"] == 20
    rows = rows_of(folder)
    assert all(row["reference_id"].startswith("esd_") for row in rows)
    for row in rows:
        shipped = row["id"].split("_")[-1] if row["language"] == "zh" else None
        assert row["text_emotion"] == shipped
        (asked,) = [label["value"] for label in row["labels"]]
        assert asked in EMOTIONS[:5]


@pytest.mark.parametrize("name", ["s1", "s2"])
def test_the_same_bytes_whatever_workers_and_order(
    params_file: Path, tmp_path: Path, name: str
) -> None:
    source = {"s1": "esd", "s2": "ncssd"}[name]
    whole = tmp_path / "data" / source / "annotate"
    assert run(params_file, "--set", name) == 0
    first = contents(tmp_path / "data" / name / "compose")
    again = str(tmp_path / "again")
    workers = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_threading"]
    assert run(params_file, "--set", name, "--output", again, *workers) == 0
    assert contents(Path(again)) == first
    # The same rows in other parts, in another order: every row is the same.
    rows = [r for path in sorted(whole.glob("*.parquet")) for r in pq.read_table(path).to_pylist()]
    random.Random(0).shuffle(rows)
    fields = [{**r, "labels": tuple(Label(**one) for one in r["labels"])} for r in rows]
    shuffled = [Utterance(**{**r, "tags": tuple(r["tags"])}) for r in fields]
    write_stage(tmp_path / "shuffled", cut(shuffled, 7))
    other = tmp_path / "other"
    flags = ["--input", str(tmp_path / "shuffled"), "--output", str(other)]
    assert run(params_file, "--set", name, *flags) == 0
    by_id = {row["id"]: row for row in rows_of(Path(again))}
    assert {row["id"]: row for row in rows_of(other)} == by_id


def test_the_order_of_input_folders_does_not_matter(params_file: Path, tmp_path: Path) -> None:
    folders = []
    for number, speakers in enumerate((2, 3)):
        folders.append(str(tmp_path / f"in{number}"))
        write_stage(Path(folders[-1]), cut(spoken(f"corpus{number}", speakers, 3), 10))
    for name, order in (("one", folders), ("two", folders[::-1])):
        flags = ["--input", *order, "--output", str(tmp_path / name)]
        assert run(params_file, "--set", "s1", *flags) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_partners_are_of_the_same_source(params_file: Path, tmp_path: Path) -> None:
    """Two corpora may both call a speaker 0."""
    flags = ["--output", str(tmp_path / "out"), "--input"]
    for name in ("a", "b"):
        write_stage(tmp_path / name, [spoken(name, 1, 3)])
        flags.append(str(tmp_path / name))
    assert run(params_file, "--set", "s1", *flags) == 0
    for row in rows_of(tmp_path / "out"):
        assert row["rejected_id"].startswith(row["source"])
        assert row["reference_id"].startswith(row["source"])


def changed(params_file: Path, path: Sequence[str], value: object) -> None:
    content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    section = content["sets"]
    for step in path[:-1]:
        section = section[step]
    section[path[-1]] = value
    params_file.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("s1.sources", ["nowhere"], "sets.s1: 'nowhere' is not in sources, which has: emilia"),
        ("s1.sources", ["emilia"], "run python -m pipelines.annotate --source emilia"),
        ("s1.templates", "v9", "sets.s1.templates: no templates prompts/emotion_templates/v9"),
        ("s1.instruction_language", "de", "sets.s1.instruction_language: 'de', but there are: own"),
        ("s1.emotions", ["smug"], "sets.s1.emotions: emotion_templates/v1 has no word in 'en'"),
        ("s1.shade", 1, "sets.s1.preference_pairs.shade: Extra inputs are not permitted"),
        ("s1.kind", "other", "sets.s1: Input tag 'other'"),
        ("esd", {"kind": "preference_pairs"}, "sets.esd"),
    ],
)
def test_settings_that_cannot_be_are_an_error(
    params_file: Path,
    capsys: pytest.CaptureFixture[str],
    key: str,
    value: object,
    message: str,
) -> None:
    changed(params_file, key.split("."), value)
    assert run(params_file, "--set", "s1") == 2
    assert message in capsys.readouterr().err


def test_a_set_may_not_be_named_as_a_source_is(
    params_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    content["sets"]["esd"] = content["sets"]["s1"]
    params_file.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert run(params_file, "--set", "s1") == 2
    assert "sets.esd: a source has this name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--set is missing"),
        (["--set", "s9"], "--set s9: not in"),
        (["--set", "s1", "--input", "/nowhere"], "/nowhere: no finished stage there"),
    ],
)
def test_arguments_that_cannot_be_are_an_error(
    params_file: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run(params_file, *arguments) == 2
    assert message in capsys.readouterr().err


def test_rows_without_labels_are_all_rejected(params_file: Path, tmp_path: Path) -> None:
    write_stage(tmp_path / "plain", [[utterance(id="a"), utterance(id="b")]])
    flags = ["--input", str(tmp_path / "plain"), "--output", str(tmp_path / "out")]
    assert run(params_file, "--set", "s1", *flags) == 0
    facts = json.loads((tmp_path / "out" / "stage.json").read_text())
    assert (facts["out"], facts["rejected"]) == (0, {"label_not_wanted": 2})
