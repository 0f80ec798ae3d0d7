"""KeSpeech: accent, age and gender join their utterances, whatever order the tables are in."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.base import Shard
from pipelines.sources.labelled.attribute_settings import KeSpeechSettings
from pipelines.sources.labelled.kespeech import KeSpeechLayout
from pipelines.sources.labelled.line import RefusedLine
from tests.pipelines.sources.labelled.dumps_kespeech import (
    SPEAKERS,
    read_table,
    write_kespeech,
    write_table,
)
from tests.pipelines.sources.labelled.ingesting import Ingested, ingest, run

PART = Path("KeSpeech") / "Tasks" / "ASR" / "train_phase1"
FIRST, SECOND = "1000001_00000000", "1000001_00000001"


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {"kind": "kespeech", "input": [str(folder / "KeSpeech")], **changes}


def change(path: Path, **lines: str | None) -> None:
    """Sets lines of a table, or takes them out; keys as in ``_1000001_00000000``."""
    table: dict[str, str | None] = {**read_table(path)}
    table |= {key.removeprefix("_"): value for key, value in lines.items()}
    write_table(path, {key: value for key, value in table.items() if value is not None})


def test_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kespeech(tmp_path)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 18 in, 18 out, 0 rejected, 0.00 h out\n"
    assert found.facts.speakers_out == len(SPEAKERS)
    assert {row["language"] for row in found.rows} == {"zh"}
    first = found.rows[0]
    assert (first["id"], first["speaker"]) == (FIRST, "1000001")
    assert first["text"] == "今天天气不错"
    assert first["text_raw"] == "今天<SPOKEN_NOISE>天气不错"
    assert first["audio_uri"].endswith(f"KeSpeech/Audio/1000001/phase1/{FIRST}.wav")
    assert first["licence"] == "LicenseRef-KeSpeech-academic"
    labels = [found.labels(f"{speaker}_00000002") for speaker in SPEAKERS]
    assert labels == [
        {"accent": ["zhongyuan mandarin"], "age": ["child"], "gender": ["male"]},
        {"accent": ["standard mandarin"], "age": ["young adult"], "gender": ["female"]},
        {"accent": ["southwestern mandarin"], "age": ["young adult"], "gender": ["male"]},
        {"accent": ["ji-lu mandarin"], "age": ["middle-aged"], "gender": ["female"]},
        {"accent": ["northeastern mandarin"], "age": ["elderly"], "gender": ["male"]},
        {"accent": ["standard mandarin"], "gender": ["female"]},  # tells no age
    ]


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "utt2subdialect"])
def test_the_order_of_a_table_does_not_matter(tmp_path: Path, name: str) -> None:
    write_kespeech(tmp_path)
    expected = ingest(tmp_path, settings(tmp_path))
    table = list(read_table(tmp_path / PART / name).items())
    random.Random(0).shuffle(table)
    write_table(tmp_path / PART / name, dict(table))
    assert ingest(tmp_path, settings(tmp_path)).rows == expected.rows


def broken(tmp_path: Path) -> Ingested:
    """A dump with one fault of every kind."""
    root = write_kespeech(tmp_path)
    part = tmp_path / PART
    change(part / "text", _1000001_00000000=None, _1000001_00000001="<SPOKEN_NOISE>")
    change(part / "text", _9999999_00000000="没有声音")
    change(part / "utt2spk", _1000001_00000002=None)
    change(part / "utt2subdialect", _1000002_00000000=None, _1000002_00000001="Klingon")
    change(
        part / "wav.scp",
        _1000002_00000002="sph2pipe Audio/x.sph |",
        _1000003_00000000="../../etc/hostname",
    )
    (root / "Audio" / "1000003" / "phase1" / "1000003_00000001.wav").write_bytes(b"")
    change(root / "Metadata" / "spk2age", _1000004=None, _1000005="thirty")
    change(root / "Metadata" / "spk2gender", _1000006="")  # not told: the utterances stay
    return ingest(tmp_path, settings(tmp_path))


def test_every_fault_is_counted(tmp_path: Path) -> None:
    found = broken(tmp_path)
    assert found.facts.rows_in == 18 + 1
    assert found.reasons == {
        FIRST: "transcript_missing",
        SECOND: "text_empty",
        "1000001_00000002": "speaker_missing",
        "1000002_00000000": "label_unknown",
        "1000002_00000001": "label_unknown",
        "1000002_00000002": "field_invalid",
        "1000003_00000000": "member_unsafe",
        "1000003_00000001": "audio_empty",
        "9999999_00000000": "audio_missing",
        **{f"1000004_{number:08x}": "label_unknown" for number in range(3)},
        **{f"1000005_{number:08x}": "label_unknown" for number in range(3)},
    }
    assert found.labels("1000006_00000000") == {"accent": ["standard mandarin"]}


def test_a_rejection_says_where_and_what_to_set(tmp_path: Path) -> None:
    told = {one["record_id"]: one for one in broken(tmp_path).rejections}
    assert told["1000002_00000001"]["location"].endswith("train_phase1/wav.scp:5")
    assert told["1000002_00000001"]["detail"] == (
        "accent 'Klingon' is in no table; settings: words.accent"
    )
    assert told["1000004_00000000"]["detail"] == (
        "age: no line for speaker '1000004'; settings: age_table"
    )
    assert told["9999999_00000000"]["location"].endswith("train_phase1/text:9")


def test_words_ages_and_parts_can_be_set(tmp_path: Path) -> None:
    root = write_kespeech(tmp_path)
    change(root / "Metadata" / "spk2age", _1000001="thirty", _1000002="121", _1000003="0")
    change(tmp_path / PART / "utt2subdialect", _1000001_00000000="Klingon")
    changed = settings(
        tmp_path,
        parts=["train_phase1"],
        words={"age": {"Thirty": "adult"}, "accent": {"klingon": "martian mandarin"}},
        ages={"young": 0, "old": 30},
        gender_table=None,
    )
    found = ingest(tmp_path, changed)
    assert found.facts.rows_in == 9
    assert found.labels(FIRST) == {"accent": ["martian mandarin"], "age": ["adult"]}
    assert found.facts.rejected == {"label_unknown": 3}  # 121 is no age
    assert found.labels("1000003_00000000") == {"accent": ["southwestern mandarin"]}


def test_some_of_it_by_folder(tmp_path: Path) -> None:
    write_kespeech(tmp_path)
    for folder, rows in ((tmp_path, 18), (tmp_path / PART.parent, 18), (tmp_path / PART, 9)):
        assert ingest(tmp_path, settings(tmp_path, input=[str(folder)])).facts.rows_in == rows
    assert ingest(tmp_path, settings(tmp_path), "--limit", "2").facts.rows_in == 4


def test_an_encoding_can_be_set(tmp_path: Path) -> None:
    write_kespeech(tmp_path)
    expected = ingest(tmp_path, settings(tmp_path))
    text = tmp_path / PART / "text"
    write_table(text, read_table(text), encoding="gb18030")
    changed = settings(tmp_path, encodings=["utf-8", "gb18030"])
    assert ingest(tmp_path, changed).rows == expected.rows


def test_what_is_missing_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_kespeech(tmp_path)
    missing = settings(tmp_path, input=[str(tmp_path / "none")])
    assert run(tmp_path, missing) == 2
    assert "none: no such file or folder" in capsys.readouterr().err
    assert run(tmp_path, settings(tmp_path, input=[str(root / "Audio")])) == 2
    assert "expected the folder KeSpeech with Tasks/ASR" in capsys.readouterr().err
    assert run(tmp_path, settings(tmp_path, parts=["test", "dev_phase1"])) == 2
    assert "no part dev_phase1, only test, train_phase1; set parts" in capsys.readouterr().err
    (tmp_path / PART / "utt2spk").unlink()
    assert run(tmp_path, settings(tmp_path, parts=["train_phase1"])) == 2
    assert "train_phase1: no file utt2spk" in capsys.readouterr().err
    shutil.rmtree(root / "Metadata")
    assert run(tmp_path, settings(tmp_path, parts=["test"])) == 2
    assert "Metadata/spk2age: no such file; set age_table" in capsys.readouterr().err
    no_tables = settings(tmp_path, parts=["test"], age_table=None, gender_table=None)
    assert set(ingest(tmp_path, no_tables).labels("1000004_00000000")) == {"accent"}


@pytest.mark.parametrize("table", ["text", "wav.scp"])
def test_a_table_of_another_encoding_is_an_error_that_names_the_line(
    tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_kespeech(tmp_path)
    path = tmp_path / PART / table
    content = path.read_bytes()
    at = content.index(b"\n") + 1 + len(FIRST) + 2
    path.write_bytes(content[:at] + b"\xb4\xf8" + content[at:])
    assert run(tmp_path, settings(tmp_path)) == 1
    message = capsys.readouterr().err
    assert f"train_phase1/{table}:2: not utf-8" in message
    assert "set encodings for this source" in message


NAMES = ("wav.scp", "text", "utt2spk", "utt2subdialect")


@given(
    gaps=st.fixed_dictionaries({name: st.sets(st.integers(0, 8), max_size=4) for name in NAMES}),
    shuffled=st.sets(st.sampled_from(NAMES)),
    seed=st.integers(0, 99),
)
def test_whatever_lines_are_missing_every_utterance_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory,
    gaps: dict[str, set[int]],
    shuffled: set[str],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("kespeech")
    keys = [f"100000{number}_00000000" for number in range(9)]
    values = {"wav.scp": "Audio/x.wav", "text": "好", "utt2spk": "1", "utt2subdialect": "Mandarin"}
    for name in NAMES:
        lines = [(key, values[name]) for n, key in enumerate(keys) if n not in gaps[name]]
        if name in shuffled:
            random.Random(seed).shuffle(lines)
        write_table(folder / "Tasks" / "ASR" / "test" / name, dict(lines))
    tables = {"age_table": None, "gender_table": None}
    layout = KeSpeechLayout(KeSpeechSettings.model_validate({"kind": "kespeech", **tables}))
    shard = Shard(str(folder / "Tasks" / "ASR" / "test"), "kespeech_part")
    found = {line.key: line for line in layout.lines(shard)}
    assert len(found) == len(list(layout.lines(shard)))
    assert found.keys() == {
        key for n, key in enumerate(keys) if n not in gaps["wav.scp"] & gaps["text"]
    }
    for n, key in enumerate(keys):
        line = found.get(key)
        if isinstance(line, RefusedLine):
            missing = n in gaps["wav.scp"]
            assert missing or n in gaps["utt2subdialect"]
            expected = "audio_missing" if missing else "label_unknown"
            assert line.refusal.reason == expected
        elif line is not None:
            assert n not in gaps["wav.scp"] | gaps["utt2subdialect"]
            assert line.text == (None if n in gaps["text"] else "好")
            assert line.speaker == (None if n in gaps["utt2spk"] else "1")
