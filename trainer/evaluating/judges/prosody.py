"""Speaking rate and pitch, measured in the sound (FlexiVoice A.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.audio_models.protocol import Samples
from trainer.evaluating.case import PROSODY, Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.spoken import Sounds, Spoken
from trainer.metrics.phonemes import counted_by
from trainer.metrics.pitch import median_f0
from trainer.metrics.prosody import phonemes_per_second


class ProsodyJudge:
    """Phonemes a second and median F0, measured and not heard (FlexiVoice A.8)."""

    name = "prosody"
    fallible = False
    label = "signal"

    @property
    def identity(self) -> Mapping[str, object]:
        """How phonemes are counted and pitch is found."""
        return {"phonemes": [counted_by("en"), counted_by("zh")], "pitch": "YIN"}

    def wants(self, case: Case) -> bool:
        """Sentences in three levels."""
        return case.task in PROSODY

    def depends(self, case: Case) -> Mapping[str, object]:
        """What is measured, and the words."""
        return {"task": case.task, "text": case.text}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """The rate of those that were to be fast or slow, the pitch of the others."""
        return [_measured(one.case, sounds.spoken(one)) for one in batch]


def _measured(case: Case, speech: Samples) -> Verdict:
    if case.task == "speed":
        value = phonemes_per_second(case.text, speech)
        return {"value": value, "why": None if value is not None else "no speech"}
    value = median_f0(speech)
    return {"value": value, "why": None if value is not None else "no voiced frame"}
