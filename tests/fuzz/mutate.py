"""Real small samples, damaged: as bytes, and as JSON, CSV or tar that is still almost whole.

A mutator is a function of the sample and a random generator, and of nothing else: a seed and the
number of a case give the same bytes on every machine.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

Mutator = Callable[[bytes, random.Random], bytes]

# What parsers trip over, wherever it stands.
TOKENS: Final[tuple[bytes, ...]] = (
    *(b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b"\r", b"\t", b'"'),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"9" * 400, b"9" * 5000, b"1e-400"),
    *(b"[" * 3000, b'{"a":' * 3000, b"{" * 50, b"(" * 50, b"null", b"true", b"{}", b"[]", b'""'),
    *(b"\\ud800", b"\\udc00\\ud800", b"\\u0000", "\u202e\u2066".encode(), "\U0001f600".encode()),
    *(b"../../etc/passwd", b"/etc/passwd", b"C:\\x", b"file:///etc/passwd", b"%s%n", b"a" * 9000),
    *(b"&a [*a]", b"!!python/object:os.system x", b"2001-99-99", b"0b", b"0x", b"1:99", b"<<: 3"),
    *(b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8, b"\xff\xff\xff\xff\xff\xff\xff\x7f"),
    *("\u0660\u0661".encode(), "\u00b2".encode(), "\u2028".encode(), "\x85".encode(), b"\x1f\x8b"),
)

# What stands where something else should, once the JSON is parsed.
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, -0.0),
    *(float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, "", " ", "\0", "a\0b", "\ud800"),
    *("x" * 5000, "../x", "/etc/passwd", "http://[", "file://x", "gs://x/y", "nan", "1e999", "0"),
    *("\u0661", "\u00b2", "\u202e", "\n", "{label}", "{0.__class__}", "%s", "第" + "九" * 9 + "集"),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": []}}, ["a", 1], [1, 2.5], [[[[[[]]]]]]),
)


def flip_bits(sample: bytes, rng: random.Random) -> bytes:
    """One to eight bits of the sample, flipped."""
    if not sample:
        return b"\x01"
    found = bytearray(sample)
    for _ in range(rng.choice((1, 1, 2, 8))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def truncate(sample: bytes, rng: random.Random) -> bytes:
    """The beginning or, now and then, the end of the sample."""
    at = rng.randrange(len(sample) + 1)
    return sample[at:] if rng.random() < 0.2 else sample[:at]


def splice(sample: bytes, rng: random.Random) -> bytes:
    """A piece of the sample, put in place of another one."""
    length = rng.choice((1, 4, 16, 64, 512))
    one, other = rng.randrange(len(sample) + 1), rng.randrange(len(sample) + 1)
    cut = rng.choice((0, length))
    return sample[:one] + sample[other : other + length] + sample[one + cut :]


def put_token(sample: bytes, rng: random.Random) -> bytes:
    """Something that parsers trip over, in or over the sample."""
    token, at = rng.choice(TOKENS), rng.randrange(len(sample) + 1)
    cut = rng.choice((0, 0, 1, len(token), 10**6))
    return sample[:at] + token + sample[at + cut :]


def put_number(sample: bytes, rng: random.Random) -> bytes:
    """A field of 1, 2, 4 or 8 bytes set to an extreme value, as headers have them."""
    width = rng.choice((1, 2, 4, 8))
    if len(sample) <= width:
        return sample * 2
    most = (1 << 8 * width) - 1
    value = rng.choice((0, 1, most, most >> 1, (most >> 1) + 1, rng.randrange(most + 1)))
    at = rng.randrange(min(len(sample) - width, rng.choice((64, 4096, len(sample)))) or 1)
    raw = value.to_bytes(width, rng.choice(("big", "little")))
    return sample[:at] + raw + sample[at + width :]


BYTES: Final[tuple[Mutator, ...]] = (flip_bits, truncate, splice, put_token, put_number)


def change_json(sample: bytes, rng: random.Random) -> bytes:
    """The sample with a value, key or element of its JSON changed; lines of JSON, one by one."""
    try:
        return _dumped(_changed(json.loads(sample), rng), rng)
    except (ValueError, RecursionError):
        lines = sample.split(b"\n")
        at = rng.randrange(len(lines))
        try:
            lines[at] = _dumped(_changed(json.loads(lines[at]), rng), rng).replace(b"\n", b" ")
        except (ValueError, RecursionError):
            return put_token(sample, rng)
        return b"\n".join(lines)


def _dumped(value: object, rng: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 1)))
    if rng.random() < 0.1 and '": ' in text:  # a key that is there twice
        key = text.split('"', 2)[1]
        text = text.replace("{", f'{{"{key}": 7, ', 1)
    return text.encode("utf-8", "surrogatepass")


def _changed(value: Any, rng: random.Random) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """The value with something in it changed, as deep as chance goes."""
    if rng.random() < 0.15 or not isinstance(value, list | dict) or not value:
        return rng.choice(VALUES)
    if isinstance(value, list):
        found, at = list(value), rng.randrange(len(value))
        kind = rng.random()
        if kind < 0.08:
            del found[at]
        elif kind < 0.16:
            found.insert(at, found[at])
        else:
            found[at] = _changed(found[at], rng)
        return found
    changed, key = dict(value), rng.choice(list(value))
    kind = rng.random()
    if kind < 0.08:
        del changed[key]
    elif kind < 0.14:
        changed[rng.choice(("", "\0", "id", "\ud800", key + "x"))] = changed.pop(key)
    else:
        changed[key] = _changed(changed[key], rng)
    return changed


def change_cell(sample: bytes, rng: random.Random) -> bytes:
    """A line of a table or text with a cell replaced, lost or doubled."""
    lines = sample.split(b"\n")
    at = rng.randrange(len(lines))
    mark = rng.choice((b",", b"\t", b" ", b":", b"|"))
    cells = lines[at].split(mark)
    where = rng.randrange(len(cells))
    value = rng.choice((*TOKENS, b"", b"nan", b"1e5", b'"', b"'", lines[rng.randrange(len(lines))]))
    cells[where : where + rng.choice((0, 1, 1, 2))] = [value] * rng.choice((0, 1, 1, 2))
    lines[at] = mark.join(cells)
    if rng.random() < 0.1:
        lines.insert(at, lines[rng.randrange(len(lines))])
    return b"\n".join(lines)


_FIELDS: Final[Sequence[tuple[int, int]]] = ((0, 100), (124, 12), (156, 1), (257, 8), (345, 155))
_SIZES: Final[tuple[bytes, ...]] = (
    *(b"-1", b"-1000", b"77777777777", b"8", b"1_0", b"", b"0o17", b"\xff" * 12, b" 12 "),
    *(b"\x80" + b"\xff" * 11, b"\x80" + b"\x7f" * 11, b"\x80" + b"\0" * 10 + b"\x05"),
)


def change_tar_header(sample: bytes, rng: random.Random) -> bytes:
    """A field of one header changed, and the header's checksum made right again."""
    starts = [
        at for at in range(0, len(sample) - 511, 512) if sample[at + 257 : at + 262] == b"ustar"
    ]
    if not starts:
        return flip_bits(sample, rng)
    at = rng.choice(starts)
    header = bytearray(sample[at : at + 512])
    place, length = rng.choice(_FIELDS)
    kind = {124: _SIZES, 156: tuple(bytes([flag]) for flag in b"\x00123456789gxLKSV\xff")}
    value = rng.choice(kind.get(place, TOKENS))[:length]
    header[place : place + length] = value.ljust(length, b"\0")
    total = sum(header) - sum(header[148:156]) + 256
    header[148:156] = b"%06o\0 " % total
    return sample[:at] + bytes(header) + sample[at + 512 :]


