"""ACC-I, ACC-T and ACC-R: which emotion is heard (FlexiVoice 5.1, Tables 2 and 5).

One function for the three: they differ in the emotion that speech is held against. ACC-I: that of
the instruction, higher is better. ACC-T and ACC-R: that of the text and of the reference where it
is another one, lower is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from trainer.audio_models.emotion2vec import FLEXIVOICE_LABELS, emotion_label, likeliest
from trainer.audio_models.protocol import Emotions
from trainer.metrics.figure import Figure, mean_of

# The recogniser knows nine labels and the paper instructs five; it does not say over which of them
# it takes the argmax.
LabelSet = Literal["all", "five"]


def emotion_accuracy(
    heard: Sequence[Emotions | None], expected: Sequence[str], labels: LabelSet = "all"
) -> Figure:
    """Share of utterances whose likeliest emotion is the expected one, in per cent.

    Args:
        heard: by the recogniser; None where there is no answer, which is left out and counted.
            Speech that is silent has an answer too, whatever it is.
        expected: emotion of each, English or Chinese.
        labels: the argmax is over all nine labels or over the five of 3.2.1.

    Raises:
        UnknownEmotion: an expected emotion is none that the recogniser knows, or, among five, none
            of those: it could never be heard.

    >>> clear = {"happy": 0.7, "sad": 0.2, "neutral": 0.1, "angry": 0.0, "surprised": 0.0}
    >>> emotion_accuracy([Emotions(clear), Emotions(clear), None], ["happy", "sad", "sad"]).value
    50.0
    """
    among = None if labels == "all" else FLEXIVOICE_LABELS
    hits: list[float] = []
    for emotions, word in zip(heard, expected, strict=True):
        label = emotion_label(word, among)
        if emotions is not None:
            hits.append(float(likeliest(emotions, among) == label))
    return mean_of(hits, len(heard) - len(hits), scale=100.0)
