"""MCLP of a system: the mean over what `trainer.score` has scored (MCLP 4.1, Tables 2 and 3).

With and without audio history are two sets of speech of the same scenes, generated with and without
the earlier turns' speech in the context; each is scored against the same ground truth and is one
candidate of `trainer.score`. How a pair is scored does not differ.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.errors import UsageError
from trainer.metrics.figure import Figure, no_figure

# Eq. 1 is a mean over one utterance's tokens, eq. 3 the expectation over utterances: the default.
# `token` weighs an utterance by its tokens.
Weight = Literal["utterance", "token"]


@dataclass(frozen=True, slots=True)
class Scored:
    """One pair as `trainer.score` leaves it."""

    candidate_id: str
    mclp: float | None  # nats a token; None: it could not be scored
    n_tokens: int  # audio tokens of the ground truth


def mean_mclp(scored: Iterable[Scored], weight: Weight = "utterance") -> dict[str, Figure]:
    """Candidate -> its mean MCLP, in nats a token, below 0; higher is better.

    Args:
        scored: pairs of any candidates; those without a score are left out and counted.
        weight: how utterances of different length weigh.

    >>> mean_mclp([Scored("a", -4.0, 100), Scored("a", -5.0, 300)])["a"].value
    -4.5
    >>> mean_mclp([Scored("a", -4.0, 100), Scored("a", -5.0, 300)], "token")["a"].value
    -4.75
    """
    pairs: defaultdict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        pairs[one.candidate_id].append(one)
    return {name: _mean(pairs[name], weight) for name in sorted(pairs)}


def read_scored(folder: Path) -> tuple[list[Scored], Mapping[str, object]]:
    """Every pair in a folder of `trainer.score`, and the scorer: model, dtype, template's hash.

    Raises:
        UsageError: the folder has no finished scores.
    """
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    from trainer.scoring.parts import SUMMARY

    try:
        about = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["scorer"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder / SUMMARY}: no finished scores ({error}): run `python -m trainer.score`"
        ) from error
    found: list[Scored] = []
    for path in sorted(folder.glob("part-*.parquet")):
        try:
            table = pq.read_table(path, columns=["candidate_id", "mclp", "n_tokens"])
        except (pa.ArrowException, OSError, KeyError) as error:
            raise UsageError(f"{path}: not scores of trainer.score: {error}") from error
        found += [Scored(**row) for row in table.to_pylist()]
    return found, about


def scorer_label(about: Mapping[str, object]) -> str:
    """A scorer in a few words, as MCLP is to be reported: weights, precision, template.

    >>> scorer_label({"weights_sha256": "a" * 64, "dtype": "bfloat16", "template_sha256": "b" * 64})
    'weights aaaaaaaa, bfloat16, template bbbbbbbb'
    """
    weights, template = about.get("weights_sha256", "?"), about.get("template_sha256", "?")
    dtype = about.get("dtype", "?")
    return f"weights {str(weights)[:8]}, {dtype}, template {str(template)[:8]}"


def _mean(pairs: list[Scored], weight: Weight) -> Figure:
    given = [(one.mclp, one.n_tokens) for one in pairs if one.mclp is not None]
    left_out = len(pairs) - len(given)
    if not given:
        return no_figure(f"none of {left_out} pairs could be scored", left_out)
    weights = [1 if weight == "utterance" else tokens for _, tokens in given]
    total = math.fsum(mclp * w for (mclp, _), w in zip(given, weights, strict=True))
    return Figure(total / sum(weights), len(given), left_out)
