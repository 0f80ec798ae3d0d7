"""A rater's page: one HTML file that needs nothing else, neither a server nor a network.

The clips are inside it: a page that is sent to a phone is opened from wherever it was put, and
files beside it are out of its reach there. Rows of the table are outside text, and hostile: Jinja
escapes it, and the page's policy runs its own script only, by hash. Nothing in it names a system.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import jinja2
from markupsafe import Markup

from trainer.listening.clips import Clip
from trainer.listening.key import SCHEMA_VERSION
from trainer.listening.settings import SCALES, Test
from trainer.listening.sheets import Entry, Sheet
from trainer.listening.wording import Words, load_words, page_file

# What a rater is told. Q-MOS is of sound alone (FlexiVoice A.9: the style instruction is to be
# ignored), and who has read the words understands them too well. CMOS: the target emotion. MCLP
# 6.1: raters read scene and profiles before they score.
TOLD: dict[Test, tuple[str, ...]] = {
    "q_mos": (),
    "mos": ("scene", "profiles", "history", "instruction", "text"),
    "cmos": ("emotion", "text"),
}
# Format characters that turn or hide text around them.
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Player:
    """A clip of an item as the page shows it."""

    name: str  # only | a | b | reference
    sound: str  # id of the element that holds it
    required: bool  # to be heard before rating


@dataclass(frozen=True, slots=True)
class PageItem:
    """An item as the page shows it."""

    id: str
    told: tuple[tuple[str, tuple[str, ...]], ...]
    players: tuple[Player, ...]


@dataclass(frozen=True, slots=True)
class PageSound:
    """A clip inside a page; one that is heard in several items is there once."""

    name: str
    base64: str


class PageSounds:
    """The clips of one page, numbered as they come."""

    def __init__(self, wav: Callable[[str, bool], bytes]) -> None:
        """Takes what gives a clip as WAV, drowned or not."""
        self._wav = wav
        self._names: dict[bytes, str] = {}

    def name(self, audio: str, drowned: bool = False) -> str:
        """The id of the element with this clip."""
        return self._names.setdefault(self._wav(audio, drowned), f"sound-{len(self._names)}")

    def __iter__(self) -> Iterator[PageSound]:
        """All that were named."""
        for content, name in self._names.items():
            yield PageSound(name, base64.b64encode(content).decode("ascii"))


def render_page(
    sheet: Sheet, digest: str, test: Test, language: str, wav: Callable[[str, bool], bytes]
) -> str:
    """The page of a sheet; the same sheet gives the same bytes.

    Args:
        sheet: what is asked.
        digest: the sheet's hash.
        test: which test it is of.
        language: of the page's own words.
        wav: a clip as WAV, from its path and whether it is drowned.
    """
    words = load_words(language)
    sounds = PageSounds(wav)
    items = [_page_item(entry, test, words, sounds) for entry in sheet.entries]
    script, style = page_file("page.js"), page_file("page.css")
    return _template().render(
        test=test,
        language=language,
        rater=sheet.rater,
        words=words,
        scale=list(_scale(test, words)),
        items=items,
        sounds=sounds,
        sheet=_for_script(sheet, digest, test, words),
        script=Markup(script),  # noqa: S704  (the project's own file)
        style=Markup(style),  # noqa: S704
        script_hash=_policy_hash(script),
        style_hash=_policy_hash(style),
    )


def ratings_name(test: Test, rater: str) -> str:
    """Name of the file that a rater saves."""
    return f"ratings-{test}-{rater}.json"


def clean(text: str) -> str:
    r"""Outside text without control characters and without marks that turn the text around it.

    >>> clean("a\x1b[31m\u202eb\nc")
    'a�[31m�b\nc'
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if one in _TURNING or (unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t")
        else one
        for one in text
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(page_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["clean"] = clean
    return environment.get_template("page.html")


def _page_item(entry: Entry, test: Test, words: Words, sounds: PageSounds) -> PageItem:
    item = entry.item
    heard = [(item.clip.audio, item.drowned)]
    names: tuple[str, ...] = ("only",)
    if item.baseline is not None:
        heard.append((item.baseline.audio, False))
        if entry.baseline_first:
            heard.reverse()
        names = ("a", "b")
    players = [
        Player(name, sounds.name(*sound), required=True)
        for name, sound in zip(names, heard, strict=True)
    ]
    if test == "cmos" and item.clip.reference is not None:
        players.append(Player("reference", sounds.name(item.clip.reference), required=False))
    return PageItem(item.id, tuple(_told(item.clip, test, words)), tuple(players))


def _told(clip: Clip, test: Test, words: Words) -> Iterator[tuple[str, tuple[str, ...]]]:
    for field in TOLD[test]:
        value = cast("str | tuple[str, ...] | None", getattr(clip, field))
        if value:
            lines = (value,) if isinstance(value, str) else value
            known = words.emotions if field == "emotion" else {}
            yield field, tuple(known.get(line, line) for line in lines)


def _scale(test: Test, words: Words) -> Iterator[tuple[str, str]]:
    """Value and meaning of every answer as the page lists them; Q-MOS from the best (A.9)."""
    values = SCALES[test][::-1] if test == "q_mos" else SCALES[test]
    for value in values:
        shown = f"{value:g}"
        yield shown, words.answers[test].get(shown, "")


def _for_script(sheet: Sheet, digest: str, test: Test, words: Words) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "test": test,
        "sheet": digest,
        "rater": sheet.rater,
        "scale": SCALES[test],
        "items": [entry.item.id for entry in sheet.entries],
        "file": ratings_name(test, sheet.rater),
        "words": words.model_dump(include={"play", "pause", "resume", "count", "saved"}),
    }


def _policy_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
