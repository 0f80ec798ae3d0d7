"""The list of a stage's files in its ``stage.json``: made when it ends, checked by what is next.

Names and sizes come from listings alone: nothing is opened, so ten thousand parts on ``gs://``
cost a few requests. A size tells a file that was cut or exchanged; damage of the same length is
found by the readers, which check the pages' own sums.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from pipelines import files
from pipelines.errors import UsageError
from schemas import StageFacts

PARTS = "part-*.parquet"
REJECTED = "rejected/part-*.parquet"


def written_parts(folder: str, patterns: Sequence[str]) -> dict[str, int]:
    """What a stage left in its folder: path in it -> bytes.

    Args:
        folder: of the stage's output; an earlier run's files are gone from it.
        patterns: of the stage's own files; the rejected ones are listed in any case.
    """
    found: dict[str, int] = {}
    for pattern in (*patterns, REJECTED):
        found.update(_listed(folder, pattern))
    return dict(sorted(found.items()))


def check_parts(folder: str, facts: StageFacts, made_by: str) -> None:
    """That the folder holds the parts its facts name, and no others.

    Folders without a list, made before there was one, are taken as they are.

    Raises:
        UsageError: a file is missing, is not as long as it was, or a part is of no run.
    """
    if facts.parts is None:
        return
    there: dict[str, int] = _listed(folder, PARTS)
    for below in sorted({posixpath.dirname(name) for name in facts.parts}):
        there.update(_listed(folder, f"{below}/*" if below else "*"))
    for name, size in facts.parts.items():
        path = files.join(folder, name)
        if name not in there:
            raise UsageError(
                f"{path}: missing, though stage.json lists it among {len(facts.parts)} files; "
                f"bring it back, or run {made_by} again"
            )
        if there[name] != size:
            raise UsageError(
                f"{path}: {there[name]} bytes, stage.json says {size}: cut off or changed since; "
                f"bring it back, or run {made_by} again"
            )
    strange = sorted(set(_listed(folder, PARTS)) - set(facts.parts))
    if strange:
        raise UsageError(
            f"{files.join(folder, strange[0])}: a part that stage.json does not list; move it "
            f"away, or run {made_by} again"
        )


def _listed(folder: str, pattern: str) -> dict[str, int]:
    steps = pattern.count("/") + 1  # of the path inside the folder, however that is written
    found = files.sizes(files.join(folder, pattern))
    return {"/".join(path.split("/")[-steps:]): size for path, size in found.items()}
