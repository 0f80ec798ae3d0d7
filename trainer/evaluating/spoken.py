"""What is judged: a case as a system, or the ground truth, speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.errors import UsageError
from trainer.evaluating.case import Case, Cases
from trainer.evaluating.generated import Generated, read_generated, system_folder
from trainer.evaluating.kept import key_of
from trainer.evaluating.settings import GROUND_TRUTH, SystemSettings
from trainer.evaluating.sounds import read_sound
from trainer.speech.registry import load_tokenizer
from trainer.speech.sound import resample
from trainer.speech.tokenizer import SpeechTokenizer

_SOUNDS = 256  # that are kept in memory: references serve several cases


@dataclass(frozen=True, slots=True)
class Spoken:
    """One case, and the speech that answers it."""

    case: Case
    codes: tuple[int, ...]
    codec: str | None  # short name
    audio: Path | None  # None: the sound of the codes
    origin: str  # hash of what made it


class Sounds:
    """Gives sound at 16 kHz: recordings where there are any, else that of the codes."""

    def __init__(self, folder: Path, systems: Mapping[str, SystemSettings], device: str) -> None:
        """Takes the evaluation's folder, and the systems, whose tokenizers decode codes."""
        self._folder, self._systems, self._device = folder, systems, device
        self._tokenizers: dict[str, SpeechTokenizer] = {}
        self._decoded = lru_cache(_SOUNDS)(self._decode)
        self._recorded = lru_cache(_SOUNDS)(read_sound)

    def spoken(self, one: Spoken) -> Samples:
        """What is judged."""
        return self._sound(one.audio, one.codes, one.codec)

    def truth(self, case: Case) -> Samples | None:
        """The ground truth; None where a case has none."""
        if not case.truth_codes:
            return None
        return self._sound(self._path(case.truth_audio), case.truth_codes, case.codec)

    def reference(self, case: Case) -> Samples | None:
        """The reference; None where a case has none."""
        if not case.reference_codes:
            return None
        return self._sound(self._path(case.reference_audio), case.reference_codes, case.codec)

    def _path(self, audio: str | None) -> Path | None:
        return None if audio is None else self._folder / audio

    def _sound(self, audio: Path | None, codes: tuple[int, ...], codec: str | None) -> Samples:
        return self._decoded(codes, codec) if audio is None else self._recorded(audio)

    def _decode(self, codes: tuple[int, ...], codec: str | None) -> Samples:
        tokenizer = self._tokenizer(codec)
        samples = tokenizer.decode(torch.tensor(codes)).detach().cpu().float().numpy()
        sound = resample(
            np.asarray(samples, dtype=np.float32), tokenizer.sample_rate, SAMPLE_RATE_HZ
        )
        return np.clip(sound, -1.0, 1.0)

    def _tokenizer(self, codec: str | None) -> SpeechTokenizer:
        if codec is not None and codec not in self._tokenizers:
            names = {one.speech_tokenizer: one.weights for one in self._systems.values()}
            for name, weights in names.items():
                found = load_tokenizer(name, self._device, weights)
                self._tokenizers[found.identity.short] = found
        if codec is None or codec not in self._tokenizers:
            raise UsageError(
                f"the cases have codes of {codec} and no recordings, and no system of the "
                "configuration has that speech tokenizer: set cases.*.audio, or add the system"
            )
        return self._tokenizers[codec]


def spoken_by(folder: Path, system: str, cases: Cases) -> list[Spoken]:
    """Everything that a system said, in the order of the cases.

    Raises:
        UsageError: it was generated for other cases, or not at all.
    """
    if system == GROUND_TRUTH:
        return [_truth(folder, case) for case in cases.rows if case.truth_codes]
    by_id = {case.id: case for case in cases.rows}
    found = []
    for row in read_generated(folder, system):
        case = by_id.get(row.case_id)
        if case is None or case.fingerprint != row.case_sha256:
            raise UsageError(
                f"{system_folder(folder, system)} has speech for other cases than these: "
                f"{row.case_id!r}; run generate again"
            )
        if row.audio is not None:
            found.append(_generated(folder, system, case, row))
    return found


def _truth(folder: Path, case: Case) -> Spoken:
    audio = None if case.truth_audio is None else folder / case.truth_audio
    made_of = {"codec": case.codec, "codes": case.truth_codes, "audio": case.truth_audio}
    return Spoken(case, case.truth_codes, case.codec, audio, key_of(GROUND_TRUTH, made_of))


def _generated(folder: Path, system: str, case: Case, row: Generated) -> Spoken:
    audio = system_folder(folder, system) / f"audio/{case.id}.flac"
    return Spoken(case, row.codes, case.codec, audio, row.key)
