"""A tiny ChildMandarin, as the hub's Parquet or as clips with their text beside them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.pipelines.sources.labelled.tones import tone, wav_bytes, write_wav

# What a clip's name begins with: speaker, age, gender, accent level, place, device.
SPEAKERS = ("105_4_F_L_LIAOCHENG_Android", "102_3_F_L_NANJING_Android", "356_5_M_L_SHANXI_iphone11")
TEXTS = ("我想去公园玩", "妈妈给我讲故事", "小兔子跑得快")
COLUMNS = ("transcription", "speaker", "gender", "age", "location", "device")


def write_child_mandarin(folder: Path, *, form: str = "parquet") -> Path:
    """ChildMandarin in ``folder/ChildMandarin``: nine utterances of three children.

    Args:
        folder: where to.
        form: parquet or clips.
    """
    root = folder / "ChildMandarin"
    rows = []
    for child in SPEAKERS:
        speaker, age, gender, _, place, device = child.split("_")
        for number, text in enumerate(TEXTS, start=1):
            stem, sound = f"{child}_{number:03d}", tone(child, sentence=number)
            if form == "clips":
                write_wav(root / "train" / speaker / f"{stem}.wav", sound)
                transcript = root / "train" / speaker / f"{stem}.txt"
                transcript.write_text(f"{text}\n", encoding="utf-8")
            else:
                told = dict(zip(COLUMNS, (text, speaker, gender, age, place, device), strict=True))
                clip = {"bytes": wav_bytes(sound), "path": f"{stem}.wav"}
                rows.append({"audio": clip, **told})
    if rows:
        audio = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        schema = pa.schema([("audio", audio), *((name, pa.string()) for name in COLUMNS)])
        path = root / "data" / "train-00000-of-00001.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return root
