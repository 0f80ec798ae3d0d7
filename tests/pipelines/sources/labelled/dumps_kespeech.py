"""A tiny KeSpeech: two parts, six speakers of five subdialects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.pipelines.sources.labelled.tones import tone, write_wav

# Speaker -> age, gender and subdialect as the corpus writes them; 1000006 tells no age.
SPEAKERS = {
    "1000001": ("9", "Male", "Zhongyuan"),
    "1000002": ("24", "Female", "Mandarin"),
    "1000003": ("39", "Male", "Southwestern"),
    "1000004": ("40", "Female", "Ji-Lu"),
    "1000005": ("71", "Male", "Northeastern"),
    "1000006": ("Unknown", "Female", "Mandarin"),
}
TEXTS = ("今天<SPOKEN_NOISE>天气不错", "<SPOKEN_NOISE>我们去看房子", "请把门关上")
PARTS = ("train_phase1", "test")


def write_kespeech(folder: Path) -> Path:
    """KeSpeech in ``folder/KeSpeech``: 18 utterances, the speakers' halves in either part."""
    root = folder / "KeSpeech"
    for part, speakers in zip(PARTS, (list(SPEAKERS)[:3], list(SPEAKERS)[3:]), strict=True):
        tables: dict[str, dict[str, str]] = {
            name: {} for name in ("wav.scp", "text", "utt2spk", "utt2subdialect")
        }
        for speaker in speakers:
            for number, text in enumerate(TEXTS):
                key = f"{speaker}_{number:08x}"
                clip = f"Audio/{speaker}/phase1/{key}.wav"
                write_wav(root / clip, tone(speaker, sentence=number))
                tables["wav.scp"][key] = clip
                tables["text"][key] = text
                tables["utt2spk"][key] = speaker
                tables["utt2subdialect"][key] = SPEAKERS[speaker][2]
        for name, table in tables.items():
            write_table(root / "Tasks" / "ASR" / part / name, table)
    for column, name in enumerate(("spk2age", "spk2gender")):
        write_table(
            root / "Metadata" / name, {speaker: told[column] for speaker, told in SPEAKERS.items()}
        )
    return root


def write_table(path: Path, table: Mapping[str, str], encoding: str = "utf-8") -> None:
    """A table of Kaldi's; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} {value}\n" for key, value in table.items()]
    path.write_text("".join(lines), encoding=encoding)


def read_table(path: Path) -> dict[str, str]:
    """The inverse of :func:`write_table`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {key: value for key, value in (line.split(" ", 1) for line in lines)}
