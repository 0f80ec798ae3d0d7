"""The corpora of emotion whose layout is known: a dump of each, faults and all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.sources.labelled import dumps_corpora as dumps
from tests.pipelines.sources.labelled.ingesting import Ingested, ingest, run


def read(folder: Path, kind: str, write: Callable[[Path], None], **changes: object) -> Ingested:
    write(folder / "raw")
    return ingest(folder, {"kind": kind, "input": [str(folder / "raw")], **changes})


def labels(found: Ingested, record_id: str) -> dict[str, str]:
    return {name: value for name, (value,) in found.labels(record_id).items()}


def test_crema_d(tmp_path: Path) -> None:
    found = read(tmp_path, "crema_d", dumps.write_crema_d)
    texts = {row["id"]: row["text"] for row in found.rows}
    assert texts == {
        "1001_DFA_ANG_XX": "Don't forget a jacket.",
        "1001_IEO_HAP_LO": "It's eleven o'clock.",
        "1002_TSI_NEU_XX": "The surface is slick.",
        "1002_WSI_SAD_HI": "We'll stop in a couple of minutes.",
    }
    told = {"gender": "male", "age": "51"}
    assert labels(found, "1001_DFA_ANG_XX") == {"emotion": "angry", **told}
    assert labels(found, "1001_IEO_HAP_LO") == {"emotion": "happy", "intensity": "low", **told}
    assert labels(found, "1002_WSI_SAD_HI")["intensity"] == "high"
    assert found.reasons == {
        "1002_WSI_JOY_XX": "label_unknown",
        "1002_ZZZ_SAD_XX": "transcript_missing",
        "notes": "field_invalid",
    }
    assert {row["audio_format"] for row in found.rows} == {"wav"}  # not the mp3 of the same clip


def test_crema_d_without_its_table_and_with_a_broken_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read(tmp_path, "crema_d", dumps.write_crema_d, demographics=[])
    assert labels(found, "1001_DFA_ANG_XX") == {"emotion": "angry"}
    table = tmp_path / "raw" / "VideoDemographics.csv"
    settings = {"kind": "crema_d", "input": [str(tmp_path / "raw")]}
    for content, expected in (
        ("Actor,Age\n1001,51\n", "ActorID, Age and Sex"),
        ("ActorID,Age,Sex\n1001,51,unknown\n", "words.gender"),
    ):
        table.write_text(content, encoding="utf-8")
        assert run(tmp_path, settings) == 2
        error = capsys.readouterr().err
        assert f"{table}:2" in error and expected in error


def test_ravdess(tmp_path: Path) -> None:
    found = read(tmp_path, "ravdess", dumps.write_ravdess)
    assert labels(found, "03-01-06-02-02-01-01") == {
        "emotion": "fearful",
        "gender": "male",
        "intensity": "strong",
    }
    assert labels(found, "03-01-01-01-01-01-02") == {
        "emotion": "neutral",
        "gender": "female",
        "intensity": "normal",
    }
    assert [row["text"][:4] for row in found.rows] == ["Kids", "Kids", "Dogs", "Dogs"]
    assert {row["speaker"] for row in found.rows} == {"Actor_01", "Actor_02"}
    assert found.reasons == {
        "03-02-03-01-01-01-02": "source_not_wanted",
        "01-01-04-01-01-01-02": "source_not_wanted",
        "03-01-09-01-01-01-02": "label_unknown",
        "03-01-04-01-03-01-02": "transcript_missing",
    }


def test_iemocap(tmp_path: Path) -> None:
    found = read(tmp_path, "iemocap", dumps.write_iemocap)
    assert found.ids == [
        *("Ses01F_impro01_F000", "Ses01F_impro01_M000"),
        *("Ses02M_script01_1_F000", "Ses02M_script01_1_M000"),
    ]
    laugh = found.rows[1]
    assert laugh["text"] == "I can’t believe it"  # in windows-1252, noises taken out
    assert laugh["text_raw"] == "[LAUGHTER] I can’t believe it++"
    assert (laugh["speaker"], laugh["source_id"]) == ("Ses01_M", "Ses01F_impro01")
    assert labels(found, laugh["id"]) == {"emotion": "excited", "gender": "male"}
    assert found.reasons == {
        "Ses01F_impro01_F001": "label_unknown",
        "Ses01F_impro01_M001": "label_unknown",
        "Ses02M_script01_1_F001": "label_unknown",
        "Ses02M_script01_1_M001": "label_unknown",
        "Ses02M_script01_1_F002": "audio_missing",
        "Ses02M_script01_1_F003": "text_empty",
        "Ses02M_script01_1_F004": "transcript_missing",
    }


def test_meld(tmp_path: Path) -> None:
    found = read(tmp_path, "meld", dumps.write_meld)
    dev, first, second = found.rows
    assert (dev["id"], dev["audio_format"]) == ("dev_dia0_utt0", "wav")
    assert dev["text"] == "It’s “that” – really."
    assert (first["id"], first["text"]) == ("train_dia0_utt0", "My company’s transition…")
    assert first["audio_format"] == "m4a"  # the sound of a video
    assert first["duration"] == pytest.approx(0.7, abs=0.1)
    assert (second["speaker"], second["source_id"]) == ("The Interviewer", "train_dia0")
    assert second["text"] == "You must’ve had your hands full, no?"
    assert labels(found, second["id"]) == {"emotion": "happy"}
    assert found.reasons == {
        "train_dia0_utt2": "label_unknown",
        "train_dia1_utt0": "audio_missing",
        "train_dia1_utt1": "audio_unreadable",
        "train_dia1_utt2": "text_empty",
        "train_row8": "field_invalid",
        "train_row9": "field_invalid",
    }


def test_meld_with_its_tables_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dumps.write_meld(tmp_path / "raw")
    for table in (tmp_path / "raw").glob("*.csv"):
        (tmp_path / "data").mkdir(exist_ok=True)
        table.rename(tmp_path / "data" / table.name)
    settings = {"kind": "meld", "input": [str(tmp_path / "data")]}
    assert len(ingest(tmp_path, {**settings, "media_folder": "../raw"}).rows) == 3
    assert run(tmp_path, {**settings, "media_folder": "../nowhere"}) == 2
    assert "media_folder" in capsys.readouterr().err


def test_msp_podcast(tmp_path: Path) -> None:
    found = read(tmp_path, "msp_podcast", dumps.write_msp_podcast)
    good, other = found.rows
    assert labels(found, good["id"]) == {"emotion": "neutral", "gender": "female"}
    assert labels(found, other["id"]) == {"emotion": "contemptuous"}
    assert (good["text"], good["speaker"]) == ("And that’s podcast number 8.", "127")
    assert good["source_id"] == "MSP-PODCAST_0001"
    name = "MSP-PODCAST_0001_{:04d}"
    assert found.reasons == {
        name.format(20): "label_unknown",
        name.format(21): "label_unknown",
        name.format(22): "speaker_missing",
        name.format(23): "transcript_missing",
        name.format(24): "audio_missing",
        "../../outside": "member_unsafe",
        name.format(8): "duplicate_id",
    }


def test_m3ed(tmp_path: Path) -> None:
    found = read(tmp_path, "m3ed", dumps.write_m3ed)
    first, second, third = found.rows
    assert labels(found, first["id"]) == {"emotion": "surprised", "gender": "female"}
    assert labels(found, second["id"]) == {"emotion": "neutral", "gender": "male"}
    assert (first["speaker"], first["title"]) == ("baowei_贾小朵", "baowei")
    assert third["speaker"] == "baowei_baowei_2_A"  # nobody is named there
    assert (first["text"], first["language"]) == ("你怎么来了？", "zh")
    assert found.reasons == {
        "baowei_1_3": "label_unknown",
        "baowei_1_4": "audio_missing",
        "baowei_1_5": "field_invalid",
        "baowei_3": "field_invalid",
    }


def test_m3ed_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    dumps.write_m3ed(tmp_path / "raw")
    path = tmp_path / "raw" / "annotation.json"
    text = path.read_text(encoding="utf-8").rstrip()
    path.write_text(text[:-1] + ', "next": {', encoding="utf-8")
    found = ingest(tmp_path, {"kind": "m3ed", "input": [str(tmp_path / "raw")]})
    assert len(found.rows) == 3
    assert found.reasons[str(path)] == "transcript_invalid"


WRITERS: dict[str, Callable[[Path], None]] = {
    "crema_d": dumps.write_crema_d,
    "ravdess": dumps.write_ravdess,
    "iemocap": dumps.write_iemocap,
    "meld": dumps.write_meld,
    "msp_podcast": dumps.write_msp_podcast,
    "m3ed": dumps.write_m3ed,
}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("crema_d", "AudioWAV"),
        ("ravdess", "Actor_01"),
        ("iemocap", "dialog/EmoEvaluation"),
        ("meld", "train_sent_emo.csv"),
        ("msp_podcast", "labels_consensus.csv"),
        ("m3ed", "settings: annotations"),
    ],
)
def test_a_folder_without_the_corpus_says_what_is_expected(
    tmp_path: Path, kind: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        assert run(tmp_path, {"kind": kind, "input": [str(path)]}) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and str(path) in error
        if path.exists():
            assert expected in error
    assert run(tmp_path, {"kind": kind}) == 2
    assert "no input path given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("iemocap", "IEMOCAP_full_release/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"),
        ("meld", "dev_sent_emo.csv"),
        ("msp_podcast", "Labels/labels_consensus.csv"),
    ],
)
def test_a_table_in_no_known_encoding_is_said_before_any_work(
    tmp_path: Path, kind: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS[kind](tmp_path / "raw")
    path = tmp_path / "raw" / table
    path.write_bytes(path.read_bytes() + "“\n".encode("cp1252"))
    settings = {"kind": kind, "input": [str(tmp_path / "raw")], "encodings": ["utf-8"]}
    assert run(tmp_path, settings) == 2
    error = capsys.readouterr().err
    assert str(path) in error and "encodings" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "file", "content", "expected"),
    [
        ("meld", "test_sent_emo.csv", "Utterance,Speaker\nHi.,Joey\n", "Dialogue_ID"),
        ("meld", "extra_sent_emo.csv", "Utterance,Speaker\nHi.,Joey\n", "settings: media"),
        ("msp_podcast", "Labels/labels_consensus.csv", "FileName,EmoClass\na.wav,A\n", "SpkrID"),
        ("m3ed", "annotation.json", "[]", "not a JSON object"),
    ],
)
def test_a_table_without_its_columns(
    tmp_path: Path,
    kind: str,
    file: str,
    content: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    WRITERS[kind](tmp_path / "raw")
    (tmp_path / "raw" / file).write_text(content, encoding="utf-8")
    assert run(tmp_path, {"kind": kind, "input": [str(tmp_path / "raw")]}) == 2
    error = capsys.readouterr().err
    assert file in error and expected in error
