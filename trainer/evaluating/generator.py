"""A trained model that speaks cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from trainer.errors import LayoutError, UsageError
from trainer.evaluating.asking import Asking
from trainer.evaluating.case import Case
from trainer.evaluating.generated import NOT_SAYABLE, TOO_LONG, Generated
from trainer.evaluating.kept import key_of
from trainer.evaluating.settings import SystemSettings
from trainer.evaluating.sounds import write_flac
from trainer.model_codec import check_model_codec
from trainer.models import load_policy
from trainer.rollouts.protocol import RolloutPrompt
from trainer.rollouts.sampler import TorchSampler
from trainer.scoring.command import weights_sha256
from trainer.speech.registry import load_tokenizer
from trainer.speech.tokenizer import SpeechTokenizer


class Generator:
    """One system, ready to speak."""

    def __init__(self, name: str, settings: SystemSettings, device: str) -> None:
        """Loads model and speech tokenizer.

        Raises:
            UsageError: one cannot be had, or they do not go together.
        """
        self.name, self._settings = name, settings
        self.speech: SpeechTokenizer = load_tokenizer(
            settings.speech_tokenizer, device, settings.weights
        )
        check_model_codec(settings.model.path, self.speech.identity)
        loaded, tokenizer = load_policy(settings.model)
        self._model = _frozen(loaded, device, settings.dtype)
        self.asking = Asking(settings, tokenizer)
        self.asking.vocab.check_rows(int(self._model.get_input_embeddings().num_embeddings))
        if self.asking.vocab.n_codes != self.speech.cardinality:
            raise UsageError(
                f"systems.{name}: the model has {self.asking.vocab.n_codes} codes, and "
                f"{self.speech.name} {self.speech.cardinality}: see to speech_tokenizer and vocab"
            )
        self._sampler = TorchSampler(self._model, self.asking.vocab, max_rollouts=settings.batch)
        self._about = about(self._model, settings, self.speech)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that changes what it says."""
        return self._about

    def key(self, case: Case) -> str:
        """Hash of all that its answer depends on."""
        return key_of(self._about, case.fingerprint)

    def check(self, cases: Sequence[Case]) -> None:
        """Checks that the cases' codes are of the codec that the system speaks.

        Raises:
            UsageError: they are of another.
        """
        mine = self.speech.identity.short
        for case in cases:
            if case.codec is not None and case.codec != mine:
                raise UsageError(
                    f"systems.{self.name} speaks codes of {mine}, and case {case.id} has codes of "
                    f"{case.codec}: make the cases from folders of its own speech tokenizer"
                )

    def prompts(
        self, cases: Sequence[Case]
    ) -> tuple[list[tuple[Case, RolloutPrompt]], list[Generated]]:
        """What can be asked, shortest first; and what cannot, as rows."""
        limit = getattr(self._model.config, "max_position_embeddings", None)
        asked, lost = [], []
        for case in cases:
            try:
                prompt = self.asking.prompt(case)
            except LayoutError as error:
                lost.append(self._lost(case, NOT_SAYABLE, str(error)))
                continue
            whole = len(prompt.ids) + self._settings.sampling.max_tokens
            if limit is not None and whole > limit:
                why = f"{whole} tokens with the answer, and the model has {limit} positions"
                lost.append(self._lost(case, TOO_LONG, why))
            else:
                asked.append((case, prompt))
        return sorted(asked, key=lambda pair: len(pair[1].ids)), lost

    def speak(self, asked: Sequence[tuple[Case, RolloutPrompt]], folder: Path) -> list[Generated]:
        """The answers to a batch, their sound written below the system's folder."""
        layout = self.asking.layout
        rollouts = self._sampler.generate(
            [prompt for _, prompt in asked], 1, self._settings.sampling, layout.grammar
        )
        found = []
        for (case, _), ids, cut in zip(
            asked, rollouts.completions(), rollouts.truncated_B.tolist(), strict=True
        ):
            codes = layout.extract(ids).codes
            audio, seconds = self._sound(case, codes, folder)
            found.append(
                Generated(
                    key=self.key(case),
                    case_id=case.id,
                    case_sha256=case.fingerprint,
                    codes=codes,
                    truncated=bool(cut),
                    seconds=seconds,
                    audio=audio,
                )
            )
        return found

    def _sound(self, case: Case, codes: tuple[int, ...], folder: Path) -> tuple[str | None, float]:
        if not codes:
            return None, 0.0
        samples = self.speech.decode(torch.tensor(codes)).detach().cpu().float().numpy()
        audio = f"audio/{case.id}.flac"
        write_flac(folder / audio, np.asarray(samples, np.float32), self.speech.sample_rate)
        return audio, len(samples) / self.speech.sample_rate

    def _lost(self, case: Case, reason: str, detail: str) -> Generated:
        return Generated(
            key=self.key(case),
            case_id=case.id,
            case_sha256=case.fingerprint,
            codes=(),
            reason=reason,
            detail=detail,
        )


def _frozen(model: Any, device: str, dtype: str) -> Any:  # noqa: ANN401 - transformers' models
    """The model where it speaks, not to be trained."""
    return model.to(device=device, dtype=getattr(torch, dtype)).requires_grad_(False).eval()


def about(model: nn.Module, settings: SystemSettings, speech: SpeechTokenizer) -> dict[str, Any]:
    """Everything that changes what a system says to a case."""
    return {
        "weights_sha256": weights_sha256(model),
        "dtype": settings.dtype,
        "layout": settings.layout,
        "joiner": settings.joiner,
        "forced_text": settings.forced_text,
        "sampling": settings.sampling.model_dump(mode="json"),
        "codec": speech.identity.short,
    }
