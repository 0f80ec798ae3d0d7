"""Rules that give a labelled utterance its instruction (FlexiVoice A.2). Pure: no files, no calls.

What the paper draws at random is drawn by seed and id: the same id gets the same instruction in
every run, whatever stands beside it and whoever works on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.stages.draws import pick
from pipelines.stages.label_replies import LabelTuple, Written
from prompts import Templates

Row = Mapping[str, Any]  # one utterance as Arrow gives it

OWN, ANY = "own", "any"  # of the setting template_language


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An instruction and where it comes from, named as the columns of AnnotatedUtterance."""

    instruction: str
    instruction_language: str | None = None  # ISO 639-1; None where nobody chose one
    prompt_name: str | None = None
    prompt_sha256: str | None = None
    chat_model: str | None = None
    reply_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No instruction: the utterance passes and will get the default one."""

    why: str  # a word to count: without_label, ...


@dataclass(frozen=True, slots=True)
class NoReply:
    """The chat model's answer about the utterance's labels is a dead letter."""

    detail: str


class InstructionRule(Protocol):
    """One way to an instruction; picklable."""

    def __call__(self, row: Row) -> Given | Nothing | NoReply:
        """The utterance's instruction, or why it has none."""
        ...


def values_of(row: Row, name: str) -> list[str]:
    """The values of one label, in order.

    >>> values_of({"labels": [{"name": "emotion", "value": "sad"}]}, "emotion")
    ['sad']
    """
    return [label["value"] for label in row["labels"] if label["name"] == name]


def tuple_of(labels: Sequence[Mapping[str, str]], names: Sequence[str] = ()) -> LabelTuple:
    """The labels an utterance is grouped by, sorted; of these names, or all.

    >>> tuple_of([{"name": "gender", "value": "male"}, {"name": "age", "value": "child"}])
    (('age', 'child'), ('gender', 'male'))
    """
    pairs = {(label["name"], label["value"]) for label in labels}
    return tuple(sorted(pair for pair in pairs if not names or pair[0] in names))


@dataclass(frozen=True)
class TemplateRule:
    """A template with the utterance's label in it (single-label corpora).

    Of several values of the label one is drawn; a value without a word in the templates is as good
    as none.
    """

    templates: Templates
    language: str  # own | any | ISO 639-1 code of templates
    seed: int

    def __call__(self, row: Row) -> Given | Nothing:
        """See :class:`InstructionRule`."""
        templates, row_id = self.templates, row["id"]
        language = self._language(row)
        values = values_of(row, templates.about)
        known = [one for one in values if templates.word(language, one) is not None]
        if values and not known:
            return Nothing("label_without_word")
        value = pick(known, self.seed, "value", row_id) if known else None
        if templates.word(language, value) is None:
            return Nothing("without_label")
        number = pick(range(len(templates.texts[language])), self.seed, "template", row_id)
        return Given(
            instruction=templates.fill(language, number, value),
            instruction_language=language,
            prompt_name=templates.label,
            prompt_sha256=templates.sha256,
        )

    def _language(self, row: Row) -> str:
        languages = list(self.templates.texts)
        if self.language == ANY:
            return pick(languages, self.seed, "language", row["id"])
        if self.language == OWN:
            return row["language"] if row["language"] in languages else languages[0]
        return self.language


@dataclass(frozen=True)
class TupleRule:
    """One of the instructions written for the utterance's labels (multi-label corpora).

    In any of the languages, whatever is spoken: the paper applies all six to the whole data set.
    """

    written: Mapping[LabelTuple, Written | NoReply]
    names: tuple[str, ...]  # of the labels that count; empty for all
    prompt_name: str
    prompt_sha256: str
    seed: int

    def __call__(self, row: Row) -> Given | Nothing | NoReply:
        """See :class:`InstructionRule`.

        Raises:
            KeyError: the combination of labels was not surveyed.
        """
        labels = tuple_of(row["labels"], self.names)
        if not labels:
            return Nothing("without_label")
        written = self.written[labels]
        if isinstance(written, NoReply):
            return written
        language, instruction = pick(written.instructions, self.seed, "written", row["id"])
        return Given(
            instruction=instruction,
            instruction_language=language,
            prompt_name=self.prompt_name,
            prompt_sha256=self.prompt_sha256,
            chat_model=written.chat_model,
            reply_sha256=written.reply_sha256,
        )


@dataclass(frozen=True)
class ShippedRule:
    """What the corpus says of the utterance in words (ParaSpeechCaps).

    "We concatenate the feature dictionaries together and randomly sample descriptions": an
    utterance with a dictionary (its labels) gets it written out, or one of its descriptions (a line
    each), whichever is drawn; any other one of its descriptions.
    """

    names: tuple[str, ...]  # of the labels that count; empty for all
    seed: int

    def __call__(self, row: Row) -> Given | Nothing:
        """See :class:`InstructionRule`."""
        found = []
        features = features_text(tuple_of(row["labels"], self.names))
        if features:
            found.append(Given(instruction=features, instruction_language="en"))
        lines = (" ".join(line.split()) for line in (row["description"] or "").splitlines())
        found += [Given(instruction=line) for line in lines if line]
        if not found:
            return Nothing("without_description")
        return pick(found, self.seed, "shipped", row["id"])


@dataclass(frozen=True)
class NoRule:
    """No instruction at all (NVSpeech, NCSSD)."""

    def __call__(self, row: Row) -> Nothing:
        """See :class:`InstructionRule`."""
        return Nothing("not_wanted")


def features_text(labels: LabelTuple) -> str:
    """A feature dictionary in one line; empty where there are none.

    >>> features_text((("gender", "female"), ("speaking_rate", "slow"), ("style", "sad"),
    ...                ("style", "whispered")))
    'gender: female; speaking rate: slow; style: sad, whispered'
    """
    values: dict[str, list[str]] = {}
    for name, value in labels:
        values.setdefault(name.replace("_", " "), []).append(value)
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in values.items())
