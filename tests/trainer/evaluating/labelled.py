"""A labelled corpus of two languages as emit leaves it: real speech, made-up labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas import Label
from tests.manifests.corpus import row, write_shards
from trainer.evaluating.labelled import EMOTIONS

SAMPLES = Path(__file__).parents[3] / "samples" / "game_voice"
TEXTS = {
    "en": ("The train leaves at nine.", "There is a letter on the table."),
    "zh": ("火车九点出发。", "桌上有一封信。"),
}


def labelled_lines(folder: Path, speakers: int = 2) -> None:
    """Every sentence in every emotion by every speaker; the speech says something else."""
    sounds = sorted(SAMPLES.glob("*.mp3"), key=lambda path: (path.stat().st_size, path.name))
    rows: list[tuple[dict[str, Any], bytes]] = []
    for language, texts in TEXTS.items():
        for speaker in range(speakers):
            for emotion in EMOTIONS:
                for number, text in enumerate(texts):
                    audio = sounds[len(rows) % len(sounds)].read_bytes()
                    fields = row(
                        f"{language}_{speaker}_{emotion}_{number}",
                        audio,
                        audio_format="mp3",
                        speaker=f"{language}{speaker}",
                        language=language,
                        text=text,
                        labels=(Label("emotion", emotion),),
                    )
                    rows.append((fields, audio))
    write_shards(str(folder), rows, shard_size=16)
