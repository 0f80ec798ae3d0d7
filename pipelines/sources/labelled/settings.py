"""What the settings of every labelled corpus have; a corpus's own tables are class attributes.

The tables of a class (``WORDS``, ``LANGUAGES``) say what the corpus is known to write. What
``params.yaml`` gives is added to them, so one word more is one line more:

    sources:
      esd:
        kind: esd
        input: [/corpora/ESD]
        words: {emotion: {ärgerlich: angry}}

This module and those beside it that end in ``settings`` import nothing heavy: ``--help`` reads
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

# How corpora spell languages -> ISO 639-1. Compared by `plain_word`.
LANGUAGES: dict[str, str] = {
    "en": "en",
    "eng": "en",
    "english": "en",
    "zh": "zh",
    "zho": "zh",
    "cn": "zh",
    "chinese": "zh",
    "mandarin": "zh",
    "中文": "zh",
}

# What corpora call the emotions -> this project's words; the layouts' own tables add to it.
EMOTIONS: dict[str, str] = {
    "neutral": "neutral",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "angry": "angry",
    "anger": "angry",
    "sad": "sad",
    "sadness": "sad",
    "surprise": "surprised",
    "surprised": "surprised",
    "fear": "fearful",
    "fearful": "fearful",
    "disgust": "disgusted",
    "disgusted": "disgusted",
    "calm": "calm",
    "contempt": "contemptuous",
    "excited": "excited",
    "frustrated": "frustrated",
    "sarcastic": "sarcastic",
    "playful": "playful",
}

EMOTIONS_ZH: dict[str, str] = {
    "中立": "neutral",
    "中性": "neutral",
    "平静": "neutral",
    "快乐": "happy",
    "高兴": "happy",
    "开心": "happy",
    "生气": "angry",
    "愤怒": "angry",
    "伤心": "sad",
    "悲伤": "sad",
    "难过": "sad",
    "惊喜": "surprised",
    "惊讶": "surprised",
    "恐惧": "fearful",
    "害怕": "fearful",
    "厌恶": "disgusted",
}

# How utterances get their instruction (FlexiVoice A.2): a template with the label filled in; what a
# chat model writes about all labels together, asked once for each combination; what the corpus
# ships; none, so that they get the default one.
InstructionRule = Literal["templates", "tuples", "shipped", "none"]


GENDERS: dict[str, str] = {
    "male": "male",
    "m": "male",
    "man": "male",
    "男": "male",
    "female": "female",
    "f": "female",
    "w": "female",
    "woman": "female",
    "女": "female",
}


class LabelledSettings(BaseModel):
    """Base of all labelled corpora's settings; a subclass adds ``kind`` and its own."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    LANGUAGES: ClassVar[Mapping[str, str]] = LANGUAGES
    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {"emotion": EMOTIONS}

    # Paths, folders or globs; the command line's --input takes precedence.
    input: tuple[str, ...] = ()
    # What the corpus was released under: an SPDX id where there is one.
    licence: str = "unknown"
    # The corpus's word for a language -> ISO 639-1, beside LANGUAGES.
    languages: dict[str, str] = {}
    # Name of a label -> the corpus's word -> ours, beside WORDS. A word in no table is a rejection
    # LABEL_UNKNOWN; a label whose name has no table is taken as it is, in lower case.
    words: dict[str, dict[str, str]] = {}
    # Tried in this order on text files without a byte order mark; the first that fits is taken.
    encodings: tuple[str, ...] = ("utf-8",)
    # For pipelines.annotate.
    instructions: InstructionRule = "templates"
    templates: str = "emotion_templates"  # folder in prompts/, for templates
    instruction_labels: tuple[str, ...] = ()  # names, for tuples and shipped; empty: all there are

    def language(self, word: str) -> str | None:
        """ISO 639-1 code for the corpus's word; None for a word in no table.

        >>> LabelledSettings(languages={"Cantonese": "yue"}).language("cantonese")
        'yue'
        """
        return _found(word, self.languages, self.LANGUAGES)

    def word(self, name: str, word: str) -> str | None:
        """Our word for the corpus's value of a label; None for one that its table does not have.

        >>> LabelledSettings(words={"emotion": {"hap": "happy"}}).word("emotion", "HAP ")
        'happy'
        >>> LabelledSettings().word("emotion", "xxx") is None
        True
        >>> LabelledSettings().word("accent", "Scouse")
        'scouse'
        """
        if not (name in self.words or name in self.WORDS):
            return plain_word(word)
        return _found(word, self.words.get(name, {}), self.WORDS.get(name, {}))


def plain_word(word: str) -> str:
    """A word of a table as it is compared: lower case, no blanks at its ends.

    >>> plain_word(" Happy ")
    'happy'
    """
    return word.strip().casefold()


def _found(word: str, *tables: Mapping[str, str]) -> str | None:
    wanted = plain_word(word)
    for table in tables:
        if wanted in table:
            return table[wanted]
        for key, value in table.items():  # params.yaml may have capitals
            if plain_word(key) == wanted:
                return value
    return None
