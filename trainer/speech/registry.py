"""A speech tokenizer by name: ``kmeans:PATH``, ``dualcodec:25hz_v1``, ``s3:v2_25hz``."""

from __future__ import annotations

from pathlib import Path

from trainer.errors import UsageError
from trainer.speech import s3
from trainer.speech.dualcodec import FRAME_RATES, DualCodecTokenizer
from trainer.speech.settings import WeightSettings
from trainer.speech.tokenizer import SpeechTokenizer

KNOWN = ("kmeans:PATH", *(f"dualcodec:{name}" for name in FRAME_RATES), f"s3:{s3.MODEL}")


def kmeans_path(name: str) -> str:
    """The file of a ``kmeans:PATH``.

    Raises:
        UsageError: it is the name of another tokenizer.
    """
    kind, _, path = name.partition(":")
    if kind != "kmeans" or not path:
        raise UsageError(f"--tokenizer {name}: only a k-means codec is fitted here: kmeans:PATH")
    return path


def check_name(name: str) -> None:
    """Checks what can be checked without loading anything.

    Raises:
        UsageError: there is no such tokenizer, or its file is missing.
    """
    kind, _, rest = name.partition(":")
    if kind == "kmeans" and rest:
        if not Path(rest).is_file():
            raise UsageError(
                f"{rest}: no such file; fit a codec first: "
                f"python -m trainer.tokenize --fit --tokenizer {name} --input DIR"
            )
    elif name not in KNOWN:
        raise UsageError(f"no speech tokenizer {name!r}; there are: {', '.join(KNOWN)}")


def load_tokenizer(
    name: str, device: str = "cpu", weights: WeightSettings | None = None
) -> SpeechTokenizer:
    """Loads a speech tokenizer.

    Args:
        name: as above.
        device: where it runs; the k-means codec runs on the CPU always.
        weights: where the weights are that the name does not tell.

    Raises:
        UsageError: there is no such tokenizer, or what it needs is missing.
    """
    check_name(name)
    weights = weights or WeightSettings()
    kind, _, rest = name.partition(":")
    if kind == "dualcodec":
        return DualCodecTokenizer(rest, device, weights.dualcodec, weights.w2v_bert)
    if kind == "s3":
        return s3.S3Tokenizer(device, weights.s3)
    from trainer.speech import kmeans

    return kmeans.load(rest)
