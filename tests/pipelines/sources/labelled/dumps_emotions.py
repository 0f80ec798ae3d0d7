"""Tiny dumps of the emotion corpora that the training sets and evaluations are made of.

What they hold, without a fault anywhere:

- ``write_esd``: 0001, 0002 (Chinese; UTF-16 and GB18030, 0002 with Chinese emotion words) and
  0011, 0012 (English), five sentences in five emotions each: 100 clips.
- ``write_mead``: M003 and W009, neutral and four emotions in two levels, five sentences, m4a.
- ``write_csemotions``: one Parquet file, two speakers, five emotions and two more, three sentences.
- ``write_ncssd``: R-ZH and R-EN, two dialogues of four turns each, two speakers a dialogue.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.pipelines.sources.labelled.tones import tone, wav_bytes, write_mp4, write_wav

ESD_EMOTIONS = {  # folder -> (our word, the word in a file with Chinese labels)
    "Neutral": ("neutral", "中立"),
    "Angry": ("angry", "生气"),
    "Happy": ("happy", "快乐"),
    "Sad": ("sad", "伤心"),
    "Surprise": ("surprised", "惊喜"),
}
ENGLISH = (
    "The nine the eggs, I keep.",
    "I did go, and made many prisoners.",
    "They were in such a deuce of a hurry.",
    "That is the way to the river.",
    "We shall see each other on Monday.",
)
CHINESE = (
    "打远一看，它们的确很是美丽。",
    "我说这是为什么呢？",
    "他对谁都笑呵呵的。",
    "你们明天几点出发？",
    "这件事情还没有结束。",
)
_ESD_SPEAKERS = {
    "0001": ("utf-16", False),
    "0002": ("gb18030", True),
    "0011": ("utf-8", False),
    "0012": ("utf-8-sig", False),
}


def write_esd(folder: Path) -> None:
    """ESD in ``folder/Emotion Speech Dataset``; sentence i of emotion k is number 350 k + i."""
    for speaker, (encoding, is_chinese) in _ESD_SPEAKERS.items():
        home = folder / "Emotion Speech Dataset" / speaker
        sentences = CHINESE if int(speaker) <= 10 else ENGLISH
        rows = []
        for block, (emotion_folder, (emotion, word)) in enumerate(ESD_EMOTIONS.items()):
            for number, sentence in enumerate(sentences):
                key = f"{speaker}_{350 * block + number + 1:06d}"
                rows.append(f"{key}\t{sentence}\t{word if is_chinese else emotion_folder}")
                inside = ("train", "test", "evaluation")[number % 3] if speaker == "0012" else ""
                clip = home / emotion_folder / inside / f"{key}.wav"
                write_wav(clip, tone(speaker, emotion, number))
        text = "\n".join(rows) + "\n\n"
        (home / f"{speaker}.txt").write_bytes(text.encode(encoding))


MEAD_EMOTIONS = {  # folder -> our word
    "neutral": "neutral",
    "angry": "angry",
    "happy": "happy",
    "sad": "sad",
    "surprised": "surprised",
}


def write_mead(folder: Path) -> None:
    """MEAD in ``folder/MEAD``, with the table of sentences that the release does not have."""
    home = folder / "MEAD"
    home.mkdir(parents=True, exist_ok=True)
    rows = []
    for emotion_folder, emotion in MEAD_EMOTIONS.items():
        for number, sentence in enumerate(ENGLISH):
            rows.append(f"{emotion_folder}/{number + 1:03d}\t{sentence}")
            for speaker in ("M003", "W009"):
                for level in (1,) if emotion == "neutral" else (1, 3):
                    at = home / speaker / "audio" / emotion_folder / f"level_{level}"
                    sound = tone(speaker, emotion, number) * (0.5 + level / 6)
                    write_mp4(at / f"{number + 1:03d}.m4a", sound)
    (home / "sentences.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


CSEMOTIONS_EMOTIONS = {
    "Neutral": "neutral",
    "Happy": "happy",
    "Angry": "angry",
    "Sad": "sad",
    "Surprise": "surprised",
    "Playfulness": "playful",
    "Fearful": "fearful",
}


def write_csemotions(folder: Path) -> None:
    """CSEMOTIONS in ``folder/CSEMOTIONS/data/train-00000-of-00001.parquet``."""
    rows = [
        {
            "audio": {"bytes": wav_bytes(tone(speaker, emotion, number)), "path": None},
            "text": sentence,
            "emotion": word,
            "speaker": speaker,
        }
        for speaker in ("S01", "S02")
        for word, emotion in CSEMOTIONS_EMOTIONS.items()
        for number, sentence in enumerate(CHINESE[:3])
    ]
    audio = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    names = ("text", "emotion", "speaker")
    schema = pa.schema([("audio", audio), *((name, pa.string()) for name in names)])
    path = folder / "CSEMOTIONS" / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def write_ncssd(folder: Path) -> None:
    """NCSSD in ``folder/NCSSD``: a folder a dialogue, a clip a turn, its text beside it."""
    for subset, sentences in (("R-ZH", CHINESE), ("R-EN", ENGLISH)):
        for dialogue in range(2):
            home = folder / "NCSSD" / subset / f"{dialogue:03d}"
            for turn in range(4):
                speaker = f"{subset[2:]}{2 * dialogue + turn % 2:02d}"
                clip = home / f"{turn:02d}_{speaker}.wav"
                write_wav(clip, tone(speaker, "neutral", turn))
                text = sentences[(dialogue + turn) % len(sentences)]
                clip.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
