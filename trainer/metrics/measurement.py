"""One figure of an evaluation, as every part of it writes and the tables read it (JSON lines)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import UsageError

# What a figure is of. FlexiVoice Table 1; MCLP Table 2; FlexiVoice Table 8; InstructTTSEval.
TASKS = (
    *("to_easy", "to_hard", "tr_easy", "tr_hard"),
    *("rp_audio_history", "rp_no_audio_history", "rp_listening"),  # the last: MOS over both
    *("speed", "pitch"),
    *("aps", "dsd", "rp", "instruct_average"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One metric of one system on one task in one language."""

    system: str  # name of what was evaluated: flexivoice_s2, ground_truth, ...
    task: str  # one of TASKS
    language: str  # ISO 639-1
    metric: str  # acc_i, e_sim, sv, wer, cer, pinyin_wer, mclp, spearman, q_mos, cmos, accuracy ...
    value: float | None  # in the unit the papers print; None: not measured
    missing: str | None  # why it was not measured, and what would; None where it was
    count: int  # cases it is over
    low: float | None  # 95 % interval, where there is one
    high: float | None
    judge: str | None  # model or people who judged: "campplus", "whisper-base (embedded)"


def write_measurements(path: Path, found: Iterable[Measurement]) -> None:
    """Writes one JSON object a line, in order."""
    lines = [json.dumps(dataclasses.asdict(one), ensure_ascii=False) for one in found]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_measurements(path: Path) -> list[Measurement]:
    """Reads what :func:`write_measurements` wrote.

    Raises:
        UsageError: the file is missing, or a line is no measurement.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return [_measurement(path, number, line) for number, line in enumerate(lines, 1)]


def _measurement(path: Path, number: int, line: str) -> Measurement:
    try:
        fields: dict[str, Any] = json.loads(line)
        found = Measurement(**fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{path}:{number}: not a measurement: {error}") from error
    if found.task not in TASKS:
        raise UsageError(f"{path}:{number}: task {found.task!r} is none of {', '.join(TASKS)}")
    return found
