"""The audit: what may be wrong with an instruction, rule by rule.

The rules in the order in which they are asked; a row is rejected for the first that finds
something. Each is a function from the rows to ``{row: what was found}``.

1. ``value_not_kept``: the information value is not one of ``keep_values``.
2. ``description_empty``: no letter in it.
3. ``description_overlong``: more (``>``) than ``max_words`` words, or in languages that are written
   without spaces more than ``max_characters`` characters.
4. ``name_leaked``: see :mod:`pipelines.stages.names`.
5. ``language_wrong``: less (``<``) than ``min_script_share`` of its letters are in the script of
   the language that was asked for. Japanese must have kana besides. Scripts are all that is looked
   at: of two languages in one script (English and French) it cannot tell one from the other, and
   a language whose script is not listed here is never wrong.
6. ``example_copied``: its wording is that of an example reply in the prompt that was used.
7. ``template_like``: its wording or its opening is overused, see :mod:`pipelines.stages.overuse`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.audit_rules import (
    Findings,
    Instructions,
    empty,
    example_copied,
    language_wrong,
    overlong,
    value_not_kept,
)
from pipelines.stages.names import Names, leaked_name, names_of, names_of_all
from pipelines.stages.overuse import Overused
from pipelines.stages.settings import SelectSettings
from pipelines.stages.survey import Survey
from pipelines.stages.wording import measure
from schemas import Reason
from schemas.arrays import from_numpy, truths_of
from schemas.facts import Hashes

READ = (  # the columns that the rules look at
    "id",
    "character",
    "game",
    "instruction",
    "instruction_language",
    "value",
    "prompt_name",
)


class Audit:
    """All rules together, with what they know of the corpus."""

    def __init__(self, settings: SelectSettings, survey: Survey) -> None:
        """Makes the tables of names; a millisecond for a hundred characters."""
        self._settings = settings
        self._overused = survey.overused
        self._casts = _casts(survey)
        words = {word for cast in self._casts.values() for word in cast.spotted}
        self._name_words = np.sort(measure(sorted(words), 1).word_hashes)
        self._near_names = np.zeros(1 << 16, dtype=bool)  # by the lowest bits of a word's hash
        self._near_names[self._name_words.astype(np.uint16)] = True
        names = {name for cast in self._casts.values() for name in cast.names.cjk | cast.own_cjk}
        self._cjk = "|".join(_literal(name) for name in sorted(names))

    def findings(self, rows: pa.Table) -> dict[int, tuple[Reason, str]]:
        """Row -> why it goes and what exactly was found; rows that stay are not in it.

        Args:
            rows: annotated utterances, all with an instruction.

        Raises:
            StageFailed: a row was made with a prompt that is not there.
        """
        instructions = Instructions(rows, self._settings)
        rules: tuple[tuple[Reason, Callable[[Instructions], Findings]], ...] = (
            (Reason.VALUE_NOT_KEPT, value_not_kept),
            (Reason.DESCRIPTION_EMPTY, empty),
            (Reason.DESCRIPTION_OVERLONG, overlong),
            (Reason.NAME_LEAKED, self.name_leaked),
            (Reason.LANGUAGE_WRONG, language_wrong),
            (Reason.EXAMPLE_COPIED, example_copied),
            (Reason.TEMPLATE_LIKE, self.template_like),
        )
        found: dict[int, tuple[Reason, str]] = {}
        for reason, rule in rules:
            for row, detail in rule(instructions).items():
                found.setdefault(row, (reason, detail))
        return found

    def name_leaked(self, instructions: Instructions) -> Findings:
        """Rows whose description names their character, or another one of their game.

        A column-wise look finds the rows that have a word of any name; only those are read closely.
        """
        if not self._casts:
            return {}
        wordings = instructions.wordings
        spotted = np.zeros(len(wordings.words), dtype=bool)
        near_words = np.flatnonzero(self._near_names[wordings.word_hashes.astype(np.uint16)])
        names = np.isin(wordings.word_hashes[near_words], self._name_words)
        spotted[wordings.word_rows[near_words[names]]] = True
        if self._cjk:
            column = instructions.rows.column("instruction")
            spotted |= truths_of(pc.match_substring_regex(column, self._cjk))
        spotted &= truths_of(instructions.rows.column("character").is_valid())
        near = np.flatnonzero(spotted)
        places = from_numpy(near)
        texts = instructions.descriptions.take(places).to_pylist()
        named = instructions.rows.select(["character", "game"]).take(places).to_pylist()
        found = {}
        for row, text, origin in zip(near.tolist(), texts, named, strict=True):
            cast = self._casts[origin["game"] or ""]
            name = leaked_name(text, origin["character"], cast.names)
            if name is not None:
                found[row] = f"has the name {name!r}; {origin['character']} speaks"
        return found

    def template_like(self, instructions: Instructions) -> Findings:
        """Rows that are too many of their wording or of their opening."""
        wordings = instructions.wordings
        return {
            **self._too_many(instructions, wordings.opening, "opening"),
            **self._too_many(instructions, wordings.whole, "wording"),
        }

    def _too_many(self, instructions: Instructions, hashes: Hashes, what: str) -> Findings:
        rows = self._overused.among(hashes)
        entries = self._overused.find(hashes[rows], instructions.ids(rows))
        found = zip(rows.tolist(), entries.tolist(), strict=True)
        return {
            row: _overuse_text(self._overused, entry, what) for row, entry in found if entry >= 0
        }


@dataclass(frozen=True)
class _Cast:
    """The characters of one game."""

    names: Names
    spotted: frozenset[str]  # a description that names anybody has one of these words, CJK apart
    own_cjk: frozenset[str]


def _casts(survey: Survey) -> dict[str, _Cast]:
    by_game: dict[str, list[str]] = defaultdict(list)
    for game, character in sorted(survey.characters):
        by_game[game].append(character)
    casts = {}
    for game, characters in by_game.items():
        own = [names_of(character) for character in characters]
        casts[game] = _Cast(
            names=names_of_all(characters),
            spotted=frozenset().union(*(names.first_words() for names in own)),
            own_cjk=frozenset().union(*(names.cjk for names in own)),
        )
    return casts


def _literal(name: str) -> str:
    return "".join(letter if letter.isalnum() else rf"\x{{{ord(letter):x}}}" for letter in name)


def _overuse_text(overused: Overused, entry: int, what: str) -> str:
    count, allowed = overused.counts[entry], overused.allowed[entry]
    return f"its {what} is used {count} times, {allowed} stay"
