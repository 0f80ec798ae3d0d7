"""S3 tokenizer v2 at 25 Hz: the codes of Step-Audio 2 (MCLP 4.1), from its own package.

Needs `pip install s3tokenizer` and the model `speech_tokenizer_v2.onnx` of CosyVoice 2, given as a
file, or downloaded by the package. Either way its SHA-256 must be the published one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from manifests.codec import CodecIdentity
from trainer.errors import UsageError
from trainer.speech.tokenizer import NotInvertible

MODEL = "v2_25hz"
_PACKAGE_NAME = "speech_tokenizer_v2_25hz"
_SHA256 = "d43342aa12163a80bf07bffb94c9de2e120a8df2f9917cd2f642e7f4219c6f71"
_SAMPLE_RATE = 16000
_FRAME_RATE = 25.0
_CARDINALITY = 6561  # 3 ** 8, finite scalar quantization
_N_MELS = 128
_SHORTEST = 400  # samples; a window of its Fourier transform


class S3Tokenizer:
    """S3 tokenizer v2, frozen."""

    name = f"s3:{MODEL}"
    frame_rate = _FRAME_RATE
    sample_rate = _SAMPLE_RATE
    cardinality = _CARDINALITY
    num_codebooks = 1
    identity = CodecIdentity(
        name=name,
        frame_rate=_FRAME_RATE,
        sample_rate=_SAMPLE_RATE,
        cardinality=_CARDINALITY,
        num_codebooks=1,
        fingerprint=_SHA256,
    )

    def __init__(self, device: str, path: str | None = None) -> None:
        """Loads the model.

        Args:
            device: where it runs.
            path: the ONNX file; None: the package downloads it.

        Raises:
            UsageError: the package or the model is missing, or it is another model.
        """
        try:
            import s3tokenizer
        except ImportError as error:
            raise UsageError(
                f"{self.name} needs a package that is not installed ({error}): "
                "pip install s3tokenizer==0.3.0, or use a fitted codec, kmeans:PATH"
            ) from error
        try:
            if path is None:
                model = s3tokenizer.load_model(_PACKAGE_NAME)  # checks the hash itself
            else:
                _check(path)
                # The class goes by the model's name; a file may be called anything.
                model = s3tokenizer.S3TokenizerV2(_PACKAGE_NAME)
                model.init_from_onnx(path)
        except (OSError, ValueError, RuntimeError) as error:
            line = " ".join(str(error).split())
            raise UsageError(
                f"{self.name}: its model cannot be had ({line}): name the file with weights.s3"
            ) from error
        self._package: Any = s3tokenizer
        self._device = device
        self._model: Any = model.to(device).eval()

    @torch.inference_mode()
    def encode(self, audio: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Codes of each stretch; what is longer than 30 s the package cuts with overlaps."""
        codes = [torch.empty(0, dtype=torch.int64) for _ in audio]
        long_enough = [number for number, one in enumerate(audio) if len(one) >= _SHORTEST]
        if not long_enough:
            return codes
        mels = [
            self._package.log_mel_spectrogram(audio[number], n_mels=_N_MELS)
            for number in long_enough
        ]
        padded, lengths = self._package.padding(mels)
        found, counts = self._model.quantize(padded.to(self._device), lengths.to(self._device))
        for row, number in enumerate(long_enough):
            codes[number] = found[row, : int(counts[row])].long().cpu()
        return codes

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """The tokenizer has no decoder.

        Raises:
            NotInvertible: always; Step-Audio 2's token2wav is a model of its own.
        """
        raise NotInvertible(
            f"{self.name}: codes become audio only with Step-Audio 2's token2wav (flow matching, "
            "HiFT vocoder, 24 kHz); give a decoder of that kind to what needs audio"
        )


def _check(path: str) -> None:
    with Path(path).open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != _SHA256:
        raise ValueError(f"{path} has the SHA-256 {found[:12]}..., the published one is other")
