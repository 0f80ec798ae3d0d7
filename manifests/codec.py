"""Which speech tokenizer made the codes of a folder: kept beside them, checked before training.

Codes are small numbers, and those of one tokenizer look like those of any other. So every folder of
codes says in ``codec.json`` whose they are, and every cut repeats the short name.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict, dataclass

from manifests.storage import LocalFiles, Storage

CODEC_FILE = "codec.json"
MAX_CARDINALITY = 2**15  # codes are stored as int16
_DIGITS = 12  # of the fingerprint, in the short name


class CodecMissing(ValueError):
    """The folder does not say whose codes it has, or says it wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecIdentity:
    """Everything that makes two speech tokenizers give different codes."""

    name: str  # "kmeans", "dualcodec:25hz_v1", "s3:v2_25hz"
    frame_rate: float  # frames of codes a second
    sample_rate: int  # Hz, of the audio it takes
    cardinality: int  # codes are 0 .. cardinality - 1
    num_codebooks: int  # codes a frame
    fingerprint: str  # SHA-256 of its weights and settings, 64 hex digits

    @property
    def short(self) -> str:
        """One word for it, in cuts and messages.

        >>> CodecIdentity(
        ...     name="kmeans", frame_rate=25.0, sample_rate=16000, cardinality=256,
        ...     num_codebooks=1, fingerprint="ab" * 32,
        ... ).short
        'kmeans-256@25Hz:abababababab'
        """
        digits = self.fingerprint[:_DIGITS]
        return f"{self.name}-{self.cardinality}@{self.frame_rate:g}Hz:{digits}"

    def to_json(self) -> str:
        """One stable text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CodecIdentity:
        """The inverse of :meth:`to_json`.

        Raises:
            ValueError: the text is not the JSON of an identity, or no tokenizer can be like that.
        """
        try:
            content = json.loads(text)
            identity = cls(**content)
            short = identity.short
            valid = (
                identity.frame_rate > 0
                and identity.sample_rate > 0
                and 0 < identity.cardinality <= MAX_CARDINALITY
                and identity.num_codebooks == 1
            )
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"not the identity of a speech tokenizer: {error}") from error
        if not valid:
            raise ValueError(
                f"{short}: not a tokenizer of one codebook of at most {MAX_CARDINALITY:,} codes"
            )
        return identity


def read_codec(folder: str, storage: Storage | None = None) -> CodecIdentity:
    """Whose codes the folder has.

    Raises:
        CodecMissing: ``codec.json`` is missing or damaged.
    """
    storage = storage or LocalFiles()
    path = posixpath.join(folder, CODEC_FILE)
    if not storage.list_files(path):
        raise CodecMissing(f"{path} is missing: the folder has no codes; run trainer.tokenize")
    try:
        with storage.open_read(path) as stream:
            return CodecIdentity.from_json(stream.read().decode())
    except ValueError as error:
        raise CodecMissing(f"{path}: {error}; run trainer.tokenize again") from error


def write_codec(folder: str, identity: CodecIdentity, storage: Storage | None = None) -> None:
    """Says whose codes the folder has."""
    with (storage or LocalFiles()).atomic_write(posixpath.join(folder, CODEC_FILE)) as stream:
        stream.write(identity.to_json().encode())
