"""Speech turns <-> RTTM, NIST's text format for who speaks when.

One turn a line: `SPEAKER <recording> <channel> <start> <duration> <NA> <NA> <speaker> <NA> <NA>`,
times in seconds. What is written reads back exactly: a time has as many decimals as its float
needs, and at least three. What cannot be written so is an error, as is every line that is not
understood.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

from pipelines.errors import PipelineError
from schemas.episode import SpeechTurn

_MISSING = "<NA>"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)  # no sign, exponent, nan or inf
# Line types of RT-09 that say nothing about who speaks when, and are passed over.
_OTHER_TYPES = frozenset(
    "SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P "
    "SPKR-INFO".split()
)


class RttmError(PipelineError):
    """A line that is not RTTM, or a turn that RTTM cannot hold."""


def write_rttm(recording: str, turns: Iterable[SpeechTurn]) -> str:
    r"""The turns as RTTM in the order given, channel 1, a newline after each.

    Raises:
        RttmError: an id or label is empty, is ``<NA>`` or holds white space; a time is negative or
            not a finite number.

    >>> write_rttm("Y01", [SpeechTurn(start=2.04, duration=2.8, speaker="A")])
    'SPEAKER Y01 1 2.040 2.800 <NA> <NA> A <NA> <NA>\n'
    """
    _check_name(recording, "recording id")
    lines = []
    for turn in turns:
        _check_name(turn.speaker, f"speaker label in {recording}")
        start, duration = (_as_text(time, recording) for time in (turn.start, turn.duration))
        lines.append(
            f"SPEAKER {recording} 1 {start} {duration} {_MISSING} {_MISSING} {turn.speaker} "
            f"{_MISSING} {_MISSING}\n"
        )
    return "".join(lines)


def read_rttm(text: str, file_name: str) -> dict[str, tuple[SpeechTurn, ...]]:
    """Recording id -> its turns, both in the order of the text.

    Empty lines, comments (``;;``) and the other line types of RTTM are passed over. Lines may have
    9 or 10 columns: the last came late to the format.

    Args:
        text: the content of the file.
        file_name: for messages.

    Raises:
        RttmError: names the file and the line that is wrong, and what is wrong with it.

    >>> read_rttm("SPEAKER Y01 1 2.040 2.800 <NA> <NA> A <NA> <NA>", "one.rttm")
    {'Y01': (SpeechTurn(start=2.04, duration=2.8, speaker='A'),)}
    """
    found: dict[str, list[SpeechTurn]] = {}
    # Not splitlines: that also cuts at characters which may be part of a label.
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.split()
        if not columns or columns[0].startswith(";;") or columns[0] in _OTHER_TYPES:
            continue
        place = f"{file_name}:{number}"
        if columns[0] != "SPEAKER":
            raise RttmError(f"{place}: unknown line type {columns[0]!r}")
        if len(columns) not in (9, 10):
            raise RttmError(f"{place}: {len(columns)} columns, not 9 or 10")
        if columns[7] == _MISSING or columns[1] == _MISSING:
            raise RttmError(f"{place}: no speaker or no recording ({_MISSING})")
        turn = SpeechTurn(
            start=_as_time(columns[3], "start", place),
            duration=_as_time(columns[4], "duration", place),
            speaker=columns[7],
        )
        found.setdefault(columns[1], []).append(turn)
    return {recording: tuple(turns) for recording, turns in found.items()}


def _as_text(seconds: float, recording: str) -> str:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise RttmError(f"{recording}: not a time in RTTM: {seconds!r}")
    # repr has the fewest digits that read back as the same float; RTTM wants no exponent.
    text = f"{Decimal(repr(abs(float(seconds)))):f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<3}"


def _as_time(column: str, name: str, place: str) -> float:
    if not _NUMBER.fullmatch(column):
        raise RttmError(f"{place}: {name} is not a number of seconds: {column!r}")
    seconds = float(column)
    if not math.isfinite(seconds):
        raise RttmError(f"{place}: {name} is out of range: {column!r}")
    return seconds


def _check_name(name: str, what: str) -> None:
    if name.split() != [name] or name == _MISSING:
        raise RttmError(f"{what} cannot be written to RTTM: {name!r}")