def set_chunk_size(sample: bytes, rng: random.Random) -> bytes:
    """A length of a RIFF chunk or an MP4 box set to an extreme value."""
    marks = (
        b"RIFF",
        b"fmt ",
        b"data",
        b"moov",
        b"trak",
        b"mdhd",
        b"stts",
        b"stsz",
        b"ftyp",
        b"mvhd",
    )
    there = [mark for mark in marks if mark in sample]
    if not there:
        return put_number(sample, rng)
    at = sample.index(rng.choice(there)) + rng.choice((-4, 4, 8))
    raw = struct.pack(rng.choice(("<I", ">I")), rng.choice((0, 1, 7, 2**31 - 1, 2**31, 2**32 - 1)))
    return sample[: max(at, 0)] + raw + sample[max(at, 0) + 4 :]


JSON: Final[tuple[Mutator, ...]] = (*BYTES, change_json, change_json, change_json, change_json)
TABLE: Final[tuple[Mutator, ...]] = (*BYTES, change_cell, change_cell, change_cell)
TAR: Final[tuple[Mutator, ...]] = (*BYTES, change_tar_header, change_tar_header)
AUDIO: Final[tuple[Mutator, ...]] = (*BYTES, put_number, put_number, set_chunk_size)


def mutate(sample: bytes, mutators: Sequence[Mutator], rng: random.Random) -> bytes:
    """The sample after one to four mutators; never longer than 1 MiB."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        sample = rng.choice(mutators)(sample, rng)
    return sample[: 1 << 20]
