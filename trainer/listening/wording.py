"""The page's own words, in the raters' language (page_files/en.yaml, zh.yaml)."""

from __future__ import annotations

import importlib.resources

import yaml

from trainer.listening.settings import Test
from trainer.settings import Strict


class ToldWords(Strict):
    """Headings over what a rater reads."""

    emotion: str
    scene: str
    profiles: str
    history: str
    instruction: str
    text: str


class PlayerWords(Strict):
    """Names of the clips."""

    only: str
    a: str
    b: str
    reference: str


class Words(Strict):
    """All words of a page; `answers` says what a rating means, where there is something to say."""

    title: dict[Test, str]
    intro: dict[Test, tuple[str, ...]]
    before: tuple[str, ...]
    keys: dict[Test, str]
    question: dict[Test, str]
    answers: dict[Test, dict[str, str]]
    emotions: dict[str, str]  # label -> word; others are shown as the table has them
    told: ToldWords
    players: PlayerWords
    play: str
    pause: str
    position: str
    start: str
    resume: str
    back: str
    next: str
    count: str  # with {at} and {all}
    listen_first: str
    unplayable: str
    not_kept: str
    done: str
    done_text: str
    save: str
    saved: str  # with {name}
    copy_text: str
    rater: str


def page_file(name: str) -> str:
    """The text of one of the page's files."""
    folder = importlib.resources.files("trainer.listening").joinpath("page_files")
    return folder.joinpath(name).read_text(encoding="utf-8")


def load_words(language: str) -> Words:
    """The words in English (`en`) or Chinese (`zh`).

    >>> load_words("en").play, load_words("zh").play
    ('Play', '播放')
    """
    return Words.model_validate(_tuples(yaml.safe_load(page_file(f"{language}.yaml"))))


def _tuples(found: object) -> object:
    if isinstance(found, dict):
        return {name: _tuples(value) for name, value in found.items()}
    return tuple(map(_tuples, found)) if isinstance(found, list) else found
