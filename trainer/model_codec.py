"""Whose codes a model speaks: ``codec.json`` in its folder, as in the folders of codes.

Two speech tokenizers may have equally many codes, so the size of the vocabulary cannot tell.
"""

from __future__ import annotations

from pathlib import Path

from manifests.codec import CODEC_FILE, CodecIdentity, CodecMissing, read_codec, write_codec
from trainer.errors import VocabError


def model_codec(folder: str) -> CodecIdentity | None:
    """Whose codes the model speaks; None where its folder does not say, or is no folder here.

    Raises:
        VocabError: what it says is damaged.
    """
    if not Path(folder, CODEC_FILE).is_file():
        return None
    try:
        return read_codec(folder)
    except CodecMissing as error:
        raise VocabError(str(error)) from error


def check_model_codec(folder: str, codec: CodecIdentity) -> None:
    """Checks that a model was made for these codes, where it says for which.

    Raises:
        VocabError: it was made for others.
    """
    found = model_codec(folder)
    if found is not None and found != codec:
        raise VocabError(
            f"{folder} is a model for codes of {found.short}, the data has codes of {codec.short}: "
            "tokenize the data with the model's speech tokenizer, or expand a model for the data's"
        )


def write_model_codec(folder: str, codec: CodecIdentity) -> None:
    """Says in a model's folder whose codes it speaks."""
    write_codec(folder, codec)
