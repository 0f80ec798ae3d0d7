"""TensorFlow checkpoints without TensorFlow, and without belief in what they say of themselves."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.backends.tf_checkpoint import read_checkpoint
from pipelines.backends.weights import find_weights
from pipelines.errors import UsageError
from pipelines.params import load_params

TENSORS = {
    "conv/bias": np.arange(3, dtype=np.float32),
    "conv/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv_1/bias": np.array([-1.5], dtype=np.float32),
    "empty": np.zeros((0, 4), np.float32),
    "scalar": np.array(7.25, np.float32),
}


def varint(number: int) -> bytes:
    """Base 128, low digits first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol-buffer message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(tensor: NDArray[np.float32], offset: int, kind: int = 1) -> bytes:
    """A BundleEntryProto."""
    shape = b"".join(field(2, field(1, size)) for size in tensor.shape)
    checksum = varint(6 << 3 | 5) + b"\x01\x02\x03\x04"
    return field(1, kind) + field(2, shape) + field(4, offset) + field(5, tensor.nbytes) + checksum


def block(pairs: list[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    """A block whose keys share prefixes, with one restart, its kind and its checksum."""
    out, last = b"", b""
    for key, value in pairs:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        last = key
    return out + struct.pack("<II", 0, 1) + bytes([kind]) + b"\0\0\0\0"


def table(pairs: list[tuple[bytes, bytes]], per_block: int = 2, kind: int = 0) -> bytes:
    """A sorted-string table."""
    out, index = b"", []
    for begin in range(0, len(pairs), per_block):
        content = block(pairs[begin : begin + per_block], kind)
        handle = varint(len(out)) + varint(len(content) - 5)
        index.append((pairs[min(begin + per_block, len(pairs)) - 1][0], handle))
        out += content
    handles = b""
    for content in (block([]), block(index)):
        handles += varint(len(out)) + varint(len(content) - 5)
        out += content
    return out + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


HEADER = field(1, 1) + field(3, field(1, 1))


def pairs_of(tensors: dict[str, NDArray[np.float32]]) -> list[tuple[bytes, bytes]]:
    """The table's content for tensors that follow each other in the data file."""
    pairs, offset = [(b"", HEADER)], 0
    for name, tensor in sorted(tensors.items()):
        pairs.append((name.encode(), entry(tensor, offset)))
        offset += tensor.nbytes
    return pairs


DATA = b"".join(tensor.tobytes() for _, tensor in sorted(TENSORS.items()))


def read(folder: Path, index: bytes, data: bytes = DATA) -> dict[str, NDArray[np.float32]]:
    """Both files written and read."""
    (folder / "model.index").write_bytes(index)
    (folder / "model.data-00000-of-00001").write_bytes(data)
    return read_checkpoint(folder / "model.index", folder / "model.data-00000-of-00001")


@pytest.mark.parametrize("per_block", [1, 2, 100])
def test_tensors_come_back_as_they_were(tmp_path: Path, per_block: int) -> None:
    found = read(tmp_path, table(pairs_of(TENSORS), per_block))
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_a_counter_of_steps_is_passed_over(tmp_path: Path) -> None:
    steps = (b"z_step", field(1, 9) + field(4, 0) + field(5, 8))
    assert read(tmp_path, table([*pairs_of(TENSORS), steps])).keys() == TENSORS.keys()


def test_the_embedded_separators_checkpoint_is_read() -> None:
    settings = load_params("params.yaml").separate.embedded
    found = read_checkpoint(find_weights(settings.index), find_weights(settings.data))
    assert len(found) == 148
    assert found["conv2d/kernel"].shape == (5, 5, 2, 16)
    assert found["conv2d_transpose_11/kernel"].shape == (5, 5, 1, 32)
    assert sum(tensor.size for tensor in found.values()) * 4 + 8 == 78_614_080
    assert all(np.isfinite(tensor).all() for tensor in found.values())


def _changed(**changes: bytes) -> list[tuple[bytes, bytes]]:
    pairs = dict(pairs_of(TENSORS))
    pairs.update({name.replace("__", "/").encode(): value for name, value in changes.items()})
    return sorted(pairs.items())


BIAS = TENSORS["conv/bias"]


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (b"", "shorter than a footer"),
        (b"\0" * 100, "does not end in a sorted-string table's footer"),
        (table(pairs_of(TENSORS), kind=1), "a block is compressed"),
        (table([(b"", field(1, 2))]), "more than one data file"),
        (table([(b"", field(1, 1) + field(2, 1))]), "big-endian"),
        (table(_changed(conv__bias=entry(BIAS, 0, kind=2))), "conv/bias is not float32"),
        (table(_changed(conv__bias=entry(BIAS, 0) + field(3, 1))), "in the first data file"),
        (table(_changed(conv__bias=entry(BIAS, 0) + field(7, b""))), "conv/bias is in slices"),
        (table(_changed(conv__bias=entry(BIAS, 0) + field(5, 8))), r"8 bytes.*\(3,\)"),
        (
            table(
                _changed(empty=field(1, 1) + field(2, field(2, b"") + field(2, field(1, 1 << 60))))
            ),
            "a shape that no network has",
        ),
        (table(_changed(conv__bias=b"\x0a\xff")), "ends outside its"),
        (table(_changed(conv__bias=b"\x0b")), "of a kind that is not known"),
        (table(_changed(conv__bias=b"\xff" * 11)), "more than 64 bits"),
        (table([(b"\xff\xfe", entry(BIAS, 0))]), "not UTF-8"),
    ],
)
def test_what_is_damaged_is_said(tmp_path: Path, index: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        read(tmp_path, index)
    assert "model.index: not the index of a TensorFlow checkpoint" in str(raised.value)


def test_a_tensor_outside_the_data_is_an_error_of_the_data(tmp_path: Path) -> None:
    far = table(_changed(conv__bias=entry(BIAS, 1 << 40)))
    with pytest.raises(UsageError, match=r"data-00000-of-00001: ends before the tensor conv/bias"):
        read(tmp_path, far)
    with pytest.raises(UsageError, match="smaller than the tensors of"):
        read(tmp_path, table(pairs_of(TENSORS)), DATA[:-1])


@pytest.mark.parametrize("missing", ["model.index", "model.data-00000-of-00001"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    read(tmp_path, table(pairs_of(TENSORS)))
    (tmp_path / missing).unlink()
    with pytest.raises(UsageError, match=f"{missing}: No such file"):
        read_checkpoint(tmp_path / "model.index", tmp_path / "model.data-00000-of-00001")


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.integers(0, 60))
def test_no_damage_does_more_than_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut: int
) -> None:
    index = bytearray(table(pairs_of(TENSORS)))
    index[at % len(index)] = byte
    del index[: cut if cut > 30 else 0]
    try:
        found = read(tmp_path_factory.getbasetemp(), bytes(index))
    except UsageError:
        return
    assert sum(tensor.nbytes for tensor in found.values()) <= len(DATA)
