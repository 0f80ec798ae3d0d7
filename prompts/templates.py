"""Instruction templates as files: ``<name>/<version>.yaml``, never changed once released.

A file says which label its templates speak of, the templates of each language with ``{label}``
where the label's word goes, and that word for every value of the label::

    label: emotion
    texts:
      en: ["Make this line sound {label}.", ...]
    words:
      en: {happy: happy, surprised: surprised}
    otherwise: {en: calm}    # optional: the word where an utterance does not have the label
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import pydantic
import yaml

PLACE = "{label}"  # where the word goes
_NAME = re.compile(r"[a-z0-9_]+")
_VERSION = re.compile(r"v[0-9]+")


@dataclass(frozen=True, slots=True)
class Templates:
    """One released file of templates."""

    name: str
    version: str
    sha256: str  # of the file's bytes
    about: str  # name of the label that fills them: emotion, scene, ...
    texts: Mapping[str, tuple[str, ...]]  # ISO 639-1 code -> templates
    words: Mapping[str, Mapping[str, str]]  # code -> value of the label -> its word
    otherwise: Mapping[str, str] = field(default_factory=dict)  # code -> word without the label

    @property
    def label(self) -> str:
        """Name and version, as records carry it."""
        return f"{self.name}/{self.version}"

    def word(self, language: str, value: str | None) -> str | None:
        """The word of a value, or the one for no value; None where the file has none."""
        if value is None:
            return self.otherwise.get(language)
        return self.words[language].get(value)

    def fill(self, language: str, number: int, value: str | None) -> str:
        """The ``number``-th template of a language with the value's word in it.

        Raises:
            ValueError: there is no such language, number, or word.

        >>> load_templates("emotion_templates", "v1").fill("en", 9, "surprised")
        'surprised'
        """
        texts = self.texts.get(language, ())
        if not 0 <= number < len(texts):
            raise ValueError(f"{self.label} has {len(texts)} templates in {language!r}")
        word = self.word(language, value)
        if word is None:
            raise ValueError(f"{self.label} has no word in {language!r} for {value!r}")
        return texts[number].replace(PLACE, word)


class _File(pydantic.BaseModel):
    """What a file holds."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    label: str
    texts: dict[str, list[str]]
    words: dict[str, dict[str, str]]
    otherwise: dict[str, str] = {}

    @pydantic.model_validator(mode="after")
    def _whole(self) -> _File:
        if not self.texts or self.texts.keys() != self.words.keys():
            raise ValueError("texts and words are not of the same languages")
        if self.otherwise and self.otherwise.keys() != self.texts.keys():
            raise ValueError("otherwise is not of all languages")
        values = {frozenset(words) for words in self.words.values()}
        if len(values) != 1:
            raise ValueError("the languages do not have words for the same values")
        for text in (text for texts in self.texts.values() for text in texts):
            if text.count(PLACE) != 1 or set(text.replace(PLACE, "")) & set("{}"):
                raise ValueError(f"not one {PLACE} and no other brace: {text!r}")
        if not all(self.texts.values()):
            raise ValueError("a language without templates")
        return self


@cache
def load_templates(name: str, version: str) -> Templates:
    """The templates ``prompts/<name>/<version>.yaml``.

    Raises:
        ValueError: there is no such file, or it does not have the form described above.

    >>> len(load_templates("emotion_templates", "v1").texts["zh"])
    10
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ValueError(f"not a name and version of templates: {name!r} {version!r}")
    shown = f"prompts/{name}/{version}.yaml"
    try:
        content = (resources.files(__package__) / name / f"{version}.yaml").read_bytes()
    except OSError as error:
        raise ValueError(f"no templates {shown}") from error
    try:
        read = _File.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, pydantic.ValidationError) as error:
        raise ValueError(f"{shown}: {error}") from error
    return Templates(
        name=name,
        version=version,
        sha256=hashlib.sha256(content).hexdigest(),
        about=read.label,
        texts={language: tuple(texts) for language, texts in read.texts.items()},
        words=read.words,
        otherwise=read.otherwise,
    )
