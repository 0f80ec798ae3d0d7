"""The rules of the audit that look at a row by itself, as :mod:`pipelines.stages.audit` lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import prompts
from pipelines.errors import StageFailed
from pipelines.hashes import hash_strings
from pipelines.stages.letters import Script
from pipelines.stages.settings import SelectSettings
from pipelines.stages.wording import Wordings, measure, measure_column
from schemas.arrays import from_numpy, numbers_of, strings, truths_of
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
    def descriptions(self) -> pa.StringArray:
        """The instructions."""
        return self.rows.column("instruction").combine_chunks()

    @cached_property
    def wordings(self) -> Wordings:
        """Their words, letters and hashes."""
        return measure_column(self.descriptions, self.settings.opening_words)

    @cached_property
    def languages(self) -> dict[str, NDArray[np.bool_]]:
        """Language that the model was asked to write in -> its rows; those without are in none."""
        column = self.rows.column("instruction_language")
        found = column.unique().drop_null()
        return {one.as_py(): truths_of(pc.equal(column, one)) for one in sorted(found, key=str)}

    def text(self, row: int) -> str:
        """One instruction."""
        return str(self.descriptions[row].as_py())

    def ids(self, rows: NDArray[np.intp]) -> Hashes:
        """Hashes of the ids of some rows."""
        return hash_strings(self.rows.column("id").take(from_numpy(rows)))


def value_not_kept(instructions: Instructions) -> Findings:
    """Rows whose information value is not kept; a missing value is none that is kept."""
    values = instructions.rows.column("value")
    kept = strings(instructions.settings.keep_values)
    gone = np.flatnonzero(~truths_of(pc.is_in(values, value_set=kept)))
    found = zip(gone.tolist(), values.take(from_numpy(gone)).to_pylist(), strict=True)
    return {row: f"value is {value or 'missing'}" for row, value in found}


def empty(instructions: Instructions) -> Findings:
    """Rows without a letter."""
    rows = np.flatnonzero(instructions.wordings.letters == 0).tolist()
    return {row: f"no letter in {instructions.text(row)!r}" for row in rows}


def overlong(instructions: Instructions) -> Findings:
    """Rows that are too long: in characters, or in words where words are told apart by spaces.

    A row of an unknown language is measured in words.
    """
    settings = instructions.settings
    words = instructions.wordings.words
    long = words > settings.max_words
    found = {}
    for language in instructions.languages.keys() & set(WITHOUT_SPACES):
        rows = np.flatnonzero(instructions.languages[language])
        text = instructions.descriptions.take(from_numpy(rows))
        characters = numbers_of(pc.utf8_length(pc.utf8_trim_whitespace(text)))
        long[rows] = False
        for at in np.flatnonzero(characters > settings.max_characters).tolist():
            found[int(rows[at])] = f"{characters[at]} characters, at most {settings.max_characters}"
    for row in np.flatnonzero(long).tolist():
        found[row] = f"{words[row]} words, at most {settings.max_words}"
    return found


def language_wrong(instructions: Instructions) -> Findings:
    """Rows with too few letters in the script of the language that was asked for."""
    least = instructions.settings.min_script_share
    counts, letters = instructions.wordings.script_letters, instructions.wordings.letters
    found = {}
    for language in instructions.languages.keys() & SCRIPTS_OF.keys():
        right = counts[:, SCRIPTS_OF[language]].sum(axis=1)
        if language == "ja":  # without kana it is Chinese
            right = np.where(counts[:, Script.KANA] > 0, right, 0)
        wrong = (right < least * letters) & instructions.languages[language]
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
    for one in labels.unique().drop_null():
        label, copied = one.as_py(), truths_of(pc.equal(labels, one))
        copied &= np.isin(instructions.wordings.whole, _examples(label))
        found.update(dict.fromkeys(np.flatnonzero(copied).tolist(), f"is an example of {label}"))
    return found


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
