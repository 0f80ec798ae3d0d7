"""An emotion -> an instruction to speak with it, in one of the templates' languages (A.5)."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.errors import UsageError
from pipelines.stages.draws import draw, pick
from prompts import Templates, load_templates

OWN = "own"  # the utterance's language, where the templates have it, else their first
ANY = "any"  # drawn


@dataclass(frozen=True)
class EmotionWording:
    """Draws templates for the rows of one set."""

    templates: Templates
    language: str  # own, any, or an ISO 639-1 code
    seed: int

    def __call__(self, row: str, language: str, emotion: str) -> tuple[str, str]:
        """The instruction for a row and its language.

        Args:
            row: its id.
            language: ISO 639-1 code of what is spoken.
            emotion: to be spoken with.
        """
        there = list(self.templates.texts)
        wanted = self.language
        if wanted == OWN:
            wanted = language if language in there else there[0]
        elif wanted == ANY:
            wanted = pick(there, self.seed, "instruction language", row)
        number = draw(self.seed, "template", row) % len(self.templates.texts[wanted])
        return self.templates.fill(wanted, number, emotion), wanted


def emotion_wording(
    version: str, language: str, seed: int, emotions: list[str], where: str
) -> EmotionWording:
    """The wording of one set.

    Args:
        version: of ``prompts/emotion_templates``.
        language: own, any, or an ISO 639-1 code.
        seed: of the draws.
        emotions: that instructions will name.
        where: the set's place in params.yaml, for messages.

    Raises:
        UsageError: there are no such templates, or they lack the language or an emotion's word.
    """
    try:
        templates = load_templates("emotion_templates", version)
    except ValueError as error:
        raise UsageError(f"{where}.templates: {error}") from error
    if language not in (OWN, ANY, *templates.texts):
        known = ", ".join((OWN, ANY, *templates.texts))
        raise UsageError(f"{where}.instruction_language: {language!r}, but there are: {known}")
    for emotion in emotions:
        lacking = [code for code in templates.texts if templates.word(code, emotion) is None]
        if lacking:
            raise UsageError(
                f"{where}.emotions: {templates.label} has no word in {lacking[0]!r} for "
                f"{emotion!r}; release a version of it that has"
            )
    return EmotionWording(templates, language, seed)
