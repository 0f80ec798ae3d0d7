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

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import prompts
from pipelines.errors import StageFailed
from pipelines.stage import hash_strings
from pipelines.stages.names import Names, leaked_name, names_of, names_of_all
from pipelines.stages.overuse import Overused
from pipelines.stages.settings import SelectSettings
from pipelines.stages.survey import Survey
from pipelines.stages.wording import Script, Wordings, measure
from schemas import Reason
from schemas.facts import Hashes

WITHOUT_SPACES = ("zh", "ja", "th", "lo", "km", "my")
_SCRIPTS: dict[Script, str] = {  # languages by the script they are written in
    Script.LATIN: "en de fr es it pt nl sv no nb nn da fi is pl cs sk sl hr hu ro et lv lt sq tr "
    "az id ms vi tl sw eu ca gl cy ga mt af la eo",
    Script.HAN: "zh",
    Script.HANGUL: "ko",
    Script.CYRILLIC: "ru uk be bg mk kk ky mn",
    Script.GREEK: "el",
    Script.ARABIC: "ar fa ur ps",
    Script.HEBREW: "he yi",
    Script.DEVANAGARI: "hi mr ne",
    Script.THAI: "th",
}
SCRIPTS_OF: Mapping[str, tuple[Script, ...]] = {
    "ja": (Script.HAN, Script.KANA),
    **{code: (script,) for script, codes in _SCRIPTS.items() for code in codes.split()},
}

Findings = dict[int, str]


@dataclass(frozen=True)
class Instructions:
    """Rows that have an instruction, and what the rules need of them."""

    rows: pa.Table  # of AnnotatedUtterance
    settings: SelectSettings

    @cached_property
    def descriptions(self) -> list[str]:
        """The instructions."""
        return list(self.rows.column("instruction").to_pylist())

    @cached_property
    def wordings(self) -> Wordings:
        """Their words, letters and hashes."""
        return measure(self.descriptions, self.settings.opening_words)

    @cached_property
    def ids(self) -> Hashes:
        """Hashes of the rows' ids."""
        return hash_strings(self.rows.column("id").to_pylist())

    @cached_property
    def languages(self) -> NDArray[np.object_]:
        """The language that the model was asked to write in; None where that is not known."""
        return np.array(self.rows.column("instruction_language").to_pylist(), dtype=object)


class Audit:
    """All rules together, with what they know of the corpus."""

    def __init__(self, settings: SelectSettings, survey: Survey) -> None:
        """Makes the tables of names; a millisecond for a hundred characters."""
        self._settings = settings
        self._overused = survey.overused
        self._casts = _casts(survey)
        words = {word for cast in self._casts.values() for word in cast.spotted}
        self._name_words = np.sort(measure(sorted(words), 1).word_hashes)
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
        at = np.searchsorted(self._name_words, wordings.word_hashes)
        at = np.minimum(at, len(self._name_words) - 1)
        spotted = np.zeros(len(wordings.words), dtype=bool)
        if len(self._name_words):
            spotted[wordings.word_rows[self._name_words[at] == wordings.word_hashes]] = True
        if self._cjk:
            column = instructions.rows.column("instruction")
            spotted |= pc.match_substring_regex(column, self._cjk).to_numpy()
        spotted &= instructions.rows.column("character").is_valid().to_numpy()
        near = np.flatnonzero(spotted)
        named = instructions.rows.select(["character", "game"]).take(near).to_pylist()
        found = {}
        for row, origin in zip(near.tolist(), named, strict=True):
            cast = self._casts[origin["game"] or ""]
            name = leaked_name(instructions.descriptions[row], origin["character"], cast.names)
            if name is not None:
                found[row] = f"has the name {name!r}; {origin['character']} speaks"
        return found

    def template_like(self, instructions: Instructions) -> Findings:
        """Rows that are too many of their wording or of their opening."""
        wordings, ids = instructions.wordings, instructions.ids
        return {
            **self._too_many(wordings.opening, ids, "opening"),
            **self._too_many(wordings.whole, ids, "wording"),
        }

    def _too_many(self, hashes: Hashes, ids: Hashes, what: str) -> Findings:
        entries = self._overused.find(hashes, ids)
        return {
            int(row): _overuse_text(self._overused, int(entries[row]), what)
            for row in np.flatnonzero(entries >= 0)
        }


