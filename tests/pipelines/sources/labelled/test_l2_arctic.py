"""L2-ARCTIC: transcripts and clips meet, and the table in the settings says who speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.sources.labelled.attribute_settings import known_speakers
from tests.pipelines.sources.labelled.dumps_l2_arctic import SPEAKERS, TEXTS, write_l2_arctic
from tests.pipelines.sources.labelled.ingesting import ingest, run


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {"kind": "l2_arctic", "input": [str(folder / "L2-ARCTIC")], **changes}


def test_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_l2_arctic(tmp_path)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 9 in, 9 out, 0 rejected, 0.00 h out\n"
    assert found.ids[:3] == [f"ABA_arctic_a{number:04d}" for number in (1, 2, 3)]
    assert [row["text"] for row in found.rows[:3]] == list(TEXTS)
    assert {row["language"] for row in found.rows} == {"en"}
    assert {row["speaker"] for row in found.rows} == set(SPEAKERS)
    for speaker, (gender, language) in SPEAKERS.items():
        labels = found.labels(f"{speaker}_arctic_a0002")
        assert labels == {"gender": [gender], "first_language": [language]}


def test_the_table_of_speakers_is_balanced_as_the_corpus_says() -> None:
    speakers = known_speakers()
    assert len(speakers) == 24
    assert sorted(gender for gender, _ in speakers.values()).count("female") == 12
    languages = [language for _, language in speakers.values()]
    assert {language: languages.count(language) for language in languages} == dict.fromkeys(
        ("arabic", "mandarin", "hindi", "korean", "spanish", "vietnamese"), 4
    )


def test_every_fault_is_counted(tmp_path: Path) -> None:
    root = write_l2_arctic(tmp_path)
    (root / "ABA" / "transcript" / "arctic_a0001.txt").unlink()
    (root / "ABA" / "wav" / "arctic_a0002.wav").unlink()
    (root / "ABA" / "transcript" / "arctic_a0003.txt").write_bytes(b"")
    (root / "NCC" / "transcript" / "arctic_a0001.txt").write_bytes(b"caf\xe9")
    (root / "NCC" / "transcript" / "arctic_a0002.txt").write_text(" \n", encoding="utf-8")
    clip = root / "NCC" / "wav" / "arctic_a0003.wav"
    clip.write_bytes(clip.read_bytes()[:-1000])
    (root / "YKWK" / "wav" / "arctic_a0001.wav").write_bytes(b"not audio at all")
    found = ingest(tmp_path, settings(tmp_path))
    assert found.facts.rows_in == 9
    assert found.reasons == {
        "ABA_arctic_a0001": "transcript_missing",
        "ABA_arctic_a0002": "audio_missing",
        "ABA_arctic_a0003": "transcript_empty",
        "NCC_arctic_a0001": "transcript_invalid",
        "NCC_arctic_a0002": "text_empty",
        "NCC_arctic_a0003": "audio_truncated",
        "YKWK_arctic_a0001": "audio_unreadable",
    }
    latin = settings(tmp_path, encodings=["utf-8", "latin-1"])
    assert "NCC_arctic_a0001" not in ingest(tmp_path, latin).reasons


def test_a_speaker_who_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_l2_arctic(tmp_path)
    (root / "NCC").rename(root / "NEW")
    assert run(tmp_path, settings(tmp_path)) == 2
    message = capsys.readouterr().err
    assert "NEW is no speaker of L2-ARCTIC" in message and "add it to speakers" in message
    known = settings(tmp_path, speakers={"NEW": ["Female", "Dutch"]}, skip=["ABA", "YKWK"])
    assert run(tmp_path, known) == 2  # the suitcase corpus is no longer left out
    known["skip"].append("suitcase_corpus")
    found = ingest(tmp_path, known)
    assert found.facts.rows_out == 3
    assert found.labels("NEW_arctic_a0001") == {"gender": ["female"], "first_language": ["dutch"]}


def test_one_speaker_by_folder(tmp_path: Path) -> None:
    root = write_l2_arctic(tmp_path)
    found = ingest(tmp_path, settings(tmp_path), "--input", str(root / "YKWK"))
    assert found.facts.speakers_out == 1 and found.facts.rows_out == 3


@pytest.mark.parametrize("folder", ["none", "L2-ARCTIC/suitcase_corpus"])
def test_a_folder_without_speakers(
    tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_l2_arctic(tmp_path)
    assert run(tmp_path, settings(tmp_path), "--input", str(tmp_path / folder)) == 2
    message = capsys.readouterr().err
    assert str(tmp_path / folder) in message
    assert "no such file or folder" in message or "expected folders of speakers" in message
