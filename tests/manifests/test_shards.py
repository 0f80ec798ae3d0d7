from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import lhotse
import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lhotse.dataset import DynamicBucketingSampler
from lhotse.dataset.collation import collate_audio

from manifests.audio import measure
from manifests.cuts import cut_of
from manifests.shards import ShardWriter, list_shards, read_cuts, shard_paths
from tests.manifests.corpus import DEFAULT, UNANNOTATED, row, tone, write_shards

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
AUDIO = tone(0.3)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(TEXT, TEXT, min_size=1, max_size=6), TEXT)
@example({"../up": "a", "a/b": "b", "a\0b": "\u2028\u0085\r\n", "句🎭": "他说🙂"}, "x")
def test_any_id_and_text_come_back(texts: dict[str, str], title: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [(row(i, AUDIO, text=text, title=title), AUDIO) for i, text in texts.items()]
        write_shards(folder, rows, shard_size=4)
        found = list(lhotse.CutSet.from_shar(in_dir=f"{folder}/shar"))
    assert [c.supervisions[0].id for c in found] == list(texts)
    assert [c.supervisions[0].text for c in found] == list(texts.values())
    assert {c.supervisions[0].custom["title"] for c in found} == {title}
    assert len({c.id for c in found}) == len(texts)


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg"])
def test_audio_passes_through_unchanged(tmp_path: Path, extension: str) -> None:
    audio = tone(1.7, 3, extension)
    write_shards(str(tmp_path), [(row("a", audio, audio_format=extension), audio)], 10)
    (cut,) = lhotse.CutSet.from_shar(in_dir=tmp_path / "shar")
    assert cut.recording.sources[0].source == audio
    with soundfile.SoundFile(
        io.BytesIO(audio)
    ) as stream:  # soundfile.read() seeks: other last bits
        expected = stream.read(dtype="float32")
    np.testing.assert_array_equal(cut.load_audio()[0], expected)
    assert cut.num_samples == len(expected)


def test_supervision_tells_where_everything_comes_from(tmp_path: Path) -> None:
    rows = [
        (row("a", AUDIO, tags=("drama", "家"), character="JOE"), AUDIO),
        (row("b", AUDIO, **UNANNOTATED), AUDIO),
    ]
    write_shards(str(tmp_path), rows, 10)
    annotated, plain = [cut.supervisions[0] for cut in read_cuts(str(tmp_path))]
    assert annotated.instruction == rows[0][0]["instruction"]
    assert not annotated.instruction_default
    assert (annotated.value, annotated.prompt_name) == ("high", "emilia_style/v1")
    assert (annotated.tags, annotated.character) == (["drama", "家"], "JOE")
    assert annotated.lineage["audio_uri"] == "samples/emilia/EN-B000000.tar"
    assert annotated.lineage["audio_offset"] == 512
    assert (plain.instruction, plain.instruction_default) == (DEFAULT, True)
    assert "value" not in plain.custom and "tags" not in plain.custom


def test_a_sampler_makes_padded_batches(tmp_path: Path) -> None:
    audios = [tone(0.2 + 0.05 * n, n) for n in range(24)]
    write_shards(str(tmp_path), [(row(f"u{n}", a), a) for n, a in enumerate(audios)], 5)
    cuts = read_cuts(str(tmp_path))
    sampler = DynamicBucketingSampler(cuts, max_duration=4.0, num_buckets=3, shuffle=True)
    seen: list[str] = []
    for batch in sampler:
        audio_BT, lengths_B = collate_audio(batch)
        assert audio_BT.shape == (len(batch), int(lengths_B.max()))
        seen += [cut.id for cut in batch]
    assert sorted(seen) == sorted(f"u{n}" for n in range(24))


def test_two_writes_are_equal(tmp_path: Path) -> None:
    rows = [(row(f"句{n}", AUDIO), AUDIO) for n in range(7)]
    for name in ("one", "other"):
        write_shards(str(tmp_path / name), rows, 3)
    files = sorted((tmp_path / "one" / "shar").iterdir())
    assert [path.name for path in files] == [
        *(f"cuts.00000{n}.jsonl.gz" for n in range(3)),
        *(f"recording.00000{n}.tar" for n in range(3)),
    ]
    for path in files:
        assert path.read_bytes() == (tmp_path / "other" / "shar" / path.name).read_bytes()


def test_a_shard_without_cuts_is_readable(tmp_path: Path) -> None:
    with ShardWriter(str(tmp_path), 0):
        pass
    assert list(lhotse.CutSet.from_shar(in_dir=tmp_path / "shar")) == []


def test_nothing_appears_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ShardWriter(str(tmp_path), 0) as writer:
        fields = row("a", AUDIO)
        writer.write(cut_of(fields, AUDIO, measure(AUDIO), DEFAULT), AUDIO, "wav")
        raise RuntimeError
    assert list((tmp_path / "shar").iterdir()) == []


@pytest.mark.parametrize("extension", ["m4a", "json", "nodata", "../wav", ""])
def test_only_known_extensions(tmp_path: Path, extension: str) -> None:
    fields = row("a", AUDIO)
    cut = cut_of(fields, AUDIO, measure(AUDIO), DEFAULT)
    with pytest.raises(ValueError, match="cannot go into"), ShardWriter(str(tmp_path), 0) as writer:
        writer.write(cut, AUDIO, extension)


def test_shards_are_listed_in_order_with_strangers_apart(tmp_path: Path) -> None:
    folder = tmp_path / "shar"
    folder.mkdir()
    names = ["cuts.000001.jsonl.gz", "recording.000000.tar", "cuts.000000.tar", "notes.txt"]
    for name in names:
        (folder / name).touch()
    shards, strangers = list_shards(str(tmp_path))
    assert [paths.index for paths in shards] == [0, 1]
    assert sorted(Path(path).name for path in strangers) == ["cuts.000000.tar", "notes.txt"]
    assert shard_paths("x", 1_234_567).recording == "x/shar/recording.1234567.tar"


def test_reading_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_cuts(str(tmp_path))


def _keys(found: Any) -> list[str]:  # noqa: ANN401  (lhotse has no types)
    return [cut.id for cut in found]


def test_some_shards_only(tmp_path: Path) -> None:
    write_shards(str(tmp_path), [(row(f"u{n}", AUDIO), AUDIO) for n in range(4)], 2)
    shards, _ = list_shards(str(tmp_path))
    assert _keys(read_cuts(str(tmp_path), shards[1:])) == ["u2", "u3"]
