"""What `trainer.evaluate win_rate` does: ratings and MCLP of utterances, ten bins (MCLP 6.3)."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from manifests.storage import LocalFiles
from trainer.errors import UsageError
from trainer.evaluating.columns import read_columns
from trainer.metrics.win_rate import Bin, WinRate, WinRateSettings, win_rate


def win_rates(
    path: Path,
    settings: WinRateSettings,
    *,
    mclp: str,
    mos: str,
    cluster: str | None,
    output: Path | None,
) -> str:
    """The bins as a Markdown table.

    Args:
        path: one utterance a row.
        settings: of bins and intervals.
        mclp: column of its MCLP.
        mos: column of its mean rating.
        cluster: column of what is drawn as a whole; None: every utterance by itself.
        output: where the bins go as JSON; None: nowhere.

    Raises:
        UsageError: the file cannot be read, a value is no number, or there is nothing to compare.
    """
    columns = [mclp, mos, *([] if cluster is None else [cluster])]
    rows = read_columns(path, columns)
    scores = [_number(path, number, mclp, row[mclp]) for number, row in enumerate(rows, 1)]
    ratings = [_number(path, number, mos, row[mos]) for number, row in enumerate(rows, 1)]
    clusters = [
        str(number if cluster is None else row[cluster]) for number, row in enumerate(rows, 1)
    ]
    found = win_rate(scores, ratings, clusters, settings)
    if output is not None:
        with LocalFiles().atomic_write(str(output)) as stream:
            stream.write(json.dumps(dataclasses.asdict(found), indent=2).encode() + b"\n")
    return _table(found, len(rows))


def _number(path: Path, number: int, column: str, value: object) -> float:
    try:
        found = float(str(value))
    except ValueError as error:
        raise UsageError(f"{path} row {number}: {column} {value!r} is no number") from error
    if not math.isfinite(found):
        raise UsageError(f"{path} row {number}: {column} {value!r} is no finite number")
    return found


def _table(found: WinRate, utterances: int) -> str:
    lines = ["| ΔMCLP | pairs | win rate | 95 % interval |", "|---|---:|---:|---|"]
    lines += [_row(one) for one in found.bins]
    pairs = sum(one.pairs for one in found.bins)
    return "\n".join(
        [
            *lines,
            f"{utterances:,} utterances, {pairs:,} pairs; {found.no_difference:,} of equal MCLP, "
            f"{found.left_out:,} left out",
        ]
    )


def _row(one: Bin) -> str:
    rate = "-" if one.win_rate is None else f"{one.win_rate:.3f}"
    interval = "-" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
    return f"| {one.lowest:.4f} to {one.highest:.4f} | {one.pairs:,} | {rate} | {interval} |"
