"""Which model writes down which language: Whisper, and Paraformer for Mandarin where it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from acoustics.funasr_models import FunasrError, ask, load_funasr
from trainer.audio_models.protocol import Samples, Transcriber
from trainer.audio_models.settings import FunasrSettings, TranscriberSettings
from trainer.audio_models.whisper import WhisperTranscriber
from trainer.errors import UsageError


class ParaformerTranscriber:
    """Paraformer-zh through funasr; loaded when it is first asked."""

    def __init__(self, settings: FunasrSettings) -> None:
        """Takes the model's name or folder: `paraformer-zh`."""
        self._settings = settings

    @property
    def identity(self) -> Mapping[str, object]:
        """The model and the hub it is from."""
        return {"asr_zh": self._settings.model, "hub": self._settings.hub}

    def load(self) -> None:
        """Loads the model now.

        Raises:
            UsageError: funasr is not installed, or the model cannot be loaded.
        """
        _ = self._model

    def transcribe(self, speech: Sequence[Samples], languages: Sequence[str]) -> list[str]:
        """The words of each stretch of Mandarin, characters apart as the model writes them."""
        return [str(answer["text"]) for answer in ask(self._model, list(speech))]

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - funasr has no types
        settings = self._settings
        try:
            return load_funasr(settings.model, settings.hub, settings.device, "paraformer.model")
        except FunasrError as error:
            raise UsageError(str(error)) from error


class ByLanguage:
    """Hands each stretch of speech to the model for its language."""

    def __init__(self, special: Mapping[str, Transcriber], rest: Transcriber) -> None:
        """Takes a model for some languages, and one for all others."""
        self._special = dict(special)
        self._rest = rest

    def load(self) -> None:
        """Loads all its models."""
        for model in (self._rest, *self._special.values()):
            model.load()

    @property
    def identity(self) -> Mapping[str, object]:
        """Those of all its models."""
        found = dict(self._rest.identity)
        for model in self._special.values():
            found.update(model.identity)
        return found

    def transcribe(self, speech: Sequence[Samples], languages: Sequence[str]) -> list[str]:
        """The words of each stretch of speech."""
        texts = [""] * len(speech)
        rows: dict[str | None, list[int]] = {}
        for index, language in enumerate(languages):
            rows.setdefault(language if language in self._special else None, []).append(index)
        for key, indexes in rows.items():
            model = self._rest if key is None else self._special[key]
            heard = model.transcribe(
                [speech[index] for index in indexes], [languages[index] for index in indexes]
            )
            for index, text in zip(indexes, heard, strict=True):
                texts[index] = text
        return texts


def make_transcriber(settings: TranscriberSettings) -> Transcriber:
    """The transcriber that settings describe; nothing is loaded before it is asked."""
    whisper = WhisperTranscriber(settings.whisper)
    if settings.paraformer is None:
        return whisper
    return ByLanguage({"zh": ParaformerTranscriber(settings.paraformer)}, whisper)
