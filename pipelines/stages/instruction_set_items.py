"""One item of a reply -> an instruction with its text, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.stages.audit_rules import SCRIPTS_OF
from pipelines.stages.instruction_set_replies import small_features
from pipelines.stages.instruction_set_seeds import ATTRIBUTES, Seed
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.near_duplicates import normal_text
from pipelines.stages.wording import measure
from schemas import PromptOrigin, Reason

# Of a dictionary's keys; English ones are the attributes' own names.
_KEYS: Mapping[str, Mapping[str, str]] = {
    "zh": dict(
        zip(
            ATTRIBUTES,
            "性别 音高 音色 清晰度 流畅度 语速 口音 年龄 音量 情绪 语气 性格".split(),
            strict=True,
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An instruction and its text."""

    instruction: str
    text: str
    attributes: tuple[str, ...]  # that it names, in the order of ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an item cannot be used."""

    reason: Reason
    detail: str


class ItemJudge:
    """Judges the items of one configuration in one language."""

    def __init__(
        self,
        settings: InstructionSetSettings,
        language: str,
        origin: PromptOrigin,
        examples: frozenset[str],
    ) -> None:
        """Takes the limits, and the prompt's examples: letters and digits of what is in them."""
        self._settings, self._language, self._origin = settings, language, origin
        self._examples = examples

    def judge(self, item: Mapping[str, object], seed: Seed) -> Draft | Flaw:
        """What an item is.

        Args:
            item: fields of one of the items of a reply.
            seed: what it started from.
        """
        if self._origin is PromptOrigin.DICTIONARY:
            found = _dictionary(item, seed, self._language)
        elif self._origin is PromptOrigin.FEATURES:
            found = _features(item, seed)
        else:
            found = Draft(str(item["instruction"]), str(item["text"]), ())
        return found if isinstance(found, Flaw) else self._checked(found, item)

    def _checked(self, draft: Draft, item: Mapping[str, object]) -> Draft | Flaw:
        limits = self._settings
        words = draft.instruction
        if isinstance(item.get("description"), dict):  # the keys are ours
            words = " ".join(_strings(item["description"]).values())
        for what, text, empty, overlong, most in (
            (
                "instruction",
                words,
                Reason.DESCRIPTION_EMPTY,
                Reason.DESCRIPTION_OVERLONG,
                limits.max_instruction_characters,
            ),
            (
                "text",
                draft.text,
                Reason.TEXT_EMPTY,
                Reason.TEXT_OVERLONG,
                limits.max_text_characters,
            ),
        ):
            found = measure([text], 1)
            letters = int(found.letters[0])
            if not letters:
                return Flaw(empty, f"no letter in the {what} {text!r}")
            if len(text) > most:
                return Flaw(overlong, f"the {what} has {len(text)} characters, {most} are allowed")
            scripts = SCRIPTS_OF.get(self._language, ())
            own = int(found.script_letters[0, list(scripts)].sum()) if scripts else letters
            if own < limits.min_script_share * letters:
                detail = f"{own} of {letters} letters of the {what} are in the script of "
                return Flaw(Reason.LANGUAGE_WRONG, detail + self._language)
            if normal_text(text) in self._examples:
                return Flaw(Reason.EXAMPLE_COPIED, f"the {what} of an example: {text!r}")
        return draft


def _dictionary(item: Mapping[str, object], seed: Seed, language: str) -> Draft | Flaw:
    described = {name: text for name, text in _strings(item["description"]).items() if text}
    strange = [name for name in described if name not in ATTRIBUTES]
    absent = [name for name in seed.attributes if name not in described]
    if strange or absent:
        return Flaw(Reason.FEATURES_WRONG, _wrong_names(strange, absent))
    names = tuple(name for name in ATTRIBUTES if name in described)
    keys = _KEYS.get(language, {})
    shown = {keys.get(name, name): described[name] for name in names}
    return Draft(json.dumps(shown, ensure_ascii=False), str(item["text"]), names)


def _features(item: Mapping[str, object], seed: Seed) -> Draft | Flaw:
    instruction = str(item["instruction"])
    features = (
        _strings(item["features"])
        if "features" in item
        else small_features(instruction, seed.attributes)
    )
    strange = [name for name in features if name not in seed.attributes]
    absent = [name for name in seed.attributes if not features.get(name)]
    if strange or absent:
        return Flaw(Reason.FEATURES_WRONG, _wrong_names(strange, absent))
    unsaid = unstated(instruction, list(features.values()))
    if unsaid is not None:
        return Flaw(
            Reason.FEATURES_WRONG,
            f"{unsaid!r} does not stand in the instruction, in a place of its own: {instruction!r}",
        )
    return Draft(instruction, str(item["text"]), seed.attributes)


def unstated(instruction: str, phrases: Sequence[str]) -> str | None:
    """The first phrase that has no place of its own in the instruction; None if all have.

    Long phrases take their place first; two phrases may not share a letter, or three features
    would be named by one.

    >>> unstated("Low and slow, like an old man.", ["low", "slow", "old man"])
    >>> unstated("Slow, like an old man.", ["old man", "man"])
    'man'
    """
    text = " ".join(instruction.casefold().split())
    as_written = [(" ".join(phrase.casefold().split()), phrase) for phrase in phrases]
    for wanted, phrase in sorted(as_written, key=lambda pair: len(pair[0]), reverse=True):
        at = text.find(wanted)
        if at < 0 or not wanted:
            return phrase
        text = text[:at] + "\0" * len(wanted) + text[at + len(wanted) :]
    return None


def _wrong_names(strange: Sequence[str], absent: Sequence[str]) -> str:
    parts = []
    if strange:
        parts.append(f"names {', '.join(sorted(strange))}, which was not asked for")
    if absent:
        parts.append(f"lacks {', '.join(absent)}")
    return "; ".join(parts)


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name).strip().lower(): " ".join(str(text).split()) for name, text in value.items()}
