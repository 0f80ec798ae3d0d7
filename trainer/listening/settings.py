"""Settings of the listening tests, and their scales."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from trainer.settings import Strict

Test: TypeAlias = Literal["q_mos", "mos", "cmos"]
Count = Annotated[int, Field(ge=1)]

# What may be answered, from low to high. FlexiVoice A.9: Q-MOS on five points, CMOS from -2 (A is
# much better) to +2 (B is much better). MCLP 6.1: 0.5 to 5.0 in steps of 0.5.
SCALES: dict[Test, tuple[float, ...]] = {
    "q_mos": (1.0, 2.0, 3.0, 4.0, 5.0),
    "mos": tuple(half / 2 for half in range(1, 11)),
    "cmos": (-2.0, -1.0, 0.0, 1.0, 2.0),
}


class GoldSettings(Strict):
    """Items whose answer is known; who answers one wrongly is left out (MCLP 6.1).

    Q-MOS and MOS get clips in which noise has covered the speech, CMOS pairs of twice the same
    clip. Rows of the table with `gold_low` and `gold_high` are gold items too, beside these.
    """

    items: Annotated[int, Field(ge=0)] = 2  # made ones, of every sheet
    q_mos_at_most: Annotated[float, Field(ge=1, lt=5)] = 2.0
    mos_at_most: Annotated[float, Field(ge=0.5, lt=5)] = 1.5
    cmos_within: Annotated[float, Field(ge=0, lt=2)] = 0.0  # of "both are alike"

    def bounds(self, test: Test) -> tuple[float, float]:
        """Lowest and highest right answer to a made gold item.

        >>> GoldSettings().bounds("q_mos"), GoldSettings().bounds("cmos")
        ((1.0, 2.0), (-0.0, 0.0))
        """
        if test == "cmos":
            return -self.cmos_within, self.cmos_within
        return SCALES[test][0], self.q_mos_at_most if test == "q_mos" else self.mos_at_most


class ListenSettings(Strict):
    """The whole of the configuration file."""

    ratings_per_clip: Count = 3
    raters: Count
    cases: Count | None = 5  # drawn of every task and language; None: all clips of the table
    languages: tuple[str, ...] | None = None
    baseline: str = "ground_truth"
    page_language: Literal["en", "zh"] = "en"
    max_seconds: Annotated[float, Field(gt=0)] = 60.0
    seed: int
    gold: GoldSettings = GoldSettings()

    @model_validator(mode="after")
    def _enough_raters(self) -> ListenSettings:
        if self.ratings_per_clip > self.raters:
            raise ValueError(
                f"{self.ratings_per_clip} ratings of every clip need as many raters, "
                f"there are {self.raters}: set raters higher or ratings_per_clip lower"
            )
        return self
