from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import lhotse
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.codec import CodecIdentity, CodecMissing, read_codec, write_codec
from manifests.codes import CodeShardWriter, code_shard, list_code_shards, read_coded
from manifests.recorded import ShardDamaged, read_recorded
from manifests.shards import list_shards
from tests.manifests.corpus import row, tone, write_shards

CODEC = CodecIdentity(
    name="kmeans",
    frame_rate=25.0,
    sample_rate=16000,
    cardinality=64,
    num_codebooks=1,
    fingerprint="0f" * 32,
)


def cut(key: str, spans: list[tuple[float, float]]) -> dict[str, Any]:
    """A cut of several turns, without audio, as JSON has it."""
    return {
        "id": key,
        "start": 0.0,
        "duration": max(start + duration for start, duration in spans),
        "channel": 0,
        "supervisions": [
            {"id": f"{key}-{n}", "recording_id": key, "start": start, "duration": duration}
            for n, (start, duration) in enumerate(spans)
        ],
        "recording": {"id": key},
        "type": "MonoCut",
    }


def codes(count: int, first: int = 0) -> np.ndarray[Any, np.dtype[np.int16]]:
    return (np.arange(first, first + count) % 64).astype(np.int16)


@settings(max_examples=40)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0.02, 30.0), st.integers(1, 800)), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_codes_come_back_here_and_with_lhotse(scenes: list[list[tuple[float, int]]]) -> None:
    written = {}
    with tempfile.TemporaryDirectory() as folder:
        with CodeShardWriter(folder, 0, keep_audio=False) as writer:
            for number, turns in enumerate(scenes):
                arrays = [codes(count, n) for n, (_, count) in enumerate(turns)]
                manifest = cut(f"c{number}", [(0.0, duration) for duration, _ in turns])
                writer.write(manifest, arrays, CODEC.short)
                written[manifest["id"]] = arrays
        for found in read_coded(code_shard(folder, 0)):
            arrays = written[found.manifest["id"]]
            for turn, expected in zip(found.manifest["supervisions"], arrays, strict=True):
                np.testing.assert_array_equal(found.codes_of(turn), expected)
        cuts = list(lhotse.CutSet.from_shar(in_dir=f"{folder}/shar"))
        assert [one.id for one in cuts] == list(written)
        for one in cuts:  # Lhotse must not lose the last frame, whatever the duration is
            np.testing.assert_array_equal(one.load_codes(), np.concatenate(written[one.id]))
            assert one.codec == CODEC.short


@pytest.mark.parametrize("keep_audio", [True, False])
def test_a_real_cut_keeps_all_but_what_it_was_told_to_lose(
    tmp_path: Path, keep_audio: bool
) -> None:
    audio = tone(1.3, extension="mp3")
    write_shards(str(tmp_path / "in"), [(row("a/b", audio, audio_format="mp3"), audio)], 10)
    (shard,), _ = list_shards(str(tmp_path / "in"))
    with CodeShardWriter(str(tmp_path / "out"), 0, keep_audio=keep_audio) as writer:
        for one in read_recorded(shard):
            assert (one.audio, one.extension) == (audio, "mp3")
            writer.write(one.manifest, [codes(32)], CODEC.short, (one.audio, one.extension))
    (before,) = lhotse.CutSet.from_shar(in_dir=tmp_path / "in" / "shar")
    (after,) = lhotse.CutSet.from_shar(in_dir=tmp_path / "out" / "shar")
    assert after.supervisions[0].instruction == before.supervisions[0].instruction
    assert after.supervisions[0].text == before.supervisions[0].text
    assert after.has_recording == keep_audio
    if keep_audio:
        np.testing.assert_array_equal(after.load_audio(), before.load_audio())
    assert len(after.load_codes()) == 32


