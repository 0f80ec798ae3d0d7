"""Candidates for composed sets, made up, and the settings of params.yaml."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from pipelines.params import Params, load_params
from pipelines.stages.candidates import Candidate, sentence_key
from pipelines.stages.emotion_wording import EmotionWording, emotion_wording
from pipelines.stages.set_settings import DecouplingSettings, PreferencePairsSettings

FIVE = ("neutral", "happy", "angry", "sad", "surprised")


@cache
def params() -> Params:
    """Those of the project."""
    return load_params("params.yaml")


def pair_settings(**changes: Any) -> PreferencePairsSettings:  # noqa: ANN401
    """Of S1, with what a test cares about changed."""
    found = params().sets["s1"]
    assert isinstance(found, PreferencePairsSettings)
    return PreferencePairsSettings(**{**found.model_dump(), **changes})


def decoupling_settings(**changes: Any) -> DecouplingSettings:  # noqa: ANN401
    """Of S2, with what a test cares about changed."""
    found = params().sets["s2"]
    assert isinstance(found, DecouplingSettings)
    return DecouplingSettings(**{**found.model_dump(), **changes})


def wording(settings: PreferencePairsSettings | DecouplingSettings) -> EmotionWording:
    """Of a set."""
    return emotion_wording(
        settings.templates,
        settings.instruction_language,
        settings.seed,
        settings.emotions,
        "sets.test",
    )


def candidate(name: str, **changes: Any) -> Candidate:  # noqa: ANN401
    """One utterance; `text` may be given in place of the sentence."""
    fields: dict[str, Any] = {
        "id": name,
        "source": "esd",
        "speaker": "0011",
        "language": "en",
        "sentence": sentence_key(changes.pop("text", "Come here.")),
        "emotion": "neutral",
    }
    return Candidate(**{**fields, **changes})


@st.composite
def corpora(draw: st.DrawFn, max_size: int = 40) -> list[Candidate]:
    """A few speakers of two sources with a few sentences, so that all kinds of gaps occur."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["esd", "other"]),
                st.sampled_from(["0001", "0002"]),
                st.sampled_from(["Come here.", "come here", "Go away!", "走开"]),
                st.sampled_from([*FIVE, "disgusted", None]),
                st.sampled_from(["en", "zh", "fr"]),
            ),
            max_size=max_size,
        )
    )
    return [
        candidate(
            f"u{number:03d}",
            source=source,
            speaker=speaker,
            text=text,
            emotion=emotion,
            language=language,
        )
        for number, (source, speaker, text, emotion, language) in enumerate(rows)
    ]
