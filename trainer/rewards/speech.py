"""Codes -> the sound that rewards hear: decoded once a batch, at 16 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.errors import DataError
from trainer.rewards.protocol import RewardRequest, RewardTarget
from trainer.speech.sound import resample
from trainer.speech.tokenizer import SpeechTokenizer

_VOICES = 256  # references whose sound is kept from batch to batch


class Listener:
    """Gives requests the sound of their codes, and of the reference's where there is no other."""

    def __init__(self, tokenizer: SpeechTokenizer) -> None:
        """Takes the tokenizer whose codes the policy speaks in; it has to be invertible."""
        self._tokenizer = tokenizer
        self._voices: dict[tuple[int, ...], Samples] = {}

    def __call__(
        self, requests: Sequence[RewardRequest], speech: bool, reference: bool
    ) -> list[RewardRequest]:
        """The requests with sound, in order; equal codes are decoded once.

        Args:
            requests: some without codes, which stay without speech.
            speech: whether the rollouts' own is wanted.
            reference: whether the reference's is.

        Raises:
            NotInvertible: the tokenizer gives no sound.
        """
        found: dict[tuple[int, ...], Samples] = {}
        heard = []
        for request in requests:
            if speech and request.codes:
                if request.codes not in found:
                    found[request.codes] = self._decode(request.codes)
                request = replace(request, speech=found[request.codes])
            if reference:
                request = replace(request, reference=self._voice(request.target))
            heard.append(request)
        return heard

    def _voice(self, target: RewardTarget) -> Samples | None:
        if target.reference_speech is not None or not target.reference_codes:
            return target.reference_speech
        codes = target.reference_codes
        if codes not in self._voices:
            if len(self._voices) >= _VOICES:
                self._voices.pop(next(iter(self._voices)))
            self._voices[codes] = self._decode(codes)
        return self._voices[codes]

    def _decode(self, codes: tuple[int, ...]) -> Samples:
        tokenizer = self._tokenizer
        if not 0 <= min(codes) <= max(codes) < tokenizer.cardinality:
            raise DataError(
                f"codes from {min(codes)} to {max(codes)}, and {tokenizer.name} has "
                f"{tokenizer.cardinality}: name the tokenizer that the shards were tokenized with"
            )
        samples = tokenizer.decode(torch.tensor(codes)).detach().cpu().float().numpy()
        sound = resample(
            np.asarray(samples, dtype=np.float32), tokenizer.sample_rate, SAMPLE_RATE_HZ
        )
        return np.clip(sound, -1.0, 1.0)