def test_two_writes_are_equal_and_cuts_are_published_last(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with CodeShardWriter(str(tmp_path / name), 3, keep_audio=False) as writer:
            writer.write(cut("a", [(0, 1.0)]), [codes(25)], CODEC.short)
            assert list_code_shards(str(tmp_path / name)) == []
    for path in sorted((tmp_path / "one" / "shar").iterdir()):
        assert path.read_bytes() == (tmp_path / "other" / "shar" / path.name).read_bytes()
    assert [shard.index for shard in list_code_shards(str(tmp_path / "one"))] == [3]


def test_nothing_appears_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), CodeShardWriter(str(tmp_path), 0, keep_audio=False) as writer:
        writer.write(cut("a", [(0, 1.0)]), [codes(25)], CODEC.short)
        raise RuntimeError
    assert list((tmp_path / "shar").iterdir()) == []


@pytest.mark.parametrize("turns", [[], [codes(0)], [codes(3), codes(3)]])
def test_every_turn_needs_codes(tmp_path: Path, turns: list[Any]) -> None:
    with (
        pytest.raises(ValueError, match="needs codes"),
        CodeShardWriter(str(tmp_path), 0, keep_audio=False) as writer,
    ):
        writer.write(cut("a", [(0, 1.0)]), turns, CODEC.short)


def rewrite_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def npy(array: object, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array), allow_pickle=allow_pickle)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("b.npy", npy(codes(25))), ("b.json", b"{}")], "meets the codes 'b.npy'"),
        ([("a.npy", npy(codes(25)))], "has no manifest behind it"),
        ([], "meets the codes 'nothing'"),
        ([("a.npy", npy([1.5])), ("a.json", b"{}")], "no int16 array"),
        ([("a.npy", npy([[1]])), ("a.json", b"{}")], "no int16 array"),
        ([("a.npy", npy([object()], allow_pickle=True)), ("a.json", b"{}")], "no array"),
        ([("a.npy", b"\x80\x04N."), ("a.json", b"{}")], "no array"),
        ([("a.npy", npy(codes(24))), ("a.json", b"{}")], "codes 0 [+] 25, the cut has 24"),
        (
            [(n, b) for k in "ab" for n, b in ((f"{k}.npy", npy(codes(25))), (f"{k}.json", b"{}"))],
            "'b.npy' has no cut",
        ),
    ],
)
def test_damage_is_named(tmp_path: Path, members: list[tuple[str, bytes]], said: str) -> None:
    with CodeShardWriter(str(tmp_path), 0, keep_audio=False) as writer:
        writer.write(cut("a", [(0, 1.0)]), [codes(25)], CODEC.short)
    rewrite_tar(tmp_path / "shar" / "codes.000000.tar", members)
    with pytest.raises(ShardDamaged, match=said):
        for found in read_coded(code_shard(str(tmp_path), 0)):
            found.codes_of(found.manifest["supervisions"][0])


def test_a_shard_without_codes_says_what_to_do(tmp_path: Path) -> None:
    with CodeShardWriter(str(tmp_path), 0, keep_audio=False) as writer:
        writer.write(cut("a", [(0, 1.0)]), [codes(25)], CODEC.short)
    (tmp_path / "shar" / "codes.000000.tar").unlink()
    with pytest.raises(ShardDamaged, match="without codes; run trainer.tokenize"):
        next(read_coded(code_shard(str(tmp_path), 0)))


def test_the_codec_is_kept_beside_the_codes(tmp_path: Path) -> None:
    with pytest.raises(CodecMissing, match="has no codes; run trainer.tokenize"):
        read_codec(str(tmp_path))
    write_codec(str(tmp_path), CODEC)
    assert read_codec(str(tmp_path)) == CODEC


@pytest.mark.parametrize(
    "change",
    [{"cardinality": 0}, {"cardinality": 2**15 + 1}, {"num_codebooks": 8}, {"frame_rate": -1.0}],
)
def test_impossible_codecs_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    fields = {name: getattr(CODEC, name) for name in CODEC.__slots__}
    write_codec(str(tmp_path), CodecIdentity(**{**fields, **change}))
    with pytest.raises(CodecMissing, match="not a tokenizer of one codebook"):
        read_codec(str(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}'])
def test_damaged_codecs_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "codec.json").write_text(text)
    with pytest.raises(CodecMissing, match="codec.json"):
        read_codec(str(tmp_path))
