"""The sampled part of S3: instruction and text of annotated utterances, drawn at random (A.4).

Drawn are wordings, not rows: a row whose instruction and text both came before is the same prompt
again. So each prompt is as likely as any other however often it is there, and the draw depends on
neither the order of rows nor the number of parts: those with the smallest numbers are taken, and a
prompt's number follows from the seed and its wording.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.stage import read_part
from pipelines.stages.draws import draw
from pipelines.stages.near_duplicates import normal_text

COLUMNS = ("id", "source", "language", "text", "instruction", "licence")


@dataclass(frozen=True, slots=True, order=True)
class Sampled:
    """One prompt of the pre-training data."""

    source: str
    id: str
    instruction: str
    text: str
    licence: str


@dataclass
class Sample:
    """The prompts of one language with the smallest numbers, at most ``size`` of them."""

    language: str
    size: int
    seed: int
    rows: int = 0  # annotated rows of the language that were looked at
    _drawn: dict[int, Sampled] = field(default_factory=dict)  # by number
    _largest: list[int] = field(default_factory=list)  # heap of the numbers, negative

    def add(self, row: Sampled) -> None:
        """Looks at a row."""
        self.rows += 1
        wording = (normal_text(row.instruction), normal_text(row.text))
        number = draw(self.seed, "s3 sampled", self.language, *wording)
        if number in self._drawn:
            self._drawn[number] = min(self._drawn[number], row)
            return
        if len(self._drawn) >= self.size:
            if not self.size or number > -self._largest[0]:
                return
            del self._drawn[-heapq.heappop(self._largest)]
        heapq.heappush(self._largest, -number)
        self._drawn[number] = row

    def found(self) -> tuple[Sampled, ...]:
        """What was drawn, in an order that depends on nothing else."""
        return tuple(self._drawn[number] for number in sorted(self._drawn))


def sample(
    parts: Iterable[str], languages: Sequence[str], size: int, seed: int
) -> dict[str, Sample]:
    """Draws prompts of each language from parts of annotated utterances.

    Raises:
        UsageError: a part has no instructions.
        StageFailed: a part is damaged.
    """
    samples = {language: Sample(language, size, seed) for language in languages}
    for part in parts:
        for chunk in read_part(part, columns=COLUMNS):
            absent = set(COLUMNS) - set(chunk.column_names)
            if absent:
                names = ", ".join(sorted(absent))
                raise UsageError(f"{part}: not annotated, columns are missing: {names}")
            _add(samples, chunk)
    return samples


def _add(samples: dict[str, Sample], chunk: pa.Table) -> None:
    for row in chunk.select(list(COLUMNS)).to_pylist():
        into = samples.get(row["language"])
        if into is not None and (row["instruction"] or "").strip():
            into.add(
                Sampled(row["source"], row["id"], row["instruction"], row["text"], row["licence"])
            )


def check_sizes(samples: Iterable[Sample], where: str) -> None:
    """Checks that there was enough to draw from; before anything is paid for.

    Raises:
        UsageError: there was not.
    """
    short = [one for one in samples if len(one.found()) < one.size]
    if short:
        counts = Counter({one.language: len(one.found()) for one in short})
        found = ", ".join(f"{count:,} of {language}" for language, count in sorted(counts.items()))
        raise UsageError(
            f"{where}: {short[0].size:,} different prompts are to be sampled of each language, and "
            f"there are {found} with an instruction: add annotated sources, or lower counts.sampled"
        )
