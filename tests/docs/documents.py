"""What the documents show: their fenced blocks, and the commands in them and in ticks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("samples/*/README.md"),
        *ROOT.glob("tests/*/README.md"),
    ]
)
_BLOCK = re.compile(r"^(?P<in> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=in)```$", re.M | re.S)
_TICKS = re.compile(r"`([^`\n]+)`")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|work|tmp|Users|mnt|opt|var)/\w")
# What a command line of the documents begins with; in ticks, what makes it a command at all.
PROGRAMS = ("python", "make", "dvc", "pytest", "torchrun", "pip", "ruff", "mypy", ".")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: Path
    line: int
    language: str
    text: str  # without the indentation of the fence


@dataclass(frozen=True)
class Command:
    """A command line."""

    document: Path
    line: int
    assignments: tuple[tuple[str, str], ...]  # environment variables before it
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}:{self.line} {' '.join(self.words)}"

    @property
    def program(self) -> str:
        """Without the folder: ``python`` of ``.venv/bin/python``."""
        return self.words[0].removeprefix(".venv/bin/")


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        indent = len(match["in"])
        lines = [line[indent:] for line in match["text"].splitlines()]
        number = text.count("\n", 0, match.start()) + 2
        found.append(Block(document, number, match["language"], "\n".join(lines) + "\n"))
    return found


def block_commands(block: Block) -> list[Command]:
    """The lines of a ``sh`` block, continued lines as one."""
    found, start, text = [], 0, ""
    for number, line in enumerate(block.text.splitlines(), block.line):
        start, text = start or number, text + _COMMENT.sub("", line)
        if text.endswith("\\"):
            text = text[:-1]
            continue
        if text.strip():
            found.append(command_of(block.document, start, text))
        start, text = 0, ""
    return found


def commands() -> Iterator[Command]:
    """Every command of the documents."""
    for document in DOCUMENTS:
        for block in blocks(document):
            if block.language == "sh":
                yield from block_commands(block)
        text = _BLOCK.sub("", (ROOT / document).read_text(encoding="utf-8"))
        for ticks in _TICKS.findall(text):
            words = ticks.split()
            if len(words) > 1 and words[0].removeprefix(".venv/bin/") in PROGRAMS:
                yield command_of(document, 0, ticks)


def command_of(document: Path, line: int, text: str) -> Command:
    """The command of one line; assignments of environment variables may stand before it."""
    words = shlex.split(text)
    count = 0
    while _ASSIGNMENT.fullmatch(words[count]):
        count += 1
    assigned = (word.partition("=") for word in words[:count])
    pairs = tuple((name, value) for name, _, value in assigned)
    return Command(document, line, pairs, tuple(words[count:]))
