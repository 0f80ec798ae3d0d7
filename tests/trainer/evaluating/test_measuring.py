"""Verdicts -> figures: the right metric over the right cases, and what is missing says why."""

from __future__ import annotations

import pytest

from trainer.evaluating.case import Case
from trainer.evaluating.heard import Heard
from trainer.evaluating.measuring import Verdicts, measure
from trainer.evaluating.settings import ScoreSettings
from trainer.metrics.measurement import TASKS, Measurement

LABELS = ("neutral", "happy", "angry", "sad", "surprised", "other")
JUDGES = {name: name for name in ("emotion", "speaker", "transcript", "mclp", "instruction")}


def case(number: int, task: str, language: str = "en", **more: object) -> Case:
    fields: dict[str, object] = {"text": "who goes there", "emotion": "happy", **more}
    return Case(id=f"{task}-{language}-{number:04d}", task=task, language=language, **fields)  # type: ignore[arg-type]


def heard(one: Case, **more: object) -> Heard:
    return Heard(key="k", case_id=one.id, **more)  # type: ignore[arg-type]


def emotional(
    one: Case, emotion: str, vector: tuple[float, ...], against: tuple[float, ...]
) -> Heard:
    scores = tuple(0.9 if label == emotion else 0.02 for label in LABELS)
    return heard(one, labels=LABELS, scores=scores, vector=vector, against=against)


def figures(found: list[Measurement]) -> dict[tuple[str, str, str], float | None]:
    return {(one.task, one.language, one.metric): one.value for one in found}


def test_emotions_voices_and_words_of_tr_hard() -> None:
    cases = [
        case(0, "tr_hard", reference_emotion="sad"),
        case(1, "tr_hard", reference_emotion="sad", text="stop"),
        case(2, "tr_hard", reference_emotion="angry"),
        case(3, "tr_hard", reference_emotion="angry"),
    ]
    verdicts = {
        "emotion": [
            emotional(cases[0], "happy", (1.0, 0.0), (1.0, 0.0)),
            emotional(cases[1], "sad", (1.0, 0.0), (0.0, 1.0)),
            emotional(cases[2], "sad", (3.0, 4.0), (4.0, 3.0)),
            emotional(cases[3], "happy", (1.0, 0.0), (1.0, 0.0)),
        ],
        "speaker": [
            heard(one, vector=(1.0, 0.0), against=against)
            for one, against in zip(
                cases, [(1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (1.0, 0.0)], strict=True
            )
        ],
        "transcript": [heard(one, text="who goes here") for one in cases],
    }
    found = measure(
        Verdicts(
            "mine", cases, {k: {v.case_id: v for v in vs} for k, vs in verdicts.items()}, JUDGES, {}
        ),
        ScoreSettings.model_validate({"speaker": {"threshold": 0.5}}),
    )
    values = figures(found)
    assert values["tr_hard", "en", "acc_i"] == 50.0
    assert values["tr_hard", "en", "acc_r"] == 25.0  # case 1; case 2 is sad beside an angry voice
    assert values["tr_hard", "en", "e_sim"] == pytest.approx((1 + 0 + 0.96 + 1) / 4)
    assert values["tr_hard", "en", "sv"] == 75.0
    # "there" in three cases; in "stop" one substitution and two insertions: 6 of 10 words
    assert values["tr_hard", "en", "wer"] == pytest.approx(60.0)
    listeners = [one for one in found if one.metric in ("q_mos", "cmos")]
    assert len(listeners) == 2 and all("people who listen" in str(one.missing) for one in listeners)
    assert all(one.count == 4 and one.judge for one in found if one.value is not None)


def test_each_language_has_its_error_rate_and_to_hard_none() -> None:
    cases = [
        case(0, "to_easy"),
        case(0, "to_easy", "zh", text="你好吗"),
        case(0, "to_hard", text_emotion="sad"),
    ]
    transcripts = {one.id: heard(one, text="你好") for one in cases}
    found = figures(
        measure(Verdicts("mine", cases, {"transcript": transcripts}, JUDGES, {}), ScoreSettings())
    )
    assert found["to_easy", "zh", "cer"] == pytest.approx(100 / 3)
    assert ("to_easy", "zh", "wer") not in found and ("to_easy", "en", "cer") not in found
    assert {metric for task, _, metric in found if task == "to_hard"} == {"acc_i", "acc_t"}


def test_role_play_and_levels() -> None:
    cases = [
        case(0, "rp_audio_history", "zh", text="他在那儿"),
        case(1, "rp_audio_history", "zh", text="他在那儿"),
    ]
    levels = [case(n, "speed", level=n + 1) for n in range(3)]
    heard_ = {
        "transcript": {one.id: heard(one, text="她再哪儿") for one in cases},
        "mclp": {
            cases[0].id: heard(cases[0], value=-4.0),
            cases[1].id: heard(cases[1], value=-5.0),
        },
        "prosody": {one.id: heard(one, value=float(one.level or 0) ** 3) for one in levels},
    }
    found = figures(measure(Verdicts("m", [*cases, *levels], heard_, JUDGES, {}), ScoreSettings()))
    assert found["rp_audio_history", "zh", "cer"] == 75.0
    assert found["rp_audio_history", "zh", "pinyin_wer"] == 0.0
    assert found["rp_audio_history", "zh", "mclp"] == -4.5
    assert found["speed", "en", "spearman"] == 1.0


def test_instructions_have_a_macro_average_and_a_verdict_that_failed_is_left_out() -> None:
    cases = [case(n, task) for task in ("aps", "dsd", "rp") for n in range(4)]
    values = [1.0, 1.0, 0.0, None, *[1.0] * 4, *[0.0] * 4]
    verdicts = {one.id: heard(one, value=value) for one, value in zip(cases, values, strict=True)}
    found = measure(Verdicts("m", cases, {"instruction": verdicts}, JUDGES, {}), ScoreSettings())
    by_task = {one.task: one for one in found}
    assert by_task["aps"].value == pytest.approx(200 / 3) and by_task["aps"].count == 3
    assert by_task["instruct_average"].value == pytest.approx((200 / 3 + 100 + 0) / 3)
    assert by_task["instruct_average"].judge == "instruction"


def test_a_missing_judge_marks_its_figures_and_no_other() -> None:
    cases = [case(0, "tr_easy", reference_emotion="neutral")]
    missing = {"emotion": "needs the package funasr"}
    speaker = {"speaker": {cases[0].id: heard(cases[0], vector=(1.0,), against=(1.0,))}}
    found = measure(Verdicts("m", cases, speaker, JUDGES, missing), ScoreSettings())
    by_metric = {one.metric: one for one in found}
    for metric in ("acc_i", "e_sim"):
        one = by_metric[metric]
        assert (one.value, one.missing, one.judge) == (None, "needs the package funasr", None)
    assert by_metric["sv"].value == 100.0 and by_metric["sv"].missing is None
    assert all(one.task in TASKS for one in found)


def test_the_ground_truth_has_no_to_hard_and_says_so() -> None:
    found = measure(Verdicts("ground_truth", [case(0, "to_easy")], {}, JUDGES, {}), ScoreSettings())
    hard = [one for one in found if one.task == "to_hard"]
    assert {one.metric for one in hard} == {"acc_i", "acc_t"}
    assert all("no ground truth" in str(one.missing) for one in hard)
