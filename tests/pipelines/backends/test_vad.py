"""Where somebody speaks: Silero's model, and the rule that makes stretches of its probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.backends.vad import FRAME, SileroVad, speech_regions
from pipelines.errors import UsageError
from pipelines.sound import load_sound
from tests.pipelines.media_files import TRUE_VOCALS
from tests.pipelines.speakers import RATE, settings
from tests.pipelines.stages.drama import EPISODES, drama_turns

RULE = {"threshold": 0.5, "min_speech_s": 0.25, "min_silence_s": 0.1}


def vad() -> SileroVad:
    return SileroVad(settings().embedded.vad)


def test_speech_is_found_where_it_is() -> None:
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0]
    regions = speech_regions(vad().probabilities(samples), **RULE)
    heard = np.zeros(len(samples), np.bool_)
    spoken = heard.copy()
    for begin, end in regions:
        heard[begin:end] = True
    for turn in drama_turns(EPISODES[0]):
        spoken[round(turn.start * RATE) : round((turn.start + turn.duration) * RATE)] = True
    assert (spoken & ~heard).sum() < 0.06 * spoken.sum()  # pauses inside a line are speech there
    assert (heard & ~spoken).sum() < 0.03 * spoken.sum()


def test_silence_and_nothing_have_no_speech() -> None:
    for length in (0, 1, 511, 512, 40_000):
        probabilities = vad().probabilities(np.zeros(length, np.float32))
        assert len(probabilities) == -(-length // FRAME)
        assert speech_regions(probabilities, **RULE) == []


def test_the_probabilities_are_those_of_the_package() -> None:
    """Silero's own front end for the same model, in one piece and in blocks."""
    sequence = pytest.importorskip("silero_vad.sequence_vad")
    from pipelines.backends.weights import find_weights

    theirs = sequence.SileroVADSequence(str(find_weights(settings().embedded.vad)))
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0][: 20 * RATE + 100]  # more than one block
    expected = theirs.audio_forward(samples)
    np.testing.assert_allclose(vad().probabilities(samples), expected, atol=1e-6)


def test_another_model_is_refused() -> None:
    weights = settings().embedded.vad
    other = weights.model_copy(
        update={
            "file": "data/silero_vad_16k_op15.onnx",
            "sha256": "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        }
    )
    with pytest.raises(UsageError, match="another model: its inputs are"):
        SileroVad(other).probabilities(np.zeros(512, np.float32))


def test_a_file_that_is_no_model_is_refused(tmp_path: pytest.TempPathFactory) -> None:
    path = f"{tmp_path}/junk.onnx"
    with open(path, "wb") as junk:  # noqa: PTH123
        junk.write(b"not a model")
    weights = settings().embedded.vad.model_copy(update={"path": path})
    with pytest.raises(UsageError, match=r"junk\.onnx: not a model"):
        SileroVad(weights).probabilities(np.zeros(512, np.float32))


FRAMES_OF_100_MS = 4  # the first number of frames of 32 ms that is at least 100 ms long


def test_a_short_silence_does_not_end_speech_and_a_longer_one_does() -> None:
    speech, quiet = [1.0] * 10, [0.0]
    short = speech + quiet * (FRAMES_OF_100_MS - 1) + speech
    assert speech_regions(short, **RULE) == [(0, 23 * FRAME)]
    long = speech + quiet * FRAMES_OF_100_MS + speech
    assert speech_regions(long, **RULE) == [(0, 10 * FRAME), (14 * FRAME, 24 * FRAME)]


def test_between_the_two_thresholds_nothing_changes() -> None:
    assert speech_regions([0.4] * 20, **RULE) == []
    assert speech_regions([0.6] * 10 + [0.4] * 20 + [0.1] * 10, **RULE) == [(0, 30 * FRAME)]


def test_speech_to_the_end_has_no_trailing_silence() -> None:
    assert speech_regions([0.0] + [1.0] * 10 + [0.0] * 2, **RULE) == [(FRAME, 11 * FRAME)]


def test_short_speech_is_passed_over() -> None:
    assert speech_regions([1.0] * 7 + [0.0] * 9, **RULE) == []  # 0.224 s
    assert speech_regions([1.0] * 8 + [0.0] * 9, **RULE) == [(0, 8 * FRAME)]


@given(st.lists(st.sampled_from([0.0, 0.4, 0.9]), max_size=80))
def test_regions_are_apart_in_order_and_long_enough(probabilities: list[float]) -> None:
    regions = speech_regions(probabilities, **RULE)
    for begin, end in regions:
        assert end - begin >= RULE["min_speech_s"] * RATE
        assert probabilities[begin // FRAME] == 0.9
    for (_, end), (begin, _) in zip(regions, regions[1:], strict=False):
        assert begin - end >= RULE["min_silence_s"] * RATE
