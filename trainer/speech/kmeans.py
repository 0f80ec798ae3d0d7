"""The embedded speech tokenizer: k-means over blocks of log-mel frames.

Fitted on a corpus in seconds, it gives real tokens that become audio again; rough audio, for one
centre stands for a whole block of spectrum. Good enough to train on and to test with, where the
tokenizers of the papers, DualCodec and S3, cannot run. One safetensors file holds it: the centres,
and the settings as JSON in the file's metadata. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pydantic
import safetensors
import safetensors.torch
import torch

from manifests.codec import CodecIdentity
from manifests.storage import LocalFiles
from trainer.errors import DataError, UsageError
from trainer.speech.lloyd import Clusters, fit, nearest
from trainer.speech.logmel import LogMel
from trainer.speech.settings import KMeansSettings

_TENSOR, _METADATA = "centres", "kmeans"
_BATCH = 64  # stretches of audio whose blocks are compared with the centres together


class KMeansTokenizer:
    """A fitted codec."""

    num_codebooks = 1

    def __init__(self, centres_KD: torch.Tensor, settings: KMeansSettings) -> None:
        """Takes the centres, ``[cardinality, numbers of a block]``.

        Raises:
            DataError: the centres are not blocks as the settings have them.
        """
        self.settings = settings
        self.mel = log_mel(settings)
        if (
            centres_KD.shape != (settings.clusters, self.mel.dim)
            or not centres_KD.dtype.is_floating_point
        ):
            raise DataError(
                f"centres of shape {tuple(centres_KD.shape)} where the settings give "
                f"{(settings.clusters, self.mel.dim)}: fit the codec again"
            )
        if not bool(centres_KD.isfinite().all()):
            raise DataError("a centre is not finite: fit the codec again")
        self.centres_KD = centres_KD.float().contiguous()
        self.identity = CodecIdentity(
            name="kmeans",
            frame_rate=settings.frame_rate,
            sample_rate=settings.sample_rate,
            cardinality=settings.clusters,
            num_codebooks=1,
            fingerprint=hashlib.sha256(self._to_bytes()).hexdigest(),
        )
        self.name = self.identity.name
        self.frame_rate = self.identity.frame_rate
        self.sample_rate = self.identity.sample_rate
        self.cardinality = self.identity.cardinality

    def encode(self, audio: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The number of the nearest centre of every block; none where there is no sample."""
        codes: list[torch.Tensor] = []
        for first in range(0, len(audio), _BATCH):
            blocks = [self.mel(one) for one in audio[first : first + _BATCH]]
            found, _ = nearest(torch.cat(blocks), self.centres_KD)
            codes += found.split([len(one) for one in blocks])
        return codes

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Sound whose features are near the centres of the codes.

        Raises:
            DataError: a code is out of range, or there are none.
        """
        if codes.ndim != 1 or not len(codes):
            raise DataError("no codes to make sound of")
        if int(codes.min()) < 0 or int(codes.max()) >= self.cardinality:
            wrong = codes[(codes < 0) | (codes >= self.cardinality)][0]
            raise DataError(f"code {int(wrong)} is not in 0..{self.cardinality - 1} of {self.name}")
        return self.mel.invert(self.centres_KD[codes.long()], self.settings.griffin_lim)

    def save(self, path: str) -> None:
        """Writes the file; the same codec gives the same bytes."""
        with LocalFiles().atomic_write(path) as stream:
            stream.write(self._to_bytes())

    def _to_bytes(self) -> bytes:
        # One metadata key: the order of several is not fixed.
        return safetensors.torch.save(
            {_TENSOR: self.centres_KD}, {_METADATA: self.settings.model_dump_json()}
        )


def log_mel(settings: KMeansSettings) -> LogMel:
    """The features that a codec of these settings quantizes."""
    return LogMel(
        sample_rate=settings.sample_rate,
        hop=round(settings.sample_rate / (settings.frame_rate * settings.stack)),
        stack=settings.stack,
        n_mels=settings.n_mels,
    )


def load(path: str) -> KMeansTokenizer:
    """A codec from its file.

    Raises:
        UsageError: the file is missing, or not one of a fitted codec.
    """
    if not Path(path).is_file():
        raise UsageError(
            f"{path}: no such file; fit a codec with `python -m trainer.tokenize --fit "
            f"--tokenizer kmeans:{path} --input DIR`"
        )
    try:
        with safetensors.safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            settings = KMeansSettings.model_validate_json(metadata.get(_METADATA, "{}"))
            return KMeansTokenizer(opened.get_tensor(_TENSOR), settings)
    except (safetensors.SafetensorError, pydantic.ValidationError, DataError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path}: not a fitted k-means codec: {reason}; fit it again") from error


def fit_kmeans(
    blocks_PD: torch.Tensor, settings: KMeansSettings, seed: int, iterations: int
) -> tuple[KMeansTokenizer, Clusters]:
    """A codec of these blocks of log-mel frames, and how well its centres stand for them.

    Raises:
        DataError: there are fewer blocks than codes.
    """
    found = fit(blocks_PD, settings.clusters, iterations=iterations, seed=seed)
    return KMeansTokenizer(found.centres_KD, settings), found
