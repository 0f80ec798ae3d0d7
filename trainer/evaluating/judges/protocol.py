"""What every judge can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trainer.evaluating.case import Case
from trainer.evaluating.spoken import Sounds, Spoken

Verdict = dict[str, Any]  # columns of Heard


class Judge(Protocol):
    """One that hears."""

    name: str  # of its file
    label: str  # for the tables
    fallible: bool  # where there is no verdict, another try may give one

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes its verdicts."""
        ...

    def wants(self, case: Case) -> bool:
        """Whether it judges such cases."""
        ...

    def depends(self, case: Case) -> Mapping[str, object]:
        """What of a case, besides the speech, its verdict hangs on."""
        ...

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """One verdict each, in order."""
        ...
