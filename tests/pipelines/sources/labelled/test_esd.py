from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.pipelines.sources.labelled.dumps_emotions import CHINESE, ESD_EMOTIONS, write_esd
from tests.pipelines.sources.labelled.ingesting import ingest, run
from tests.pipelines.sources.labelled.tones import tone, write_wav

HOME = "Emotion Speech Dataset"


def settings(folder: Path, **changes: object) -> dict[str, object]:
    return {"kind": "esd", "input": [str(folder)], **changes}


def test_a_whole_dump_in_every_encoding(tmp_path: Path) -> None:
    write_esd(tmp_path / "raw")
    found = ingest(tmp_path, settings(tmp_path / "raw"))
    assert not found.rejections
    speakers = Counter((row["speaker"], row["language"]) for row in found.rows)
    assert speakers == {(s, "zh"): 25 for s in ("0001", "0002")} | {
        (s, "en"): 25 for s in ("0011", "0012")
    }
    texts: dict[tuple[str, int], set[str]] = defaultdict(set)
    emotions: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in found.rows:
        sentence = row["speaker"], int(row["id"][-6:]) % 350
        texts[sentence].add(row["text"])
        emotions[sentence] |= set(found.labels(row["id"])["emotion"])
        assert row["duration"] >= 0.7 and row["audio_format"] == "wav"
        assert row["licence"] == "LicenseRef-ESD-research"
    assert len(texts) == 20 and all(len(said) == 1 for said in texts.values())
    everyone = {emotion for emotion, _ in ESD_EMOTIONS.values()}
    assert all(found == everyone for found in emotions.values())
    assert texts["0002", 1] == {CHINESE[0]}
    # Clips of 0012 lie in train, test and evaluation.
    inside = Counter(Path(row["audio_uri"]).parent.name for row in found.rows[-25:])
    assert set(inside) == {"train", "test", "evaluation"}


@pytest.mark.parametrize("depth", ["", HOME, f"{HOME}/0011"])
def test_any_folder_above_the_text_will_do(tmp_path: Path, depth: str) -> None:
    write_esd(tmp_path / "raw")
    found = ingest(
        tmp_path, settings(tmp_path / "raw" / depth / ("0011.txt" if "/" in depth else ""))
    )
    assert len(found.rows) == (25 if "0011" in depth else 100)


def faulty(folder: Path) -> Path:
    """One speaker with one of every fault."""
    home = folder / "0011"
    rows = [
        "0011_000001\tGood.\tNeutral\t ",
        "0011_000002\tNobody knows the word.\tÄrgerlich",
        "0011_000003\tNo clip.\tNeutral",
        "0011_000004\tIn the wrong folder.\tHappy",
        "0011_000005\tno tabs at all",
        "0011_000001\tAgain.\tNeutral",
        "0011_000006\t...\tNeutral",
        "0011_000007\tA clip of zero bytes.\tNeutral",
        "0011_000008\tA clip that is noise.\tNeutral",
        "0011_000009\tA clip that breaks off.\tNeutral",
        "0021_000001\tA speaker without a language.\tNeutral",
    ]
    for number in (1, 2, 4, 5, 6, 7, 8, 9, 10):
        write_wav(home / "Neutral" / f"0011_{number:06d}.wav", tone("0011", "neutral", number))
    (home / "Neutral" / "0011_000007.wav").write_bytes(b"")
    (home / "Neutral" / "0011_000008.wav").write_bytes(b"noise" * 1000)
    cut = home / "Neutral" / "0011_000009.wav"
    cut.write_bytes(cut.read_bytes()[:9000])
    write_wav(home / "Neutral" / "0021_000001.wav", tone("0021"))
    (home / "0011.txt").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_every_fault_is_counted_with_its_reason(tmp_path: Path) -> None:
    found = ingest(tmp_path, settings(faulty(tmp_path / "raw")))
    assert found.ids == ["0011_000001", "0021_000001"]
    assert found.rows[1]["speaker"] == "0011"  # the folder is whose clips they are
    assert found.reasons == {
        "0011_000002": "label_unknown",
        "0011_000003": "audio_missing",
        "0011_000004": "field_invalid",
        "0011_000005": "field_invalid",
        "0011_000001": "duplicate_id",
        "0011_000006": "text_empty",
        "0011_000007": "audio_empty",
        "0011_000008": "audio_unreadable",
        "0011_000009": "audio_truncated",
        "0011_000010": "transcript_missing",
    }
    details = {r["record_id"]: r["detail"] for r in found.rejections}
    assert "words.emotion" in details["0011_000002"] and "Ärgerlich" in details["0011_000002"]
    assert "Neutral" in details["0011_000004"]


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    write_esd(tmp_path / "raw")
    written = []
    for workers in (1, 2):
        mode = ("--direct_running_mode=multi_processing", f"--direct_num_workers={workers}")
        flags = ("--", *mode) if workers > 1 else ()
        ingest(tmp_path, settings(tmp_path / "raw"), *flags)
        output = tmp_path / "out" / "corpus" / "ingest"
        written.append({p.name: p.read_bytes() for p in sorted(output.glob("part-*.parquet"))})
    assert len(written[0]) == 4 and written[0] == written[1]


def test_a_word_and_a_language_can_be_added(tmp_path: Path) -> None:
    changes = {"words": {"emotion": {"ärgerlich": "angry"}}, "languages": {"0011": "de"}}
    folder = faulty(tmp_path / "raw")
    (folder / "0011" / "Neutral").rename(folder / "0011" / "any")
    found = ingest(tmp_path, settings(folder, **changes))
    assert found.labels("0011_000002") == {"emotion": ["angry"]}
    assert {row["language"] for row in found.rows} == {"de"}
    assert "0011_000004" in found.ids  # the folder's name says nothing about the emotion


def test_a_speaker_without_a_language_is_a_rejection(tmp_path: Path) -> None:
    home = tmp_path / "raw" / "0042"
    write_wav(home / "Sad" / "0042_000001.wav", tone("0042"))
    (home / "0042.txt").write_text("0042_000001\tHello.\tSad\n", encoding="utf-8")
    found = ingest(tmp_path, settings(tmp_path / "raw"))
    assert found.reasons == {"0042_000001": "language_unknown"}


def test_a_wrong_encoding_is_said_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "raw" / "0001"
    home.mkdir(parents=True)
    (home / "0001.txt").write_bytes("0001_000001\técrit\tNeutral\n".encode("latin-1"))
    assert run(tmp_path, settings(tmp_path / "raw", encodings=["utf-8", "no-such"])) == 2
    error = capsys.readouterr().err
    assert "0001.txt" in error and "utf-8, no-such" in error and "encodings" in error
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_and_one_of_another_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        assert run(tmp_path, settings(tmp_path / name)) == 2
        error = capsys.readouterr().err
        assert str(tmp_path / name) in error
    assert "0001/0001.txt" in error
    assert run(tmp_path, settings(tmp_path / "empty", wrods={})) == 2
    assert "wrods" in capsys.readouterr().err
