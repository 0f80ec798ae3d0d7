"""CER: how wrong the words are that an ASR hears (MCLP eq. 8; lower is better).

A reward only in combination (`trainer.rewards.hybrid`): by itself it would be maximised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from trainer.audio_models.protocol import Transcriber
from trainer.errors import DataError
from trainer.metrics.error_rates import characters
from trainer.rewards.base import RewardBase
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.text_normal import NORMALISER, normalise


def character_error_rate(said: str, heard: str) -> float:
    """Edits a character of what was to be said, both normalised; over 1 where much was added.

    Raises:
        ValueError: nothing is left of what was to be said.

    >>> character_error_rate("Who goes there?", "who goes here")
    0.07142857142857142
    >>> character_error_rate("我們走吧！", "我们 走")
    0.25
    """
    return characters(said, heard).rate


class CerReward(RewardBase):
    """The character error rate of what is heard against the text."""

    needs_speech, needs_reference = True, False
    silence: float | None = 1.0  # every character is missing

    def __init__(self, transcriber: Transcriber, name: str = "cer") -> None:
        """Takes the ASR."""
        super().__init__(name)
        self._transcriber = transcriber

    @property
    def identity(self) -> Mapping[str, object]:
        """The ASR and the normaliser."""
        return {**self._transcriber.identity, "normaliser": NORMALISER, "jiwer": jiwer_version()}

    def check(self, target: RewardTarget) -> None:
        """Checks that the row has a text with something to hear in it, and a language.

        Raises:
            DataError: it has not.
        """
        if not normalise(target.text):
            raise DataError(
                f"row {target.key} asks for {self.name}, and its text {target.text[:60]!r} has "
                "nothing to hear in it: leave it out"
            )
        if not target.language:
            raise DataError(f"row {target.key} asks for {self.name} and has no language")

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The rates, in order."""
        speech = [request.speech for request in requests if request.speech is not None]
        languages = [request.target.language for request in requests]
        heard = await asyncio.to_thread(self._transcriber.transcribe, speech, languages)
        return [
            character_error_rate(request.target.text, text)
            for request, text in zip(requests, heard, strict=True)
        ]


def jiwer_version() -> str:
    """Of the package that counts edits."""
    import importlib.metadata

    return importlib.metadata.version("jiwer")
