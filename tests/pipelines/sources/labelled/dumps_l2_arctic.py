"""A tiny L2-ARCTIC: three speakers of three first languages, and the suitcase corpus."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.sources.labelled.tones import tone, write_wav

SPEAKERS = {"ABA": ("male", "arabic"), "NCC": ("female", "mandarin"), "YKWK": ("male", "korean")}
TEXTS = (
    "Author of the danger trail, Philip Steels, etc",
    "Not at this particular case, Tom, apologized Whittemore",
    "For the twentieth time that evening the two men shook hands",
)


def write_l2_arctic(folder: Path) -> Path:
    """L2-ARCTIC in ``folder/L2-ARCTIC``: nine utterances, and a story that is not read."""
    root = folder / "L2-ARCTIC"
    for speaker in SPEAKERS:
        for number, text in enumerate(TEXTS, start=1):
            stem = f"arctic_a{number:04d}"
            write_wav(root / speaker / "wav" / f"{stem}.wav", tone(speaker, sentence=number))
            _write(root / speaker / "transcript" / f"{stem}.txt", text)
            _write(root / speaker / "annotation" / f"{stem}.TextGrid", "ooTextFile")
    write_wav(root / "suitcase_corpus" / "wav" / "aba.wav", tone("ABA", seconds=2.0))
    _write(root / "suitcase_corpus" / "transcript" / "aba.txt", "there is a man with a suitcase")
    _write(root / "README.md", "L2-ARCTIC\n")
    return root


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
