"""Annotated utterances -> those worth training on (FlexiVoice 4.2, ADR 0005).

Rows without an instruction are no business of the audit: they are kept or not as
``keep_without_instruction`` says, and count in no statistics.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from pipelines.stage import Block, TableStage, location_of
from pipelines.stages.audit import READ, Audit
from pipelines.stages.settings import SelectSettings
from pipelines.stages.survey import Survey
from schemas import AnnotatedUtterance, Reason, Rejection, Value
from schemas.arrays import from_numpy, truths_of

_LOCATION = ("id", "duration", "audio_uri", "audio_member", "audio_offset")


class SelectStage(TableStage):
    """AnnotatedUtterance -> AnnotatedUtterance.

    Rejects for ``value_not_kept``, ``description_empty``, ``description_overlong``,
    ``name_leaked``, ``language_wrong``, ``example_copied`` and ``template_like``, in this order.
    Uses neither network nor GPU.
    """

    name = "select"
    record_type = AnnotatedUtterance
    threads = True

    def __init__(
        self, source: str, settings: SelectSettings, survey: Survey, limit: int | None = None
    ) -> None:
        """Takes the survey of the corpus that the stage will read."""
        super().__init__(source)
        self.limit = limit
        self._settings = settings
        self._survey = survey

    def setup(self) -> None:
        """Makes the tables of the audit."""
        self._audit = Audit(self._settings, self._survey)

    def transform(self, chunk: pa.Table) -> Block:
        """Keeps or rejects every row of the chunk."""
        found = findings(chunk, self._audit, self._settings)
        stays = np.ones(chunk.num_rows, dtype=bool)
        gone = np.array(sorted(found), dtype=np.int64)
        stays[gone] = False
        kept = chunk.filter(from_numpy(stays))
        rows = chunk.select(_LOCATION).take(from_numpy(gone)).to_pylist()
        return Block(
            rows=kept,
            rejections=[
                Rejection(
                    record_id=row["id"],
                    stage=self.name,
                    reason=found[index][0],
                    detail=found[index][1],
                    location=location_of(row),
                    duration=row["duration"],
                )
                for index, row in zip(gone.tolist(), rows, strict=True)
            ],
            counts=Counter(value_counts(chunk, "value_in") | value_counts(kept, "value_out")),
        )


def findings(
    chunk: pa.Table, audit: Audit, settings: SelectSettings
) -> dict[int, tuple[Reason, str]]:
    """Row -> why it goes and what exactly was found; rows that stay are not in it."""
    rows = chunk.select(READ)
    annotated = truths_of(rows.column("instruction").is_valid())
    if annotated.all():
        return audit.findings(rows)
    places = np.flatnonzero(annotated).tolist()
    judged = audit.findings(rows.filter(from_numpy(annotated)))
    found = {places[row]: finding for row, finding in judged.items()}
    if not settings.keep_without_instruction:
        for row in np.flatnonzero(~annotated).tolist():
            found[row] = (Reason.VALUE_NOT_KEPT, "no instruction, so no value")
    return found


def value_counts(rows: pa.Table, prefix: str) -> dict[str, int]:
    """Rows by information value: ``value_in.high``, ...; ``value_in.none`` is without one."""
    values = rows.column("value").value_counts().to_pylist()
    counted = {entry["values"] or "none": entry["counts"] for entry in values}
    for value in Value:
        counted.setdefault(value.value, 0)
    return {f"{prefix}.{value}": count for value, count in counted.items()}
