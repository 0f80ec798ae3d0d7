"""InstructTTSEval's file: every text under three kinds of instruction (FlexiVoice 5.1).

One entry has the form

    {"id": ..., "text": ..., "APS": {"instruction": ..., "gen_path": ...}, "DSD": ..., "RP": ...}

as a JSON list, or one a line. `gen_path` is where the speech of a system lies; it is there once a
system has spoken. Other keys are the benchmark's own, and not read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import ConfigDict, Field, StringConstraints

from trainer.errors import UsageError

# Acoustic-Parameter Specification, Descriptive-Style Directive, Role-Play.
LEVELS = ("aps", "dsd", "rp")
Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Directive(pydantic.BaseModel):
    """One instruction, and where the speech is that should follow it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    instruction: Filled
    gen_path: str | None = None


class Item(pydantic.BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    id: Filled | int
    text: Filled
    aps: Directive = Field(alias="APS")
    dsd: Directive = Field(alias="DSD")
    rp: Directive = Field(alias="RP")

    def directive(self, level: str) -> Directive:
        """Of one of `LEVELS`."""
        return {"aps": self.aps, "dsd": self.dsd, "rp": self.rp}[level]

    def speech_path(self, level: str, folder: Path) -> Path | None:
        """The file of the speech, in a folder; None where there is none yet.

        Raises:
            UsageError: the path leads out of the folder.
        """
        given = self.directive(level).gen_path
        if not given:
            return None
        path = (folder / given).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise UsageError(
                f"InstructTTSEval {self.id} {level.upper()}: gen_path {given!r} leads out of "
                f"{folder}; give the folder that has all speech, or paths below it"
            )
        return path


def read_items(path: Path) -> list[Item]:
    """All entries, in order.

    Raises:
        UsageError: the file cannot be read, has no entries, an entry is not of the form, or an id
            is there twice; the message names the entry by its number, from 1.
    """
    items: list[Item] = []
    seen: set[str] = set()
    for number, content in enumerate(_entries(path), 1):
        try:
            item = Item.model_validate(content)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            steps = ".".join(str(step) for step in first["loc"])
            raise UsageError(
                f"{path} entry {number}: {steps + ': ' if steps else ''}{first['msg']}; an entry "
                "has id, text, and APS, DSD and RP with an instruction each"
            ) from error
        if str(item.id) in seen:
            raise UsageError(f"{path} entry {number}: id {item.id} is there twice")
        seen.add(str(item.id))
        items.append(item)
    return items


def _entries(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}; give InstructTTSEval's JSON") from error
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}; give InstructTTSEval's JSON") from error
    if not found:
        raise UsageError(f"{path}: no entries there; give InstructTTSEval's JSON")
    return list(found)
