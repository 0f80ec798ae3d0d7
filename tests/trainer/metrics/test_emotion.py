"""ACC-I, ACC-T and ACC-R against scikit-learn's accuracy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from trainer.audio_models.emotion2vec import FLEXIVOICE_LABELS, LABELS, UnknownEmotion
from trainer.audio_models.protocol import Emotions
from trainer.metrics.emotion import LabelSet, emotion_accuracy


def _heard(count: int, seed: int) -> list[Emotions]:
    rows = np.random.default_rng(seed).dirichlet(np.ones(len(LABELS)), count)
    return [Emotions(dict(zip(LABELS, map(float, row), strict=True))) for row in rows]


@pytest.mark.parametrize("labels", ["all", "five"])
def test_is_the_accuracy_of_the_argmax(labels: LabelSet) -> None:
    heard = _heard(400, 3)
    truth = list(np.random.default_rng(4).choice(FLEXIVOICE_LABELS, 400))
    among = LABELS if labels == "all" else FLEXIVOICE_LABELS
    predicted = [max(among, key=lambda name: one.scores[name]) for one in heard]
    found = emotion_accuracy(heard, truth, labels)
    assert found.value == pytest.approx(100 * accuracy_score(truth, predicted))
    assert (found.count, found.left_out) == (400, 0)


def test_five_labels_leave_the_other_four_out() -> None:
    # By hand: `other` is likeliest of nine, `sad` of the five.
    one = Emotions(dict.fromkeys(LABELS, 0.0) | {"other": 0.6, "sad": 0.3, "happy": 0.1})
    assert emotion_accuracy([one], ["sad"], "all").value == 0.0
    assert emotion_accuracy([one], ["sad"], "five").value == 100.0


def test_the_same_speech_against_the_instruction_and_against_the_text() -> None:
    happy = Emotions(dict.fromkeys(LABELS, 0.0) | {"happy": 1.0})
    sad = Emotions(dict.fromkeys(LABELS, 0.0) | {"sad": 1.0})
    heard = [happy, happy, happy, sad]
    assert emotion_accuracy(heard, ["开心"] * 4).value == 75.0
    assert emotion_accuracy(heard, ["sad"] * 4).value == 25.0


def test_no_answer_is_left_out_and_counted() -> None:
    happy = Emotions(dict.fromkeys(LABELS, 0.0) | {"happy": 1.0})
    found = emotion_accuracy([happy, None], ["happy", "happy"])
    assert (found.value, found.count, found.left_out) == (100.0, 1, 1)
    nothing = emotion_accuracy([None], ["happy"])
    assert nothing.value is None
    assert nothing.missing == "none of 1 cases has a verdict"


def test_an_emotion_that_could_never_be_heard_is_an_error() -> None:
    heard = _heard(1, 0)
    with pytest.raises(UnknownEmotion, match="'bored' is none of angry"):
        emotion_accuracy(heard, ["bored"])
    with pytest.raises(UnknownEmotion, match="'fearful' is none of neutral"):
        emotion_accuracy(heard, ["fearful"], "five")
    with pytest.raises(ValueError, match="zip"):
        emotion_accuracy(heard, ["happy", "sad"])
