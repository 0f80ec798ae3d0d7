"""Scores in parts: each written whole, with what it was made of in its metadata, or not at all."""

from __future__ import annotations

import json
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.storage import LocalFiles
from schemas import table_of
from trainer.errors import LayoutError, UsageError
from trainer.mclp import MclpScorer
from trainer.progress import progress
from trainer.scoring.pairs import NamedPair, Pairs
from trainer.scoring.record import NO_CANDIDATE, NOT_SCORABLE, Score

ORIGIN = b"mclp"  # key of the Parquet metadata: the scorer's identity and the input's hash, JSON
SUMMARY = "score.json"


def score_parts(
    pairs: Pairs,
    scorer: MclpScorer,
    about: Mapping[str, object],
    output: str,
    batch_pairs: int,
) -> int:
    """Scores the parts that are not finished.

    Args:
        pairs: what to score.
        scorer: with what.
        about: everything of the scorer that changes a score.
        output: folder for ``part-*.parquet``.
        batch_pairs: scored together.

    Returns:
        Pairs scored in this call.

    Raises:
        UsageError: the folder has scores of something else.
        DataError: the input is damaged; finished parts stay.
    """
    origins = {number: _origin(about, pairs, number) for number in range(pairs.parts)}
    done = _finished(output, origins)
    expected = pairs.expected() if not done else None
    count = 0
    with progress("score", "pair", expected) as advance:
        for number in sorted(origins.keys() - done):
            rows: list[Score] = []
            for batch in _batches(pairs.read(number), batch_pairs):
                rows += _scored(batch, scorer)
                advance(len(batch))
            count += len(rows)
            _write(path_of(output, number), rows, origins[number])
    return count


def summary(output: str, parts: int, about: Mapping[str, object]) -> dict[str, Any]:
    """Mean of each candidate over all parts, and what could not be scored; written beside them."""
    sums: defaultdict[str, float] = defaultdict(float)
    counts, rejected = Counter[str](), Counter[str]()
    for number in range(parts):
        table = pq.read_table(path_of(output, number), columns=["candidate_id", "mclp", "reason"])
        for row in table.to_pylist():
            if row["mclp"] is None:
                rejected[row["reason"]] += 1
            else:
                sums[row["candidate_id"]] += row["mclp"]
                counts[row["candidate_id"]] += 1
    found: dict[str, Any] = {
        "in": counts.total() + rejected.total(),
        "out": counts.total(),
        "rejected": dict(sorted(rejected.items())),
        "mclp": {name: sums[name] / counts[name] for name in sorted(counts)},
        "pairs": dict(sorted(counts.items())),
        "scorer": dict(about),
    }
    with LocalFiles().atomic_write(posixpath.join(output, SUMMARY)) as stream:
        stream.write(json.dumps(found, indent=2, sort_keys=True).encode() + b"\n")
    return found


def path_of(output: str, number: int) -> str:
    """The file of a part."""
    return posixpath.join(output, f"part-{number:06d}.parquet")


def there(output: str) -> set[int]:
    """The numbers of the parts in a folder."""
    return {int(path.stem.removeprefix("part-")) for path in Path(output).glob("part-*.parquet")}


def _origin(about: Mapping[str, object], pairs: Pairs, number: int) -> bytes:
    content = {"scorer": dict(about), "input_sha256": pairs.fingerprint(number)}
    return json.dumps(content, sort_keys=True).encode()


def _finished(output: str, origins: Mapping[int, bytes]) -> set[int]:
    done = there(output)
    for number in sorted(done):
        path = path_of(output, number)
        try:
            origin = (pq.read_schema(path).metadata or {}).get(ORIGIN)
        except pa.ArrowInvalid as error:
            raise UsageError(f"{path}: not Parquet: {error}; remove it") from error
        if origin != origins.get(number):
            raise UsageError(
                f"{path} has scores of another scorer, or of other pairs: remove the folder, or "
                "give another --output"
            )
    return done


def _batches(pairs: Iterator[NamedPair], size: int) -> Iterator[list[NamedPair]]:
    batch: list[NamedPair] = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _scored(batch: Sequence[NamedPair], scorer: MclpScorer) -> list[Score]:
    """A row for each pair; one that cannot be scored does not keep the others from it."""
    found: dict[int, tuple[float, int] | str] = {}
    whole = [(index, one.pair) for index, one in enumerate(batch) if one.pair is not None]
    try:
        scores: list[float] = scorer.score([pair for _, pair in whole])
        for (index, pair), score in zip(whole, scores, strict=True):
            found[index] = score, len(scorer.row(pair).counted)
    except LayoutError:
        for index, pair in whole:
            try:
                found[index] = scorer.score([pair])[0], len(scorer.row(pair).counted)
            except LayoutError as error:
                found[index] = str(error).removeprefix("pair 0: ")
    return [_row(one, found.get(index)) for index, one in enumerate(batch)]


def _row(one: NamedPair, found: tuple[float, int] | str | None) -> Score:
    mclp, n_tokens = found if isinstance(found, tuple) else (None, 0)
    reason, detail = None, None
    if found is None:
        reason, detail = NO_CANDIDATE, f"{one.candidate_id} has no such turn"
    elif isinstance(found, str):
        reason, detail = NOT_SCORABLE, found
    return Score(
        cut_id=one.cut_id,
        turn=one.turn,
        candidate_id=one.candidate_id,
        mclp=mclp,
        n_tokens=n_tokens,
        reason=reason,
        detail=detail,
    )


def _write(path: str, rows: Sequence[Score], origin: bytes) -> None:
    table = table_of(Score, rows)
    metadata = {**(table.schema.metadata or {}), ORIGIN: origin}
    with LocalFiles().atomic_write(path) as stream:
        pq.write_table(table.replace_schema_metadata(metadata), stream, compression="zstd")
