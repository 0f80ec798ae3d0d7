"""The style classifier's registry and the parts of its loader that need no weights."""

from __future__ import annotations

import importlib.util

import pytest

from pipelines.backends.emotion2vec import Emotion2Vec, best_label
from pipelines.backends.style import chosen_backend, make_style_model
from pipelines.errors import StageFailed, UsageError
from pipelines.params import load_params
from pipelines.stages.rl_subset import RlSettings
from pipelines.stages.settings import StyleSettings

SHIPPED = load_params("params.yaml").style
INSTALLED = importlib.util.find_spec("funasr") is not None
# As the released model writes its nine labels.
LABELS = [
    *("生气/angry", "厌恶/disgusted", "恐惧/fearful", "开心/happy", "中立/neutral"),
    *("其他/other", "难过/sad", "吃惊/surprised", "<unk>"),
]


def settings(backend: str) -> StyleSettings:
    return SHIPPED.model_copy(update={"backend": backend})


def test_none_judges_nothing() -> None:
    assert chosen_backend(settings("none")) == "none"
    assert make_style_model(settings("none")) is None


def test_auto_is_the_model_where_funasr_is() -> None:
    expected = "emotion2vec" if INSTALLED else "none"
    assert chosen_backend(settings("auto")) == expected
    assert (make_style_model(settings("auto")) is not None) == INSTALLED


@pytest.mark.skipif(INSTALLED, reason="funasr is installed")
def test_without_funasr_the_error_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="pip install funasr.*style.backend to auto or none"):
        make_style_model(settings("emotion2vec"))


@pytest.mark.parametrize("index", range(len(LABELS)))
def test_labels_become_plain_english(index: int) -> None:
    scores = [0.0] * len(LABELS)
    scores[index] = 1.0
    label = best_label(LABELS, scores)
    assert label == LABELS[index].split("/")[-1]
    assert (label == RlSettings().neutral_label) == (index == 4)


def test_of_equal_scores_the_first_wins() -> None:
    assert best_label(LABELS, [0.1] * len(LABELS)) == "angry"


@pytest.mark.parametrize("scores", [[], [1.0]])
def test_another_kind_of_model_is_an_error(scores: list[float]) -> None:
    with pytest.raises(StageFailed, match=r"9 labels and \d scores"):
        best_label(LABELS, scores)
    with pytest.raises(StageFailed, match="0 labels"):
        best_label([], scores)


def test_the_name_is_that_of_the_model() -> None:
    assert Emotion2Vec(SHIPPED).name == "emotion2vec:emotion2vec_plus_large"
