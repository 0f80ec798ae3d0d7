"""What a system made of a case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.arrow import column
from trainer.errors import UsageError
from trainer.evaluating.kept import read_rows

GENERATED = "generated.parquet"
TOO_LONG = "too_long"  # the prompt leaves no room for the answer
NOT_SAYABLE = "not_sayable"  # the layout cannot put the case into tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """One case as a system speaks it, or why it does not."""

    key: str = column("Hash of the case, the model's weights and how it was asked.")
    case_id: str = column("Of the case.")
    case_sha256: str = column("Its fingerprint: the case as it was when it was spoken.")
    codes: tuple[int, ...] = column("The speech, codes; empty: nothing was said.")
    truncated: bool = column("The limit of tokens ended it.", default=False)
    seconds: float = column("Of the speech.", default=0.0)
    audio: str | None = column("The sound, FLAC, below the system's folder.", default=None)
    reason: str | None = column("too_long or not_sayable; null: the model was asked.", default=None)
    detail: str | None = column("The same for a person.", default=None)


def system_folder(folder: Path, system: str) -> Path:
    """Where a system's speech lies."""
    return folder / "systems" / system


def read_generated(folder: Path, system: str) -> list[Generated]:
    """All that a system made, in the order of the cases.

    Raises:
        UsageError: it made nothing yet, or is not finished.
    """
    path = system_folder(folder, system) / GENERATED
    if not path.is_file():
        raise UsageError(
            f"{path} is missing: not generated, or not finished; run python -m trainer.evaluate "
            f"generate --folder {folder} --system {system}"
        )
    return read_rows(path, Generated)
