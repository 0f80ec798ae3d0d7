"""The key of a test: which item is which system. It stays with whoever runs the test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Self

import pydantic
from pydantic import model_validator

from trainer.errors import UsageError
from trainer.listening.items import Item
from trainer.listening.settings import SCALES, ListenSettings, Test
from trainer.listening.sheets import Sheet
from trainer.settings import Strict

SCHEMA_VERSION: Final = 1


class KeyItem(Strict):
    """What an item is."""

    system: str
    task: str
    language: str
    case: str
    sounds: tuple[str, ...]  # SHA-256 of the WAV: the clip, and in CMOS the baseline's
    low: float | None  # gold items: the right answers; CMOS: of the clip over the baseline
    high: float | None


class KeyEntry(Strict):
    """A line of a sheet."""

    item: str
    baseline_first: bool | None  # CMOS: the baseline is A, the clip B


class KeySheet(Strict):
    """A rater's sheet."""

    rater: str
    sheet: str  # its hash, which the ratings name
    entries: tuple[KeyEntry, ...]


class Key(Strict):
    """The file `key.json`."""

    schema_version: Literal[1]
    test: Test
    settings: ListenSettings
    sheets: tuple[KeySheet, ...]
    items: dict[str, KeyItem]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for sheet in self.sheets:
            for entry in sheet.entries:
                if entry.item not in self.items:
                    raise ValueError(f"{sheet.rater} has item {entry.item}, which is not in items")
        return self


def make_key(
    items: Sequence[Item],
    sheets: Sequence[Sheet],
    sounds: Mapping[str, tuple[str, ...]],
    test: Test,
    settings: ListenSettings,
) -> Key:
    """The key.

    Args:
        items: all of the test.
        sheets: of all raters.
        sounds: item id -> SHA-256 of what is heard.
        test: which it is.
        settings: what it was made with.
    """
    known = {
        item.id: KeyItem(
            system=item.clip.system,
            task=item.clip.task,
            language=item.clip.language,
            case=item.clip.case,
            sounds=sounds[item.id],
            low=item.low,
            high=item.high,
        )
        for item in items
    }
    lines = tuple(
        KeySheet(
            rater=sheet.rater,
            sheet=sheet_hash(sheet, sounds, test, settings),
            entries=tuple(
                KeyEntry(item=entry.item.id, baseline_first=entry.baseline_first)
                for entry in sheet.entries
            ),
        )
        for sheet in sheets
    )
    return Key(
        schema_version=SCHEMA_VERSION, test=test, settings=settings, sheets=lines, items=known
    )


def sheet_hash(
    sheet: Sheet, sounds: Mapping[str, tuple[str, ...]], test: Test, settings: ListenSettings
) -> str:
    """SHA-256 of all that a rater is asked: the clips' bytes, their order, the words and scale."""
    asked = [
        {
            "item": entry.item.id,
            "baseline_first": entry.baseline_first,
            "sounds": sounds[entry.item.id],
            "told": entry.item.clip.model_dump(mode="json", exclude={"system", "audio"}),
        }
        for entry in sheet.entries
    ]
    whole = {
        "schema_version": SCHEMA_VERSION,
        "test": test,
        "scale": SCALES[test],
        "page_language": settings.page_language,
        "rater": sheet.rater,
        "asked": asked,
    }
    line = json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def read_key(path: Path) -> Key:
    """Reads `key.json`.

    Raises:
        UsageError: it is missing or no key.
    """
    try:
        return Key.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        steps = ".".join(str(step) for step in first["loc"])
        found = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {steps + ': ' if steps else ''}{found}") from error
