"""The files that raters send back, read as what they are: from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from trainer.errors import UsageError
from trainer.listening.key import Key, KeySheet
from trainer.listening.settings import SCALES, Test
from trainer.settings import Strict

MOST_BYTES = 1 << 20  # a sheet of a thousand items has 60 kB


class Rating(Strict):
    """An answer."""

    item: str
    rating: Annotated[float, Field(allow_inf_nan=False)]


class RatingFile(Strict):
    """What a page saves. It has no name, no time and no address of whoever rated."""

    schema_version: Literal[1]
    test: Test
    sheet: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rater: str
    ratings: tuple[Rating, ...]


@dataclass(frozen=True, slots=True)
class RatedSheet:
    """A sheet with its answers."""

    path: Path
    sheet: KeySheet
    ratings: Mapping[str, float]  # item -> as it was given; CMOS: of B over A

    def score(self, item: str) -> float:
        """The rating of the item's clip; CMOS: of the clip over the baseline."""
        first = next(entry.baseline_first for entry in self.sheet.entries if entry.item == item)
        rating = self.ratings[item]
        return -rating if first is False and rating else rating


def read_ratings(paths: Iterable[Path], key: Key) -> list[RatedSheet]:
    """Reads and checks all files of a test.

    Returns:
        The sheets in the order of the key.

    Raises:
        UsageError: a file is no rating file or of another test or sheet, its sheet came twice, or
            an item in it is unknown, there twice, missing, or rated off the scale.
    """
    sheets = {sheet.sheet: sheet for sheet in key.sheets}
    found: dict[str, RatedSheet] = {}
    for path in sorted(paths):
        file = _read(path)
        if file.test != key.test:
            raise UsageError(f"{path}: ratings of {file.test}, and the key is of {key.test}")
        sheet = sheets.get(file.sheet)
        if sheet is None or sheet.rater != file.rater:
            raise UsageError(
                f"{path}: sheet {file.sheet[:12]} of {file.rater} is not in the key; it was made "
                "with other clips or settings: use the key that was written with its page"
            )
        if file.sheet in found:
            raise UsageError(
                f"{path}: {file.rater} is already in {found[file.sheet].path}; leave one out"
            )
        ratings = _checked(path, file, sheet)
        found[file.sheet] = RatedSheet(path, sheet, ratings)
    return [found[name] for name in sheets if name in found]


def _read(path: Path) -> RatingFile:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: over {MOST_BYTES:,} bytes, no file of ratings is so large")
        return RatingFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        steps = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{path}: {steps + ': ' if steps else ''}{first['msg']}") from error


def _checked(path: Path, file: RatingFile, sheet: KeySheet) -> dict[str, float]:
    known = {entry.item for entry in sheet.entries}
    scale = SCALES[file.test]
    found: dict[str, float] = {}
    for rating in file.ratings:
        where = f"{path}: item {rating.item}"
        if rating.item not in known:
            raise UsageError(f"{where}: not on the sheet of {file.rater}")
        if rating.item in found:
            raise UsageError(f"{where}: rated twice; a page gives every item once")
        if rating.rating not in scale:
            raise UsageError(
                f"{where}: {rating.rating:g} is not on the scale of {file.test}: "
                f"{', '.join(f'{value:g}' for value in scale)}"
            )
        found[rating.item] = rating.rating
    for entry in sheet.entries:
        if entry.item not in found:
            raise UsageError(
                f"{path}: item {entry.item}: not rated; ask {file.rater} to finish the page, or "
                "leave the file out"
            )
    return found
