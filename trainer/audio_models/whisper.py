"""Whisper through faster-whisper: Mandarin, English and what else it knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from trainer.audio_models.campplus import chosen_device
from trainer.audio_models.embedded_whisper import NAME, embedded_files
from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.audio_models.settings import EMBEDDED, WhisperSettings
from trainer.errors import UsageError

_FRAMES_A_SECOND = 100  # of its mel features
_TRAINED_WINDOW_S = 30.0
_EMBEDDED_WINDOWS_S = (10.0, 20.0, 30.0)
_MOST_TOKENS = 224  # of one window; half of its context, as Whisper itself has it
_SPARE_TOKENS = 8


class WhisperTranscriber:
    """Loaded when it is first asked. Greedy or beam search, no temperature: the same every time.

    Speech over 30 s is written down in windows of 30 s.
    """

    def __init__(self, settings: WhisperSettings | None = None) -> None:
        """Takes which model, and how it is run."""
        self._settings = settings or WhisperSettings()
        windows = self._settings.windows_s
        if windows is None:
            embedded = self._settings.model == EMBEDDED
            windows = _EMBEDDED_WINDOWS_S if embedded else (_TRAINED_WINDOW_S,)
        self._windows_s = sorted(windows)

    @property
    def identity(self) -> Mapping[str, object]:
        """The model and what changes its texts."""
        settings = self._settings
        return {
            "asr": NAME if settings.model == EMBEDDED else settings.model,
            "compute_type": self._compute_type,
            "beam": settings.beam,
            "windows_s": list(self._windows_s),
        }

    def load(self) -> None:
        """Loads the model now; a command does so before work begins.

        Raises:
            UsageError: there is no such model, or its packages are missing.
        """
        _ = self._model

    def transcribe(self, speech: Sequence[Samples], languages: Sequence[str]) -> list[str]:
        """The words of each stretch of speech; empty where nothing is heard.

        Raises:
            UsageError: the model does not know a language.
        """
        texts: list[list[str]] = [[] for _ in speech]
        batches: defaultdict[tuple[str, float], list[tuple[int, Samples]]] = defaultdict(list)
        for index, (samples, language) in enumerate(zip(speech, languages, strict=True)):
            for piece in _pieces(samples, round(self._windows_s[-1] * SAMPLE_RATE_HZ)):
                batches[language, self._window_s(len(piece))].append((index, piece))
        for (language, window_s), rows in batches.items():
            for first in range(0, len(rows), self._settings.batch):
                part = rows[first : first + self._settings.batch]
                heard = self._hear([piece for _, piece in part], language, window_s)
                for (index, _), text in zip(part, heard, strict=True):
                    texts[index].append(text.strip())
        return [" ".join(pieces) for pieces in texts]

    def _window_s(self, samples: int) -> float:
        seconds = samples / SAMPLE_RATE_HZ
        return next(window for window in self._windows_s if seconds <= window)

    def _hear(self, pieces: Sequence[Samples], language: str, window_s: float) -> list[str]:
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.transcribe import get_suppressed_tokens

        model, tokenizer = self._model, self._tokenizer(language)
        frames = round(window_s * _FRAMES_A_SECOND)
        features = [pad_or_trim(model.feature_extractor(piece), frames) for piece in pieces]
        prompt = model.get_prompt(tokenizer, [], without_timestamps=True)
        limits = [self._most_tokens(len(piece)) for piece in pieces]
        results = model.model.generate(
            model.encode(np.stack(features)),
            [list(prompt) for _ in pieces],
            beam_size=self._settings.beam,
            max_length=len(prompt) + max(limits),
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )
        # The longest of the batch sets the model's limit; each row is then held to its own.
        return [
            tokenizer.decode(result.sequences_ids[0][:limit])
            for result, limit in zip(results, limits, strict=True)
        ]

    def _most_tokens(self, samples: int) -> int:
        seconds = samples / SAMPLE_RATE_HZ
        wanted = _SPARE_TOKENS + round(self._settings.tokens_per_second * seconds)
        return min(wanted, _MOST_TOKENS)

    def _tokenizer(self, language: str) -> Any:  # noqa: ANN401 - faster-whisper has no types
        from faster_whisper.tokenizer import Tokenizer

        multilingual = self._model.model.is_multilingual
        try:
            return Tokenizer(
                self._model.hf_tokenizer, multilingual, task="transcribe", language=language
            )
        except ValueError as error:
            raise UsageError(f"Whisper does not know the language {language!r}") from error

    @property
    def _compute_type(self) -> str:
        if self._settings.compute_type != "auto":
            return self._settings.compute_type
        return "float16" if chosen_device(self._settings.device) == "cuda" else "int8"

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401
        from faster_whisper import WhisperModel

        name = self._settings.model
        options: dict[str, Any] = {
            "device": chosen_device(self._settings.device),
            "compute_type": self._compute_type,
            "cpu_threads": self._settings.threads,
            "num_workers": 1,
        }
        if name == EMBEDDED:
            return WhisperModel(NAME, files=embedded_files(), **options)
        try:
            return WhisperModel(name, **options)
        except (OSError, ValueError, RuntimeError) as error:
            line = " ".join(str(error).split())
            raise UsageError(
                f"whisper.model {name!r} cannot be loaded: {line}. Give a folder with a "
                f"CTranslate2 model, a name on a hub that can be reached, or {EMBEDDED!r}"
            ) from error


def _pieces(samples: Samples, longest: int) -> list[Samples]:
    """The speech, cut where it is too long for one window; empty speech is one empty piece."""
    starts = range(0, max(len(samples), 1), longest)
    return [samples[start : start + longest] for start in starts]
