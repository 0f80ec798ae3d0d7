"""From a table of clips to pages and their key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import UsageError
from trainer.listening.clips import read_clips
from trainer.listening.items import Item, draw_items
from trainer.listening.key import Key, make_key
from trainer.listening.page import render_page
from trainer.listening.settings import ListenSettings, Test
from trainer.listening.sheets import deal
from trainer.listening.sounds import Sounds
from trainer.listening.writing import write_text

KEY_NAME = "key.json"
PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made."""

    key: Key
    pages: tuple[Path, ...]
    unused_columns: tuple[str, ...]


def make_test(table: Path, audio: Path, output: Path, test: Test, settings: ListenSettings) -> Made:
    """Writes `output/pages/rater-NN.html`, and `output/key.json`, which raters must not get.

    Args:
        table: the clips; see :func:`trainer.listening.clips.read_clips`.
        audio: folder that the table's paths are from, and do not leave.
        output: a folder.
        test: which test.
        settings: of all tests.

    Raises:
        UsageError: the table, a clip or a setting is wrong, or the folder holds other sheets.
    """
    clips, unused = read_clips(table)
    items = draw_items(clips, test, settings)
    sheets = deal(items, test, settings)
    sounds = Sounds(audio, settings.max_seconds)
    digests = {item.id: _digests(item, sounds) for item in items}
    key = make_key(items, sheets, digests, test, settings)
    text = key.model_dump_json(indent=1) + "\n"
    path = output / KEY_NAME
    _check_free(path, text)
    pages = []
    for sheet, line in zip(sheets, key.sheets, strict=True):
        page = render_page(sheet, line.sheet, test, settings.page_language, sounds.wav)
        pages.append(output / PAGES / f"{sheet.rater}.html")
        write_text(pages[-1], page)
    write_text(path, text)
    return Made(key, tuple(pages), unused)


def _digests(item: Item, sounds: Sounds) -> tuple[str, ...]:
    others = (item.baseline.audio if item.baseline else None, item.clip.reference)
    heard = [(item.clip.audio, item.drowned), *((audio, False) for audio in others if audio)]
    return tuple(hashlib.sha256(sounds.wav(*one)).hexdigest() for one in heard)


def _check_free(path: Path, text: str) -> None:
    """Ratings of sheets whose key is gone are worth nothing, so no key is ever written over."""
    if path.exists() and path.read_bytes() != text.encode():
        raise UsageError(
            f"{path}: already the key of other sheets, which may be with raters; give another "
            "--output, or remove that folder"
        )
