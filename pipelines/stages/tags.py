"""Paralinguistic tags of transcripts, for the trainer's vocabulary (FlexiVoice A.2, NVSpeech).

A tag stands in square brackets where the sound is heard: ``你真的太好笑了[Laughter]``. The list has
one a line, as ``python -m trainer.expand --tags`` reads it, the most frequent first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.errors import StageFailed

MAX_TAGS = 1000  # as many as the trainer takes; more are no tags but something else in brackets
_BRACKETS = re.compile(r"\[[^\[\]]{1,100}\]")
_TAG = re.compile(r"\[[A-Za-z][A-Za-z0-9 _-]{0,30}\]")  # what the trainer takes for one


@dataclass(frozen=True)
class TagCounts:
    """What stands in square brackets in transcripts, and how often."""

    tags: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)  # of no form that the trainer takes

    def add(self, texts: Iterable[str]) -> None:
        """Counts what is in these transcripts.

        Raises:
            StageFailed: more different ones than any set of tags has.

        >>> counts = TagCounts()
        >>> counts.add(["[Sigh]好吧[Laughter]", "唉[Sigh]", "[笑声]"])
        >>> counts.lines(), counts.others
        (['[Sigh]', '[Laughter]'], Counter({'[笑声]': 1}))
        """
        for text in texts:
            for found in _BRACKETS.findall(text):
                kind = self.tags if _TAG.fullmatch(found) else self.others
                kind[found] += 1
                if len(kind) > MAX_TAGS:
                    raise StageFailed(
                        f"more than {MAX_TAGS} different tags, {found} is one: are these tags? "
                        "List those of the corpus by hand"
                    )

    def lines(self) -> list[str]:
        """The tags, by how often they occur, ties by name."""
        return sorted(self.tags, key=lambda tag: (-self.tags[tag], tag))

    def summary(self) -> str:
        """What was found, in one line."""
        total = sum(self.tags.values())
        line = f"{len(self.tags):,} tags, {total:,} times"
        if self.others:
            rare = ", ".join(tag for tag, _ in self.others.most_common(3))
            line += (
                f"; left out: {sum(self.others.values()):,} in brackets of another form ({rare})"
            )
        return line
