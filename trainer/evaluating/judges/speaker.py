"""Voices: SV (FlexiVoice 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.audio_models.campplus import CamPlusPlusEncoder
from trainer.evaluating.case import Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.settings import SpeakerJudgeSettings
from trainer.evaluating.spoken import Sounds, Spoken


class SpeakerJudge:
    """Whose voice is heard (FlexiVoice 5.1)."""

    name = "speaker"
    fallible = False

    def __init__(self, settings: SpeakerJudgeSettings) -> None:
        """Loads CAM++.

        Raises:
            UsageError: its weights are not there.
        """
        self._encoder = CamPlusPlusEncoder(settings.model)
        self._encoder.load()
        self.label = f"CAM++, same voice from {settings.threshold:g} on"

    @property
    def identity(self) -> Mapping[str, object]:
        """The network and its weights; the threshold comes later."""
        return self._encoder.identity

    def wants(self, case: Case) -> bool:
        """Cases with a voice to sound like."""
        return bool(case.reference_codes)

    def depends(self, case: Case) -> Mapping[str, object]:
        """The reference."""
        return {"codec": case.codec, "codes": case.reference_codes, "audio": case.reference_audio}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """The vectors of speech and reference."""
        speech = [sounds.spoken(one) for one in batch]
        voices = []
        for one in batch:
            voice = sounds.reference(one.case)
            assert voice is not None  # noqa: S101  (see wants)
            voices.append(voice)
        vectors = self._encoder.embed([*speech, *voices])
        return [
            {"vector": tuple(map(float, mine)), "against": tuple(map(float, other))}
            for mine, other in zip(vectors[: len(batch)], vectors[len(batch) :], strict=True)
        ]