def value_not_kept(instructions: Instructions) -> Findings:
    """Rows whose information value is not kept; a missing value is none that is kept."""
    values = instructions.rows.column("value")
    kept = pa.array([str(value) for value in instructions.settings.keep_values], pa.string())
    gone = np.flatnonzero(~pc.is_in(values, value_set=kept).to_numpy())
    found = zip(gone.tolist(), values.take(pa.array(gone)).to_pylist(), strict=True)
    return {row: f"value is {value or 'missing'}" for row, value in found}


def empty(instructions: Instructions) -> Findings:
    """Rows without a letter."""
    rows = np.flatnonzero(instructions.wordings.letters == 0).tolist()
    return {row: f"no letter in {instructions.descriptions[row]!r}" for row in rows}


def overlong(instructions: Instructions) -> Findings:
    """Rows that are too long: in characters, or in words where words are told apart by spaces.

    A row of an unknown language is measured in words.
    """
    settings = instructions.settings
    text = instructions.rows.column("instruction")
    characters = pc.utf8_length(pc.utf8_trim_whitespace(text)).to_numpy()
    words = instructions.wordings.words
    by_character = np.isin(instructions.languages.astype(str), WITHOUT_SPACES)
    long = np.where(by_character, characters > settings.max_characters, words > settings.max_words)
    return {
        row: f"{characters[row]} characters, at most {settings.max_characters}"
        if by_character[row]
        else f"{words[row]} words, at most {settings.max_words}"
        for row in np.flatnonzero(long).tolist()
    }


def language_wrong(instructions: Instructions) -> Findings:
    """Rows with too few letters in the script of the language that was asked for."""
    least = instructions.settings.min_script_share
    counts, letters = instructions.wordings.script_letters, instructions.wordings.letters
    found = {}
    for language in {language for language in instructions.languages if language in SCRIPTS_OF}:
        right = counts[:, SCRIPTS_OF[language]].sum(axis=1)
        if language == "ja":  # without kana it is Chinese
            right = np.where(counts[:, Script.KANA] > 0, right, 0)
        wrong = (right < least * letters) & (instructions.languages == language)
        for row in np.flatnonzero(wrong).tolist():
            share = 100 * right[row] / letters[row]
            found[row] = (
                f"{share:.0f} % of its letters are {language}, at least {100 * least:.0f} %"
            )
    return found


def example_copied(instructions: Instructions) -> Findings:
    """Rows whose wording is that of an example in their prompt.

    Raises:
        StageFailed: there is no such prompt.
    """
    labels = instructions.rows.column("prompt_name")
    found = {}
    for label in labels.unique().drop_null().to_pylist():
        copied = pc.fill_null(pc.equal(labels, label), False).to_numpy()
        copied &= np.isin(instructions.wordings.whole, _examples(label))
        found.update(dict.fromkeys(np.flatnonzero(copied).tolist(), f"is an example of {label}"))
    return found


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


@lru_cache(maxsize=64)
def _examples(label: str) -> Hashes:
    name, _, version = label.partition("/")
    try:
        examples = [json.loads(example) for example in prompts.load(name, version).examples]
    except ValueError as error:
        raise StageFailed(f"made with the prompt {label}: {error}; run annotate again") from error
    replies = [
        str(e["description"]) for e in examples if isinstance(e, dict) and "description" in e
    ]
    return measure(replies, 1).whole


def _overuse_text(overused: Overused, entry: int, what: str) -> str:
    count, allowed = overused.counts[entry], overused.allowed[entry]
    return f"its {what} is used {count} times, {allowed} stay"
