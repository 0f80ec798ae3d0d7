"""What a labelled corpus's layout gives: lines as its files have them, nothing checked yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipelines.sources.base import Refusal, Shard
from pipelines.sources.clip_file import Clip
from schemas import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One utterance of a labelled corpus."""

    key: str  # unique in the corpus; made of its own ids
    location: str  # file and line or row, for messages
    audio: str  # path or URI of the clip; a path is relative to `folder`
    folder: str  # what `audio` may not leave
    text: str | None  # None: the corpus has no transcript for the clip
    speaker: str | None  # None: nobody is named
    language: str  # ISO 639-1, or the corpus's own word for it (settings.languages)
    labels: tuple[Label, ...]  # in this project's words, any order
    text_raw: str | None = None  # as shipped, where the layout took marks out of `text`
    description: str | None = None  # style in words, as shipped
    source_id: str | None = None  # recording or dialogue it was cut from; None: the key
    title: str | None = None
    tags: tuple[str, ...] = ()
    probe_clip: Callable[[], Clip] | None = None  # of audio inside a table, instead of a file


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that its layout can already refuse: an unknown label, a broken row."""

    key: str
    location: str
    refusal: Refusal


class Layout(Protocol):
    """How one corpus lies on disk. Pure parsing: `LabelledSource` looks at text and audio."""

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """The files to read on their own, sorted: label files, or folders of a speaker.

        Raises:
            UsageError: an input is missing, or nothing in it is of this layout; says what is
                expected and which setting says where else it may be.
        """
        ...

    def prepare(self) -> None:
        """Loads what every shard needs (tables of speakers, say), once a worker.

        Raises:
            UsageError: a table is missing or not what it should be.
        """
        ...

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """The shard's utterances, in file order, in bounded memory.

        Raises:
            UsageError: the shard is gone, or not what its name says (its encoding, too).
            Refusal: the rest of the shard cannot be read; what came before was given.
        """
        ...
