"""Verdicts -> the figures of the papers' tables, each with its count and its judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.audio_models.protocol import Emotions
from trainer.evaluating.case import DECOUPLING, INSTRUCT, PROSODY, ROLE_PLAY, Case
from trainer.evaluating.heard import Heard
from trainer.evaluating.settings import GROUND_TRUTH, ScoreSettings
from trainer.metrics.averages import average
from trainer.metrics.emotion import emotion_accuracy
from trainer.metrics.error_rates import characters, error_rate, pinyin, words
from trainer.metrics.figure import Figure, mean_of, no_figure
from trainer.metrics.measurement import Measurement
from trainer.metrics.prosody import level_correlation
from trainer.metrics.similarity import emotion_similarity, speaker_verified

Pairs = Sequence[tuple[Case, Heard]]
_LISTENERS = "needs people who listen: python -m trainer.listen"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that was heard of one system."""

    system: str
    cases: Sequence[Case]  # that the system spoke
    heard: Mapping[str, Mapping[str, Heard]]  # judge -> id of a case -> verdict
    labels: Mapping[str, str]  # judge -> its name
    missing: Mapping[str, str]  # judge -> what would bring it

    def figure(
        self,
        judge: str,
        metric: str,
        cases: Sequence[Case],
        compute: Callable[[Pairs], Figure],
    ) -> Measurement:
        """One figure over these cases, or why there is none."""
        first = cases[0]
        label = self.labels.get(judge)
        if judge in self.missing:
            found = no_figure(self.missing[judge], len(cases))
        else:
            verdicts = self.heard.get(judge, {})
            found = compute([(one, verdicts[one.id]) for one in cases if one.id in verdicts])
        return found.measurement(
            system=self.system,
            task=first.task,
            language=first.language,
            metric=metric,
            judge=label if found.value is not None else None,
        )


def measure(verdicts: Verdicts, settings: ScoreSettings) -> list[Measurement]:
    """Every metric of the papers' tables that the system's cases call for, task by task."""
    found: list[Measurement] = []
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in verdicts.cases:
        groups.setdefault((case.task, case.language), []).append(case)
    for (task, _), cases in groups.items():
        if task in DECOUPLING:
            found += _decoupling(verdicts, task, cases, settings)
        elif task in ROLE_PLAY:
            found += _role_play(verdicts, cases)
        elif task in PROSODY:
            found.append(verdicts.figure("prosody", "spearman", cases, _spearman))
        elif task in INSTRUCT:
            found.append(verdicts.figure("instruction", "accuracy", cases, _accuracy))
    found += _instruct_averages(found)
    if verdicts.system == GROUND_TRUTH:
        found += _unspoken(found)
    return found


def _decoupling(
    verdicts: Verdicts, task: str, cases: Sequence[Case], settings: ScoreSettings
) -> Iterator[Measurement]:
    """FlexiVoice Tables 2 and 3."""
    labels = "all" if settings.emotion is None else settings.emotion.labels
    threshold = 0.0 if settings.speaker is None else settings.speaker.threshold

    def accuracy(emotion_of: Callable[[Case], str | None]) -> Callable[[Pairs], Figure]:
        def compute(pairs: Pairs) -> Figure:
            known = [(emotion_of(case), _emotions(one)) for case, one in pairs]
            named = [(emotion, heard) for emotion, heard in known if emotion is not None]
            return emotion_accuracy(
                [heard for _, heard in named], [emotion for emotion, _ in named], labels
            )

        return compute

    def verified(pairs: Pairs) -> Figure:
        return speaker_verified(*_vectors(pairs), threshold)

    yield verdicts.figure("emotion", "acc_i", cases, accuracy(lambda case: case.emotion))
    if task == "to_hard":
        yield verdicts.figure("emotion", "acc_t", cases, accuracy(lambda case: case.text_emotion))
    if task == "tr_hard":
        conflict = accuracy(lambda case: case.reference_emotion)
        yield verdicts.figure("emotion", "acc_r", cases, conflict)
    if task != "to_hard":  # 5.1: no ground truth exists for this case
        yield verdicts.figure("emotion", "e_sim", cases, lambda p: emotion_similarity(*_vectors(p)))
    if task.startswith("tr_"):
        yield verdicts.figure("speaker", "sv", cases, verified)
    if task != "to_hard":
        yield _error_rate(verdicts, cases, "cer" if cases[0].language == "zh" else "wer")
        for metric in ("q_mos", "cmos"):
            yield no_figure(_LISTENERS).measurement(
                system=verdicts.system,
                task=task,
                language=cases[0].language,
                metric=metric,
                judge=None,
            )


def _unspoken(found: Sequence[Measurement]) -> Iterator[Measurement]:
    """TO-hard, of which there is no recording (FlexiVoice 5.1)."""
    for language in dict.fromkeys(one.language for one in found if one.task == "to_easy"):
        for metric in ("acc_i", "acc_t"):
            yield no_figure("TO hard has no ground truth: nobody says its sentences").measurement(
                system=GROUND_TRUTH, task="to_hard", language=language, metric=metric, judge=None
            )


def _role_play(verdicts: Verdicts, cases: Sequence[Case]) -> Iterator[Measurement]:
    """MCLP Table 2."""
    yield _error_rate(verdicts, cases, "cer")
    yield _error_rate(verdicts, cases, "pinyin_wer")
    yield verdicts.figure("mclp", "mclp", cases, _mean)


def _error_rate(verdicts: Verdicts, cases: Sequence[Case], metric: str) -> Measurement:
    by = {"wer": words, "cer": characters, "pinyin_wer": pinyin}[metric]

    def compute(pairs: Pairs) -> Figure:
        return error_rate([case.text for case, _ in pairs], [one.text for _, one in pairs], by)

    return verdicts.figure("transcript", metric, cases, compute)


def _instruct_averages(found: Sequence[Measurement]) -> Iterator[Measurement]:
    """The macro average of APS, DSD and RP (FlexiVoice 5.1), a language."""
    kinds = [one for one in found if one.task in INSTRUCT]
    for language in dict.fromkeys(one.language for one in kinds):
        parts = {one.task: one for one in kinds if one.language == language}
        judges = {one.judge for one in parts.values() if one.judge is not None}
        yield average({task: parts.get(task) for task in INSTRUCT}).measurement(
            system=kinds[0].system,
            task="instruct_average",
            language=language,
            metric="accuracy",
            judge=", ".join(sorted(judges)) or None,
        )


def _emotions(heard: Heard) -> Emotions | None:
    if not heard.labels:
        return None
    return Emotions(dict(zip(heard.labels, heard.scores, strict=True)))


def _vectors(pairs: Pairs) -> tuple[list[_Vector], list[_Vector]]:
    """Of what was spoken, and of what it is held against; None where there is none."""
    mine = [_vector(one.vector) for _, one in pairs]
    return mine, [_vector(one.against) for _, one in pairs]


_Vector = np.ndarray[tuple[int], np.dtype[np.float32]] | None


def _vector(values: Sequence[float]) -> _Vector:
    return np.asarray(values, dtype=np.float32) if values else None


def _mean(pairs: Pairs) -> Figure:
    values = [one.value for _, one in pairs if one.value is not None]
    return mean_of(values, len(pairs) - len(values))


def _accuracy(pairs: Pairs) -> Figure:
    values = [one.value for _, one in pairs if one.value is not None]
    return mean_of(values, len(pairs) - len(values), scale=100.0)


def _spearman(pairs: Pairs) -> Figure:
    return level_correlation(
        [case.level or 0 for case, _ in pairs], [one.value for _, one in pairs]
    )
