"""What `trainer.evaluate agreement` does: two judges' files, one Macro-F1 (FlexiVoice A.7)."""

from __future__ import annotations

import json
from pathlib import Path

from manifests.storage import LocalFiles
from trainer.errors import UsageError
from trainer.evaluating.columns import read_columns
from trainer.metrics.agreement import macro_f1

_YES = {"yes", "true", "1", "1.0"}
_NO = {"no", "false", "0", "0.0"}


def agreement(
    judge: Path, against: Path, *, id_column: str, verdict_column: str, output: Path | None
) -> str:
    """The agreement of two files of verdicts, as one line.

    Args:
        judge: of the judge that is tried.
        against: of the one that is trusted.
        id_column: what is judged.
        verdict_column: yes or no, true or false, 1 or 0; empty: no verdict.
        output: where the figures go as JSON; None: nowhere.

    Raises:
        UsageError: a file cannot be read, has an id twice or another verdict, or the two have no
            id in common.
    """
    mine = _verdicts(judge, id_column, verdict_column)
    gold = _verdicts(against, id_column, verdict_column)
    both = [name for name in gold if name in mine]
    if not both:
        raise UsageError(f"{judge} and {against} have no {id_column} in common")
    found = macro_f1([mine[name] for name in both], [gold[name] for name in both])
    only = len(mine) + len(gold) - 2 * len(both)
    if output is not None:
        facts = {
            "macro_f1": found.value,
            "cases": found.count,
            "without_verdict": found.left_out,
            "in_one_file_only": only,
        }
        with LocalFiles().atomic_write(str(output)) as stream:
            stream.write(json.dumps(facts, indent=2).encode() + b"\n")
    value = found.missing if found.value is None else f"{found.value:.4f}"
    return (
        f"Macro-F1 {value} over {found.count:,} cases; {found.left_out:,} without a verdict of "
        f"both, {only:,} in one file only"
    )


def _verdicts(path: Path, id_column: str, verdict_column: str) -> dict[str, bool | None]:
    found: dict[str, bool | None] = {}
    for number, row in enumerate(read_columns(path, [id_column, verdict_column]), 1):
        name = str(row[id_column])
        if name in found:
            raise UsageError(f"{path} row {number}: {id_column} {name!r} is there twice")
        found[name] = _verdict(path, number, row[verdict_column])
    return found


def _verdict(path: Path, number: int, value: object) -> bool | None:
    text = "" if value is None else str(value).strip().lower()
    if not text:
        return None
    if text not in _YES | _NO:
        raise UsageError(f"{path} row {number}: verdict {value!r} is neither yes nor no")
    return text in _YES
