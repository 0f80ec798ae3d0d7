"""Records for tests: valid ones, with what a test cares about changed."""

from __future__ import annotations

from typing import Any

from schemas import AnnotatedUtterance, PartFacts, StageFacts, Utterance

_PLAIN: dict[str, Any] = {
    "id": "EN_B00000_S00000_W000000",
    "source": "emilia",
    "source_id": "EN_B00000_S00000",
    "speaker": "EN_B00000_S00000",
    "language": "en",
    "text": "And that is the third goal.",
    "text_raw": " And that is the third goal.",
    "duration": 1.5,
    "audio_uri": "samples/emilia/EN-B000000.tar",
    "audio_container": "tar",
    "audio_member": "EN_B00000_S00000_W000000.mp3",
    "audio_offset": 512,
    "audio_size": 9000,
    "audio_format": "mp3",
    "sample_rate_hz": 24000,
    "num_channels": 1,
    "title": "Cup final LIVE",
    "tags": ("football",),
    "character": None,
    "game": None,
    "dnsmos": 3.4,
    "licence": "CC-BY-NC-4.0",
    "labels": (),
    "description": None,
}
_ANNOTATION: dict[str, Any] = {
    "instruction": "Call it like a commentator who can hardly believe it.",
    "instruction_language": "en",
    "value": "high",
    "personality": None,
    "speaking_style": None,
    "prompt_name": "emilia_style/v1",
    "prompt_sha256": "0" * 64,
    "chat_model": "test",
    "reply_sha256": "1" * 64,
}


def utterance(**changes: Any) -> Utterance:  # noqa: ANN401
    """One utterance of Emilia."""
    return Utterance(**{**_PLAIN, **changes})


def annotated(**changes: Any) -> AnnotatedUtterance:  # noqa: ANN401
    """One annotated utterance of Emilia."""
    return AnnotatedUtterance(**{**_PLAIN, **_ANNOTATION, **changes})


def uncounted(stage: str, source: str, unit: str, rows: int = 0) -> StageFacts:
    """Facts of a stage that counted nothing but its rows, all of which went on."""
    total = PartFacts(rows_in=rows, rows_out=rows)
    return StageFacts.of_parts(
        total, stage=stage, source=source, unit=unit, backend=None, prompt_sha256={}
    )
