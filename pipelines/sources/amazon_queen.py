"""Flight of the Amazon Queen: the dialogue of a real game, out of its one container ``queen.1c``.

Layout, all numbers big-endian: ``QTBL``, version, the sounds' compression, a table of entries
(name, bundle, offset, size), the entries. ``.SB`` entries are bare mp3 frames. A ``.DOG`` entry is
one dialogue; two tables of strings in it, Joe's and the other person's, hold lines such as::

    K = 51, person, id 1: "Could be better Joe.*00The plane is pretty badly damaged."

``*00`` is an animation command. It splits the line into pieces, numbered from 1; piece 2 of this
one is spoken in the clip ``510001P2.SB``: talk key 51, id 0001, P for the person, piece 2.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from pipelines.errors import UsageError

PLAYER_CHARACTER = "JOE"

_ENTRY = struct.Struct(">12sBII")
_MP3 = 1  # of the compression byte
_DIALOGUE_HEADER_BYTES = 20  # AmBk…Datas; offsets count from behind it
_TREE_BYTES_PER_LEVEL = 96
_COMMAND = re.compile(r"\*(?:XY\d\d\(\d{3},\d{3}\)|[A-Z]{2}|\d\d)")
_FILE_NAME = re.compile(r"\.CUT$", re.IGNORECASE)  # names a cutscene; nobody speaks it
_SOUND = re.compile(r"\(\s*\w+\s*\)|<\s*\w+\s*>")
_LETTER = re.compile(r"[A-Za-z]")


class Entry(NamedTuple):
    """Where an entry of the container lies."""

    offset: int  # bytes from the start of the file
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class DialogueLine:
    """One spoken piece of a dialogue, with its clip."""

    clip: str  # name of the .SB entry
    character: str
    text: str  # ASCII, no blanks at its ends
    dialogue: str  # name of the .DOG entry
    section: str  # table | opening | second_visit
    offset: int  # first byte of the clip's mp3 frames in the container
    size: int  # bytes

    @property
    def is_sound(self) -> bool:
        """Whether it is only a sound in brackets, ``(sigh)`` or ``<gulp>``, and no words."""
        return _SOUND.fullmatch(self.text) is not None


@dataclass(frozen=True, slots=True)
class Dialogues:
    """Every spoken line of the container."""

    lines: tuple[DialogueLine, ...]  # one a clip, in the order of the container
    repeats: tuple[DialogueLine, ...]  # rows that name a clip which came before; the first counts
    dialogues: int  # number of .DOG entries

    @property
    def sections(self) -> Counter[str]:
        """Rows by section, repeats included."""
        return Counter(line.section for line in (*self.lines, *self.repeats))


def read_entries(container: BinaryIO) -> dict[str, Entry]:
    """The container's table: name -> place.

    Raises:
        UsageError: not such a container, or one whose sounds are not mp3.
    """
    container.seek(0)
    header = container.read(15)
    if len(header) < 15 or header[:4] != b"QTBL":
        raise UsageError("not a rebuilt Amazon Queen container (queen.1c): it lacks the QTBL mark")
    if header[12] != _MP3:
        raise UsageError(f"the container's sounds have compression {header[12]}, expected 1 (mp3)")
    (count,) = struct.unpack(">H", header[13:15])
    table = container.read(count * _ENTRY.size)
    if len(table) < count * _ENTRY.size:
        raise UsageError("the container ends inside its table")
    entries = {}
    for raw_name, _bundle, offset, size in _ENTRY.iter_unpack(table):
        entries[raw_name.rstrip(b"\0").decode("ascii", "replace")] = Entry(offset, size)
    return entries


def read_dialogues(container: BinaryIO) -> Dialogues:
    """All lines that have a clip, in the order of the container's table.

    Raises:
        UsageError: not such a container, or a dialogue in it is damaged.
    """
    entries = read_entries(container)
    names = [name for name in entries if name.endswith(".DOG")]
    lines: dict[str, DialogueLine] = {}
    repeats = []
    for name in names:
        container.seek(entries[name].offset)
        dialogue = container.read(entries[name].size)
        try:
            rows = list(_dialogue_lines(name, dialogue, entries))
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise UsageError(f"dialogue {name} of the container is damaged: {error}") from error
        for line in rows:
            if line.clip in lines:
                repeats.append(line)
            else:
                lines[line.clip] = line
    return Dialogues(tuple(lines.values()), tuple(repeats), len(names))


def split_line(text: str) -> list[str]:
    """The pieces of a line between its animation commands; empty ones keep their place.

    >>> split_line("*01What do you want?*XY12(034,200) Well?")
    ['', 'What do you want?', ' Well?']
    """
    return _COMMAND.split(text)


def _dialogue_lines(name: str, raw: bytes, entries: Mapping[str, Entry]) -> Iterator[DialogueLine]:
    content = raw[_DIALOGUE_HEADER_BYTES:]
    levels, _, talk_key, joe_rows, person_rows = struct.unpack_from(">5h", content)
    person_table, _cutaway, second_visit = struct.unpack_from(">3H", content, 22)
    # A negative number of levels: a conversation that cannot be left.
    joe_table = 32 + _TREE_BYTES_PER_LEVEL * abs(levels)
    person = re.sub(r"\d*\.DOG$", "", name)
    told: list[tuple[str, str, str, str]] = []  # prefix, character, text, section
    for row_id, text in _table(content, joe_table, joe_rows):
        if row_id == 0:
            told.append((f"{talk_key:02d}SSSSJ", PLAYER_CHARACTER, text, "opening"))
        else:
            prefix = f"{talk_key:02d}{row_id:04X}J"
            told.append((prefix, PLAYER_CHARACTER, text, "table"))
    for row_id, text in _table(content, person_table, person_rows):
        if row_id:  # entry 0 repeats Joe's line of the second visit
            told.append((f"{talk_key:02d}{row_id:04X}P", person, text, "table"))
    text, position = _string(content, second_visit, alignment=2)
    told.append((f"{talk_key:02d}XXXXP", person, text, "second_visit"))
    text, _ = _string(content, position, alignment=2)
    told.append((f"{talk_key:02d}XXXXJ", PLAYER_CHARACTER, text, "second_visit"))
    for prefix, character, text, section in told:
        for number, piece in enumerate(split_line(text), start=1):
            words = piece.strip()
            if not _LETTER.search(words) or _FILE_NAME.search(words):
                continue
            clip = f"{prefix}{number:X}.SB"
            place = entries.get(clip)
            if place is not None:
                yield DialogueLine(clip, character, words, name, section, *place)


def _table(content: bytes, position: int, rows: int) -> Iterator[tuple[int, str]]:
    for _ in range(rows):
        (row_id,) = struct.unpack_from(">h", content, position + 2)
        text, position = _string(content, position + 4, alignment=4)
        yield row_id, text


def _string(content: bytes, position: int, alignment: int) -> tuple[str, int]:
    """A string and where the next one begins; an empty string is not filled up."""
    length = content[position]
    end = position + 1 + length
    if end > len(content):
        raise IndexError(f"a string at byte {position} is longer than its dialogue")
    text = content[position + 1 : end].decode("ascii")
    return text, -(-end // alignment) * alignment if length else end
