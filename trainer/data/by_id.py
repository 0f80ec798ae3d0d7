"""Speech that rows name by id: the partners in a composed set, wherever in its folders they lie.

`pipelines.compose` chooses the partners of every row once (FlexiVoice A.4, A.5), so that here there
is nothing to draw. They may be in any shard, and are kept in memory: of each its words and codes, a
few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manifests.codes import Codes
from trainer.data.cuts import CodedFolder, CodedTurn
from trainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance without all that is not heard."""

    id: str
    text: str
    codes_F: Codes

    @property
    def codes(self) -> tuple[int, ...]:
        """Its codes, one a frame."""
        return tuple(self.codes_F.tolist())


class NameUnknown(LookupError):
    """A row names an utterance that is not there."""


class ById:
    """All utterances of some folders."""

    def __init__(self, folders: Sequence[CodedFolder]) -> None:
        """Reads the folders.

        Raises:
            DataError: a shard is damaged.
        """
        self.where = ", ".join(folder.folder for folder in folders)
        self._found: dict[str, Spoken | None] = {}  # None: several have the id
        for folder in folders:
            for number in range(len(folder.shards)):
                for turn in folder.read(number).turns:
                    # A copy, or every turn would keep its shard's codes.
                    one = Spoken(turn.id, turn.text, turn.codes_F.copy())
                    self._found[one.id] = None if one.id in self._found else one

    def named(self, turn: CodedTurn, field: str) -> Spoken | None:
        """What the turn names in a field; None where it names nothing.

        Raises:
            NameUnknown: no utterance has that id: emit or tokenize rejected it, or the set is of
                other folders.
            DataError: several have it.
        """
        name = turn.field(field)
        if name is None:
            return None
        try:
            found = self._found[str(name)]
        except KeyError:
            raise NameUnknown(
                f"{turn.id}: its {field} {name!r} is not in {self.where}; see the rejections of "
                "emit and tokenize there, or name the folder that has it"
            ) from None
        if found is None:
            raise DataError(
                f"{turn.cut.where}: {field} {name!r} is the id of several utterances in "
                f"{self.where}: name only the folder that is meant"
            )
        return found
