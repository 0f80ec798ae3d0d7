"""An annotated corpus in two languages, and parameters that make a small S3 set of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from schemas import AnnotatedUtterance, table_of
from tests.manifests.corpus import write_facts
from tests.records import annotated

COUNTS = {"sampled": 4, "dictionary": 8, "features": {3: 3, 4: 2, 5: 2, 6: 2}, "free": 9}
PER_LANGUAGE = 4 + 8 + 9 + 9


def annotated_folder(folder: Path, rows: int = 12, parts: int = 2) -> Path:
    """The finished output of select: so many rows of each language, each wording twice."""
    folder.mkdir(parents=True)
    for part in range(parts):
        records = [
            annotated(
                id=f"{language}-{part}-{number}",
                source="emilia",
                language=language,
                text=f"{words} {number // 2}",
                instruction=f"{manner} {number // 2}",
                value="high",
            )
            for number in range(part, rows, parts)
            for language, words, manner in (
                ("en", "Line", "Say it in manner"),
                ("zh", "台词", "说话方式"),
                ("de", "Zeile", "Sag es"),
            )
        ]
        records.append(annotated(id=f"plain-{part}", instruction=None))
        table = table_of(AnnotatedUtterance, records)
        pq.write_table(table, folder / f"part-{part:05d}.parquet")
    write_facts(str(folder), parts, stage="select")
    return folder


def small_params(path: Path, base_url: str, **changes: Any) -> Path:  # noqa: ANN401
    """The project's parameters with small counts, a server, and changes to ``sets.s3``."""
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["chat"] |= {"base_url": base_url, "backend": "openai", "max_in_flight": 4}
    s3 = content["sets"]["s3"]
    s3["openai"] |= {"counts": COUNTS, "items_per_call": 3} | changes.pop("openai", {})
    s3 |= changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
