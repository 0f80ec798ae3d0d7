"""Dialogue lines -> the raw-dump layout that game voice is read from: ``result.json`` + mp3 files.

One entry of ``result.json``::

    {"510001P1.mp3": {"fileName": "SPARKY1.DOG/510001P1.SB", "language": "English",
     "text": "Could be better Joe.", "guid": "510001P1", "talkRole": "SPARKY",
     "talkRoleType": "TALK_ROLE_NPC", "gameTrigger": "Dialog", "gameTriggerArgs": "table"}}
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines import files
from pipelines.sources.amazon_queen import (
    PLAYER_CHARACTER,
    DialogueLine,
    Dialogues,
    read_dialogues,
)
from pipelines.sources.queen_package import CONTAINER_SHA256, open_package

_SECONDS_PER_BYTE = 8 / 16000  # all clips are 16 kb/s, constant

NOTICE = """This is a MODIFIED version of a part of the game "Flight of the Amazon Queen",
(C) 1995 John Passfield and Steven Stamatiadis.

What was modified: {count} speech clips were cut out of the game's data file and saved one a file,
unchanged as mp3 frames; their texts were cut out of the game's dialogues, freed of animation
commands and written to result.json. The game itself is not here.

The licence is in the files readme.txt and copyright, which must stay with every copy. In short:
free to distribute, never for sale by itself, and modified versions must say that they are, as this
one does.
"""


@dataclass(frozen=True)
class Built:
    """What a build wrote, or would write."""

    clips: int
    audio_bytes: int
    characters: int
    repeated_rows: int  # rows of the dialogues that name a clip which came before
    dialogues: int


def build_corpus(
    package: Path,
    output: Path | None,
    lines: Sequence[DialogueLine] | None = None,
    limit: int | None = None,
    sha256: str = CONTAINER_SHA256,
) -> Built:
    """Writes the dialogue of the game in the raw-dump layout; ``result.json`` comes last.

    Args:
        package: the ``.deb``, a folder it was unpacked into, or ``queen.1c``.
        output: folder to write; None writes nothing.
        lines: a choice of lines; all of them by default.
        limit: at most that many lines, from the start of the container.
        sha256: what the container must hash to.

    Raises:
        UsageError: the package is not the expected one.
    """
    with open_package(package, sha256) as opened:
        dialogues = read_dialogues(opened.container)
        chosen = list(dialogues.lines if lines is None else lines)[:limit]
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for line in chosen:
                opened.container.seek(line.offset)
                clip = opened.container.read(line.size)
                (output / _audio_name(line)).write_bytes(clip)
            for name, text in opened.licence_texts.items():
                (output / name).write_bytes(text)
            notice = NOTICE.format(count=len(chosen))
            (output / "NOTICE").write_text(notice, encoding="utf-8")
            entries = {_audio_name(line): _entry(line) for line in chosen}
            content = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
            files.write_text(str(output / "result.json"), content)
    return _built(dialogues, chosen)


def list_lines(package: Path, sha256: str = CONTAINER_SHA256) -> Dialogues:
    """The lines of the game, nothing written.

    Raises:
        UsageError: the package is not the expected one.
    """
    with open_package(package, sha256) as opened:
        return read_dialogues(opened.container)


def choose_excerpt(
    lines: Sequence[DialogueLine], characters: int = 12, each: int = 8
) -> list[DialogueLine]:
    """A small choice of lines that is good to annotate: the same one every time.

    The characters with most lines, and of each the same number of lines, evenly spread over the
    game: at least 4 words, 1.2 to 6 s (both included), no text twice, and no name of a character in
    it, so that a description that names one cannot have it from the text.
    """
    # "AND" is short for Anderson: as a word it would rule out half of the lines.
    names = {line.character.capitalize() for line in lines} - {"And"}
    fit: dict[str, list[DialogueLine]] = defaultdict(list)
    texts: set[str] = set()
    for line in lines:
        words = re.findall(r"[A-Za-z']+", line.text)
        seconds = line.size * _SECONDS_PER_BYTE
        if len(words) >= 4 and 1.2 <= seconds <= 6 and not names.intersection(words):
            if line.text not in texts:
                fit[line.character].append(line)
            texts.add(line.text)
    most = sorted(fit, key=lambda name: (-len(fit[name]), name))[:characters]
    chosen = []
    for name in most:
        available = fit[name]
        count = min(each, len(available))
        chosen += [available[index * len(available) // count] for index in range(count)]
    return sorted(chosen, key=lambda line: line.offset)


def _audio_name(line: DialogueLine) -> str:
    return line.clip.removesuffix(".SB") + ".mp3"


def _entry(line: DialogueLine) -> dict[str, str]:
    is_player = line.character == PLAYER_CHARACTER
    return {
        "fileName": f"{line.dialogue}/{line.clip}",
        "language": "English",
        "text": line.text,
        "guid": line.clip.removesuffix(".SB"),
        "talkRole": line.character,
        "talkRoleType": "TALK_ROLE_PLAYER" if is_player else "TALK_ROLE_NPC",
        "gameTrigger": "Dialog",
        "gameTriggerArgs": line.section,
    }


def _built(dialogues: Dialogues, chosen: Sequence[DialogueLine]) -> Built:
    return Built(
        clips=len(chosen),
        audio_bytes=sum(line.size for line in chosen),
        characters=len({line.character for line in chosen}),
        repeated_rows=len(dialogues.repeats),
        dialogues=dialogues.dialogues,
    )
