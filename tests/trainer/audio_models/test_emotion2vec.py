"""The nine labels of emotion2vec+, by any of their names; and what is said without funasr."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from trainer.audio_models.emotion2vec import (
    FLEXIVOICE_LABELS,
    LABELS,
    Emotion2Vec,
    UnknownEmotion,
    emotion_label,
    probability,
    read_scores,
)
from trainer.audio_models.protocol import Emotions
from trainer.audio_models.settings import EmotionSettings, FunasrSettings, TranscriberSettings
from trainer.audio_models.transcribers import make_transcriber
from trainer.errors import TrainerError, UsageError

# As the released model writes them.
ANSWERED = [
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
    "<unk>",
]
SCORES = [0.1, 0.05, 0.05, 0.3, 0.2, 0.05, 0.1, 0.1, 0.05]
without_funasr = pytest.mark.skipif(
    importlib.util.find_spec("funasr") is not None, reason="funasr is installed"
)


def test_scores_are_read_by_english_label() -> None:
    scores = read_scores(ANSWERED, SCORES).scores
    assert set(scores) == set(LABELS)
    assert scores["happy"] == 0.3 and scores["<unk>"] == 0.05


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        (ANSWERED[:-1], SCORES[:-1]),
        (ANSWERED, SCORES[:-1]),
        ([*ANSWERED[:-1], "害羞/shy"], SCORES),
        ([], []),
    ],
)
def test_other_answers_are_an_error(labels: list[str], scores: list[float]) -> None:
    with pytest.raises(TrainerError, match=r"emotion2vec\+"):
        read_scores(labels, scores)


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("happy", "happy"),
        ("Happiness", "happy"),
        (" SAD ", "sad"),
        ("生气", "angry"),
        ("惊讶", "surprised"),
        ("Neutral", "neutral"),
    ],
)
def test_names_of_emotions(word: str, label: str) -> None:
    assert emotion_label(word) == label


def test_flexivoice_instructs_five_of_the_nine() -> None:
    assert {emotion_label(label) for label in FLEXIVOICE_LABELS} < set(LABELS)
    for written in ("Neutral", "Happy", "Angry", "Sad", "Surprised"):  # as 3.2.1 has them
        assert emotion_label(written) in FLEXIVOICE_LABELS


@pytest.mark.parametrize("word", ["", "melancholic", "happy sad"])
def test_other_words_are_none_of_the_nine(word: str) -> None:
    with pytest.raises(UnknownEmotion, match="none of angry"):
        emotion_label(word)


def test_probability_among_five_sums_to_one() -> None:
    emotions = read_scores(ANSWERED, SCORES)
    assert probability(emotions, "happy", None) == 0.3
    five = [probability(emotions, label, FLEXIVOICE_LABELS) for label in FLEXIVOICE_LABELS]
    assert sum(five) == pytest.approx(1.0)
    assert five[FLEXIVOICE_LABELS.index("happy")] == pytest.approx(0.3 / 0.8)


def test_no_probability_among_the_five_is_no_number() -> None:
    scores = dict.fromkeys(LABELS, 0.0) | {"other": 1.0}
    assert math.isnan(probability(Emotions(scores), "happy", FLEXIVOICE_LABELS))


@without_funasr
def test_without_funasr_the_error_says_how_to_install_it() -> None:
    with pytest.raises(UsageError, match=r"emotion\.model .*pip install funasr"):
        Emotion2Vec(EmotionSettings()).load()


@without_funasr
def test_paraformer_is_loaded_for_mandarin_where_it_is_set() -> None:
    settings = TranscriberSettings(paraformer=FunasrSettings(model="paraformer-zh"))
    transcriber = make_transcriber(settings)
    assert transcriber.identity["asr_zh"] == "paraformer-zh"
    with pytest.raises(UsageError, match=r"paraformer\.model 'paraformer-zh' .*pip install funasr"):
        transcriber.transcribe([np.zeros(1600, np.float32)], ["zh"])
