"""Training sets composed by the real command, of two small corpora whose speech can be heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from pipelines import compose
from pipelines.params import load_params
from pipelines.reporting.facts import CorpusReport
from pipelines.reporting.gather import gather
from pipelines.stages.set_settings import SetSettings
from schemas import Label, Utterance, table_of
from tests.pipelines.instruction_corpus import annotated_folder, small_params
from tests.pipelines.instruction_server import instruction_server
from tests.records import uncounted, utterance

EMOTIONS = ("neutral", "happy", "angry", "sad", "surprised", "disgusted")
CLIP_S = 0.5


def params_in(folder: Path) -> Path:
    """Parameters of ``folder/data``; S2 is made of 12 texts of each of two languages, at most."""
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content |= {"root": str(folder / "data"), "journals": str(folder / "journals")}
    content["sources"]["ncssd"] = content["sources"]["emilia"]
    content["sets"]["s2"] |= {"sources": ["ncssd"], "rows": 24}
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def corpora(folder: Path) -> None:
    """An emotion set, two speakers and three sentences in six emotions; and dialogues."""
    clip = folder / "clip.wav"
    tone = 0.1 * np.sin(np.arange(round(16_000 * CLIP_S)) / 20)
    soundfile.write(clip, tone, 16_000)
    heard: dict[str, Any] = {"audio_uri": str(clip), "audio_container": "file"}
    heard |= {"audio_member": None}
    heard |= {"audio_offset": 0, "audio_size": clip.stat().st_size, "audio_format": "wav"}
    heard |= {"duration": CLIP_S}
    acted = [
        _row(f"esd_{who}_{line}_{emotion}", "esd", who, f"Line {line}.", emotion, heard)
        for who in ("0001", "0011")
        for line in range(3)
        for emotion in EMOTIONS
    ]
    dialogues = [
        _row(f"zh_{number}", "ncssd", "anna", f"第{number}句", emotion, heard | {"language": "zh"})
        for number, emotion in enumerate((*EMOTIONS, None) * 2)
    ]
    dialogues += [
        _row(f"en_{number}", "ncssd", "bob", f"What {number}?", emotion, heard)
        for number, emotion in enumerate((*EMOTIONS[:4], None) * 3)
    ]
    dialogues.append(_row("de_0", "ncssd", "carl", "Was?", None, heard | {"language": "de"}))
    _write(folder / "data" / "esd" / "annotate", acted)
    _write(folder / "data" / "ncssd" / "annotate", dialogues)


def compose_spoken(folder: Path) -> Path:
    """Composes S1 and S2; gives their parameters."""
    params = params_in(folder)
    corpora(folder)
    for name in ("s1", "s2"):
        assert compose.main(["--params", str(params), "--set", name]) == 0
    return params


def compose_instructions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, SetSettings]:
    """Composes S3 with a real chat server over HTTP; gives its settings."""
    monkeypatch.setenv("CHAT_API_KEY", "secret-of-the-test")
    corpus = annotated_folder(folder / "select")
    thread, _ = instruction_server()
    with thread:
        params = small_params(folder / "small.yaml", thread.base_url)
        arguments = ["--params", str(params), "--set", "s3", "--input", str(corpus)]
        arguments += ["--journal", str(folder / "s3.sqlite")]
        assert compose.main([*arguments, "--output", str(folder / "data" / "s3" / "compose")]) == 0
    return {"s3": load_params(str(params)).sets["s3"]}


def settings_of(params: Path, *names: str) -> dict[str, SetSettings]:
    """How sets are composed."""
    sets = load_params(str(params)).sets
    return {name: sets[name] for name in names}


def gathered(folder: Path, sets: dict[str, SetSettings], samples: int = 12) -> list[CorpusReport]:
    """What the report knows of the sets alone."""
    return list(gather(str(folder / "data"), {}, samples, sets).sets)


def _row(  # noqa: PLR0913  (one column each)
    name: str, source: str, speaker: str, text: str, emotion: str | None, changes: dict[str, Any]
) -> Utterance:
    labels = () if emotion is None else (Label("emotion", emotion),)
    fields = {"id": name, "source": source, "speaker": speaker, "text": text, "labels": labels}
    return utterance(**fields, **changes)


def _write(folder: Path, rows: Sequence[Utterance]) -> None:
    """A folder as a finished stage leaves it, in parts of 20 rows."""
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, len(rows), 20)):
        table = table_of(Utterance, rows[start : start + 20])
        pq.write_table(table, folder / f"part-{number:05d}.parquet")
    facts = uncounted("annotate", folder.parent.name, "utterance")
    (folder / "stage.json").write_text(facts.to_json(), "utf-8")
