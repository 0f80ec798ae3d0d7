"""Corpora whose layout is not confirmed: the default settings, other ones, and what is said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.pipelines.sources.labelled.dumps_corpora import write_emns
from tests.pipelines.sources.labelled.dumps_emotions import (
    ENGLISH,
    write_csemotions,
    write_mead,
    write_ncssd,
)
from tests.pipelines.sources.labelled.ingesting import ingest, run
from tests.pipelines.sources.labelled.tones import tone, write_mp4, write_wav


def test_mead_with_a_table_of_sentences(tmp_path: Path) -> None:
    write_mead(tmp_path)
    table = tmp_path / "MEAD" / "sentences.tsv"
    settings = {"kind": "mead", "input": [str(tmp_path / "MEAD")], "sentences": [str(table)]}
    found = ingest(tmp_path, settings)
    assert (len(found.rows), found.rejections) == (90, [])
    row = found.rows[0]
    assert row["id"] == "M003/audio/angry/level_1/001"
    assert (row["text"], row["audio_format"], row["language"]) == (ENGLISH[0], "m4a", "en")
    assert found.labels(row["id"]) == {
        "emotion": ["angry"],
        "gender": ["male"],
        "intensity": ["low"],
    }
    assert Counter(row["speaker"] for row in found.rows) == {"M003": 45, "W009": 45}
    first = found.facts.rows_in
    table.write_text("angry/001\tOnly this.\n", encoding="utf-8")
    write_mp4(tmp_path / "MEAD" / "M003" / "audio" / "bored" / "level_1" / "001.m4a", tone("M003"))
    found = ingest(tmp_path, settings)
    assert found.facts.rows_in == first + 1
    assert Counter(found.reasons.values()) == {"transcript_missing": 86, "label_unknown": 1}


def test_csemotions_as_it_is_downloaded(tmp_path: Path) -> None:
    write_csemotions(tmp_path)
    found = ingest(tmp_path, {"kind": "csemotions", "input": [str(tmp_path / "CSEMOTIONS")]})
    assert (len(found.rows), found.rejections) == (42, [])
    assert {row["audio_container"] for row in found.rows} == {"parquet"}
    assert {row["language"] for row in found.rows} == {"zh"}
    emotions = Counter(found.labels(row["id"])["emotion"][0] for row in found.rows)
    assert emotions["playful"] == emotions["fearful"] == emotions["surprised"] == 6


def test_ncssd_with_its_text_beside_the_clips(tmp_path: Path) -> None:
    write_ncssd(tmp_path)
    home = tmp_path / "NCSSD"
    (home / "R-EN" / "000" / "00_EN00.txt").unlink()
    (home / "R-EN" / "000" / "01_EN01.txt").write_bytes(b"caf\xe9\n")
    write_wav(home / "R-EN" / "000" / "no-speaker.wav", tone("x"))
    found = ingest(tmp_path, {"kind": "ncssd", "input": [str(home)]})
    assert Counter(row["language"] for row in found.rows) == {"zh": 8, "en": 6}
    row = next(row for row in found.rows if row["id"] == "R-ZH/001/02_ZH02")
    assert (row["speaker"], row["source_id"]) == ("ZH02", "R-ZH/001")
    assert found.reasons == {
        "R-EN/000/00_EN00": "transcript_missing",
        "R-EN/000/01_EN01": "transcript_invalid",
        "R-EN/000/no-speaker": "field_invalid",
    }
    only = ingest(tmp_path, {"kind": "ncssd", "input": [str(home / "R-ZH")]})
    assert [row["id"] for row in only.rows] == [i for i in found.ids if i.startswith("R-ZH")]
    assert len(only.rows) == 8  # one of its folders reads as the whole does


def test_ncssd_by_tables_instead(tmp_path: Path) -> None:
    for number in range(2):
        write_wav(tmp_path / "raw" / "wav" / f"d1_{number}.wav", tone("a", sentence=number))
    rows = [
        "wav/d1_0.wav|甲|ZH|你好。",
        "elsewhere/d1_1.wav|乙|ZH|你也好。",
        "wav/d1_2.wav|乙|ZH|没有。",
        "wav/d1_0.wav|乙|Klingon|Qapla'.",
    ]
    text = "\n".join(["audio|who|lang|words", *rows])
    (tmp_path / "raw" / "train.list").write_text(text, encoding="gb18030")
    columns = {"audio": ["audio"], "speaker": ["who"], "language": ["lang"], "text": ["words"]}
    settings = {
        "kind": "ncssd",
        "input": [str(tmp_path / "raw")],
        "tables": ["*.list"],
        "columns": columns,
        "encodings": ["utf-8", "gb18030"],
    }
    found = ingest(tmp_path, settings)
    assert [(row["id"], row["speaker"], row["text"]) for row in found.rows] == [
        ("train_2", "甲", "你好。"),
        ("train_3", "乙", "你也好。"),  # found by its name
    ]
    assert found.reasons == {"train_4": "audio_missing", "train_5": "language_unknown"}


def test_emns(tmp_path: Path) -> None:
    write_emns(tmp_path / "raw")
    found = ingest(tmp_path, {"kind": "emns", "input": [str(tmp_path / "raw")]})
    assert [row["description"] for row in found.rows] == ["Slow and low.", None, None]
    told = {"gender": ["female"], "age": ["20s"]}
    assert [found.labels(row["id"]) for row in found.rows] == [
        {"emotion": [emotion], **told} for emotion in ("sad", "excited", "sarcastic")
    ]
    assert found.reasons == {
        "10": "audio_missing",
        "11": "member_unsafe",
        "12": "label_unknown",
    }


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_json_tables(tmp_path: Path, form: str) -> None:
    rows: list[object] = [
        {
            "prompt_id": "a1",
            "file_name": "a.wav",
            "transcript": "你好。",
            "speaker_id": "S01",
            "emotion": "Happy",
            "gender": "Male",
        },
        {
            "prompt_id": 2,
            "file_name": "a.wav",
            "transcript": "",
            "speaker_id": "S01",
            "emotion": "Sad",
        },
        {
            "prompt_id": "a3",
            "file_name": "a.wav",
            "transcript": None,
            "speaker_id": "S01",
            "emotion": "Sad",
        },
        {
            "prompt_id": "a4",
            "file_name": ["a.wav"],
            "transcript": "你好。",
            "speaker_id": "S01",
            "emotion": "Sad",
        },
        {"prompt_id": "a5", "file_name": "a.wav", "transcript": "你好。", "emotion": "Sad"},
        7,
    ]
    lines = [json.dumps(row) for row in rows]
    text = "\n".join([*lines, "not json"]) if form == "jsonl" else f"[{','.join(lines)}]"
    write_wav(tmp_path / "raw" / "a.wav", tone("S01"))
    (tmp_path / "raw" / f"metadata.{form}").write_text(text, encoding="utf-8")
    settings = {"kind": "csemotions", "input": [str(tmp_path / "raw")]}
    found = ingest(tmp_path, {**settings, "tables": ["metadata.*"]})
    assert found.ids == ["a1"]
    assert found.labels("a1") == {"emotion": ["happy"], "gender": ["male"]}
    expected = {
        "2": "text_empty",
        "a3": "text_empty",
        "metadata_4": "field_invalid",
        "a5": "speaker_missing",
        "metadata_6": "field_invalid",
    }
    expected |= {"metadata_7": "transcript_invalid"} if form == "jsonl" else {}
    assert found.reasons == expected


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("ncssd", {"path": r"nothing/(?P<speaker>\d+)"}, "settings `path`"),
        ("ncssd", {"path": None}, "not confirmed"),
        ("ncssd", {"path": "("}, "not a regular expression"),
        ("ncssd", {"sentences": ["{raw}/broken.tsv"]}, "no tab"),
        ("ncssd", {"sentences": ["{raw}/twice.tsv"]}, "came before with other words"),
        ("ncssd", {"tables": ["a.csv"], "columns": {"audio": ["clip"]}}, "columns.audio"),
        ("ncssd", {"tables": ["a.csv"], "columns": {"audio": ["path"]}}, "columns.text"),
        ("ncssd", {"tables": ["empty.csv"]}, "empty table"),
        ("csemotions", {"tables": ["no.parquet"]}, "not confirmed"),
        ("csemotions", {"tables": ["bad.parquet"]}, "not a parquet file"),
        ("csemotions", {"tables": ["a.xlsx"]}, "unknown kind"),
        ("emns", {"tables": ["a.csv"], "encodings": ["ascii"]}, "encodings"),
    ],
)
def test_what_is_not_as_set_is_said_with_the_setting(
    tmp_path: Path,
    kind: str,
    changes: dict[str, object],
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = tmp_path / "raw"
    write_wav(raw / "R-ZH" / "000" / "00_ZH00.wav", tone("ZH00"))
    (raw / "broken.tsv").write_text("no tab here\n", encoding="utf-8")
    (raw / "twice.tsv").write_text("a\tone\na\ttwo\n", encoding="utf-8")
    (raw / "a.csv").write_text("path,words\nx.wav,“Hi.”\n", encoding="utf-8")
    (raw / "empty.csv").write_text("", encoding="utf-8")
    (raw / "a.xlsx").write_text("", encoding="utf-8")
    (raw / "bad.parquet").write_bytes(b"nonsense")
    told = json.loads(json.dumps(changes).replace("{raw}", str(raw)))
    assert run(tmp_path, {"kind": kind, "input": [str(raw)], **told}) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and expected in error
    assert not (tmp_path / "out").exists()


def test_a_key_of_sentences_that_the_clip_has_no_field_for(tmp_path: Path) -> None:
    write_ncssd(tmp_path)
    home = tmp_path / "NCSSD"
    for text in home.rglob("*.txt"):
        text.unlink()
    (tmp_path / "s.tsv").write_text("a\tHello.\n", encoding="utf-8")
    settings = {"kind": "ncssd", "input": [str(home)], "sentences": [str(tmp_path / "s.tsv")]}
    found = ingest(tmp_path, {**settings, "sentence_key": "{emotion}"})
    assert {r["reason"] for r in found.rejections} == {"field_invalid"}
    assert "sentence_key" in found.rejections[0]["detail"]
