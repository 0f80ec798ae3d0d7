from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.sources.base import Shard
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.settings import EmiliaSettings
from tests.pipelines.sources.archives import as_json, clip, good, read, reasons, row, write_tar

A, B = "EN_B00000_S00000_W000000", "EN_B00000_S00000_W000001"


def write_batch(folder: Path, rows: list[bytes], clips: dict[str, bytes]) -> Path:
    batch = folder / "EN" / "EN_B00000.jsonl"
    batch.parent.mkdir(parents=True)
    batch.write_bytes(b"\n".join(rows) + b"\n")
    for name, content in clips.items():
        path = batch.parent / "EN_B00000" / "EN_B00000_S00000" / "mp3" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return batch


@pytest.mark.parametrize("prefix", ["EN_B00000/", ""])
def test_wav_counts_from_the_batch_file_or_from_its_folder(tmp_path: Path, prefix: str) -> None:
    wav = f"{prefix}EN_B00000_S00000/mp3/{A}.mp3"
    batch = write_batch(tmp_path, [as_json(row(A, wav=wav))], {f"{A}.mp3": clip()})
    (utterance,), rejections = read(batch)
    assert not rejections
    assert Path(utterance.audio_uri).read_bytes() == clip()
    assert (utterance.audio_container, utterance.audio_member) == ("file", None)
    assert (utterance.audio_offset, utterance.audio_size) == (0, len(clip()))


def test_everything_that_can_be_wrong_is_one_rejection_a_line(tmp_path: Path) -> None:
    folder = "EN_B00000_S00000/mp3"
    rows = [
        as_json(row("missing", wav=f"{folder}/missing.mp3")),
        as_json(row("empty", wav=f"{folder}/empty.mp3")),
        as_json(row("noise", wav=f"{folder}/noise.mp3")),
        as_json(row("cut", wav=f"{folder}/cut.mp3")),
        as_json(row("escape", wav="../../secret.mp3")),
        as_json(row("absolute", wav="/etc/passwd")),
        as_json(row("no_wav", wav=...)),
        b'{"id": "broken"',
        '{"id": "中文"}'.encode("gb18030"),
        b"",
        as_json(row(A, wav=f"{folder}/{A}.mp3")),
        as_json(row(A, wav=f"{folder}/{A}.mp3")),
    ]
    clips = {
        "empty.mp3": b"",
        "noise.mp3": b"no audio" * 99,
        "cut.mp3": clip()[:200],
        f"{A}.mp3": clip(),
    }
    utterances, rejections = read(write_batch(tmp_path, rows, clips))
    assert [utterance.id for utterance in utterances] == [A]
    assert reasons(rejections) == {
        "missing": "audio_missing",
        "empty": "audio_empty",
        "noise": "audio_unreadable",
        "cut": "audio_truncated",
        "escape": "member_unsafe",
        "absolute": "member_unsafe",
        "no_wav": "field_invalid",
        "EN_B00000.jsonl:8": "transcript_invalid",
        "EN_B00000.jsonl:9": "transcript_invalid",
        A: "duplicate_id",
    }


def test_shards_are_sorted_and_the_sidecar_is_none_of_them(tmp_path: Path) -> None:
    write_batch(tmp_path, [b"{}"], {})
    for name in ("EN-B000001.tar", "EN-B000000.tar", "third.tar.gz"):
        write_tar(tmp_path / name, [])
    (tmp_path / "metadata.jsonl").write_bytes(b"")
    sidecar = str(tmp_path / "metadata.jsonl")
    source = EmiliaSource("emilia", EmiliaSettings(kind="emilia", metadata=(sidecar,)))
    names = [Path(shard.uri).name for shard in source.shards([str(tmp_path)])]
    assert names == ["EN-B000000.tar", "EN-B000001.tar", "EN_B00000.jsonl", "third.tar.gz"]
    glob = source.shards([f"{tmp_path}/*.tar", f"{tmp_path}/EN-B000000.tar"])
    assert [Path(shard.uri).name for shard in glob] == ["EN-B000000.tar", "EN-B000001.tar"]
    assert pickle.loads(pickle.dumps(glob)) == glob
    assert pickle.loads(pickle.dumps(source)).settings == source.settings


@pytest.mark.parametrize("name", ["nowhere", "empty", "empty/*.tar", "notes.txt", "metadata.jsonl"])
def test_bad_inputs_are_named_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "metadata.jsonl").write_text("")
    sidecar = str(tmp_path / "metadata.jsonl")
    source = EmiliaSource("emilia", EmiliaSettings(kind="emilia", metadata=(sidecar,)))
    with pytest.raises(UsageError, match=str(tmp_path)) as error:
        source.shards([str(tmp_path / name)])
    assert "\n" not in str(error.value)


def test_limit_counts_records(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [*good(A), *good(B)])
    source = EmiliaSource("emilia", EmiliaSettings(kind="emilia"))
    assert len(list(source.read(Shard(str(path), "tar"), limit=1))) == 1
