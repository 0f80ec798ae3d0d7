"""Prompts as files: ``<name>/<version>.md``, never changed once released.

A prompt file holds a system message and, after it, example exchanges::

    # system
    ...
    # user
    {"speech transcript": ...}
    # assistant
    {"description": ...}

The system message and the examples are the static part: byte-identical in every request, so that
the server's prefix cache pays for them. The variable JSON is sent last, as one more user message.

Templates that need no chat model are in :mod:`prompts.templates`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from prompts.templates import Templates, load_templates

__all__ = ["Prompt", "Templates", "load", "load_templates"]

_HEADING = re.compile(r"^# (system|user|assistant)\s*$", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9_]+")
_VERSION = re.compile(r"v[0-9]+(\.[a-z0-9_]+)?")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One released prompt."""

    name: str
    version: str
    sha256: str  # of the file's bytes
    messages: tuple[tuple[str, str], ...]  # (role, content), the static part of every request

    @property
    def label(self) -> str:
        """Name and version, as records carry it."""
        return f"{self.name}/{self.version}"

    @property
    def examples(self) -> tuple[str, ...]:
        """The example replies, for the audit that looks for copies of them."""
        return tuple(content for role, content in self.messages if role == "assistant")


@cache
def load(name: str, version: str) -> Prompt:
    """The prompt ``prompts/<name>/<version>.md``.

    Raises:
        ValueError: there is no such prompt, or the file does not have the form described above.
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ValueError(f"not a prompt name and version: {name!r} {version!r}")
    path = resources.files(__name__) / name / f"{version}.md"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"no prompt prompts/{name}/{version}.md") from error
    pieces = _HEADING.split(content.decode("utf-8"))
    if pieces[0].strip():
        raise ValueError(f"prompts/{name}/{version}.md: text before the first heading")
    messages = tuple(
        (role, text.strip()) for role, text in zip(pieces[1::2], pieces[2::2], strict=True)
    )
    roles = [role for role, _ in messages]
    if roles != ["system", *["user", "assistant"] * (len(roles) // 2)]:
        raise ValueError(
            f"prompts/{name}/{version}.md: expected a system part, then user and assistant in turn"
        )
    return Prompt(name, version, hashlib.sha256(content).hexdigest(), messages)
