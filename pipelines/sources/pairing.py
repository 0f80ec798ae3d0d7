"""Transcript and audio of one utterance find each other, in whatever order an archive has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipelines.errors import StageFailed
from pipelines.sources.audio_facts import AudioFacts
from pipelines.sources.base import Refusal
from pipelines.sources.tar_members import TarMember


class Half(NamedTuple):
    """A transcript or a clip, waiting for the other."""

    is_audio: bool
    member: TarMember
    payload: bytes  # of a transcript; empty for a clip
    facts: AudioFacts | None  # of a clip that could be probed
    refusal: Refusal | None  # what is wrong with this half already


class Pair(NamedTuple):
    """Both halves of one utterance; one of them may have been missing."""

    key: str
    transcript: Half | None
    audio: Half | None


class Pairing:
    """Halves by key, first come first served, a bounded number of them waiting."""

    def __init__(self, limit: int) -> None:
        """Takes the most keys, and halves of one key, that may wait at once."""
        self._waiting: dict[str, list[Half]] = {}
        self._limit = limit
        self._last_key: str | None = None  # of the half that came last

    def add(self, key: str, half: Half) -> Pair | None:
        """The pair that this half completes, if it does.

        Raises:
            StageFailed: more halves wait than the limit allows.
        """
        self._last_key = key
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= self._limit:
                raise StageFailed(
                    f"{self._limit} files wait for their transcript or audio: is this the right "
                    "layout? If the archive is sorted by file type, raise pending_limit"
                )
            self._waiting[key] = [half]
            return None
        if waiting[0].is_audio == half.is_audio:
            waiting.append(half)
            if len(waiting) > self._limit:
                raise StageFailed(f"more than {self._limit} files are named {key}")
            return None
        other = waiting.pop(0)
        if not waiting:
            del self._waiting[key]
        return Pair(key, other, half) if half.is_audio else Pair(key, half, other)

    def last_waiting(self) -> tuple[str, Half] | None:
        """The half that came last, if it has no partner yet."""
        waiting = self._waiting.get(self._last_key or "")
        return (self._last_key or "", waiting[-1]) if waiting else None

    def leftovers(self) -> Iterator[Pair]:
        """The halves whose partner never came, in the order in which they came."""
        for key, halves in self._waiting.items():
            for half in halves:
                yield Pair(key, None, half) if half.is_audio else Pair(key, half, None)
        self._waiting.clear()
