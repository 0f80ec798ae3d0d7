"""Settings become rewards, with the papers' values unless said otherwise."""

from __future__ import annotations

import importlib.util

import pytest

from tests.trainer.rewards.codec import codec
from tests.trainer.rollouts.speakers import ta4
from trainer.errors import UsageError
from trainer.mclp import MclpScorer
from trainer.rewards.protocol import RewardRequest, RewardTarget
from trainer.rewards.registry import make_hub
from trainer.rewards.settings import RewardSettings
from trainer.settings import load_settings

WHISPER = {
    "asr": "whisper-base",
    "compute_type": "int8",
    "beam": 1,
    "windows_s": [10.0, 20.0, 30.0],
}


def _settings(*changes: str) -> RewardSettings:
    return load_settings(None, RewardSettings, changes)


def test_the_papers_values_are_the_defaults() -> None:
    server = "llm.base_url='http://localhost:1/v1'"
    settings = _settings("ser={}", "sv={}", "cer={}", "mclp.model=x", "hybrid={}", server)
    assert settings.ser is not None and settings.ser.score == "probability"
    assert settings.ser.model.model == "iic/emotion2vec_plus_large"
    assert settings.sv is not None and settings.sv.score == "verified"
    hybrid = settings.hybrid
    assert hybrid is not None and hybrid.gate == "paper"
    assert (hybrid.bias, hybrid.penalty, hybrid.tolerance) == (15.0, 10.0, 0.2)
    assert settings.llm is not None and "Kimi-Audio-7B-Instruct" in settings.llm.model


def test_rp_tts_rewards_from_settings_and_what_they_depend_on() -> None:
    layout, _, model = ta4()
    settings = _settings("mclp.model=scorer", "cer={}", "hybrid={}")
    hub = make_hub(
        settings,
        speech_tokenizer=codec(),
        make_scorer=lambda chosen: MclpScorer(model, layout, chosen.scorer),
    )
    target = RewardTarget(
        key="a", asked=frozenset({"hybrid"}), text="Well", language="zh", truth_codes=(1, 2)
    )
    hub.check([target])
    assert hub.parts_of(target) == {"mclp", "cer"}
    assert hub.identity["mclp"]["candidate"] == "interleaved"
    assert hub.identity["cer"].items() >= WHISPER.items()


def test_a_rule_about_codes() -> None:
    rules = {
        "rule={rule: codes, first: 2, last: 3}": [0.5, 1.0],
        "rule={rule: length, length: 4}": [1.0, 0.25],
    }
    target = RewardTarget(key="a", asked=frozenset({"rule"}))
    for change, expected in rules.items():
        with make_hub(_settings(change)) as hub:
            table = hub.score_now([RewardRequest(target, one) for one in ((1, 2, 3, 4), (3,), ())])
        assert table.rewards["rule"] == [*expected, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((), "rewards: none is set"),
        (("cer={}",), "cer hears speech: name the speech tokenizer"),
        (("mclp.model=x",), "no MCLP scorer"),
        (("rule={}", "hybrid={}"), "hybrid is made of mclp and cer: set both"),
        (
            (
                "sv.model.weights.package=gone",
                *[f"sv.model.weights.{k}=null" for k in ("path", "hub")],
                "sv.model.weights.file=x",
                "sv.model.weights.sha256=x",
            ),
            "no weights x",
        ),
    ],
)
def test_rewards_that_cannot_be_had_are_refused(changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_hub(_settings(*changes))


@pytest.mark.skipif(importlib.util.find_spec("funasr") is not None, reason="funasr is installed")
def test_ser_without_funasr_is_known_before_training() -> None:
    with pytest.raises(UsageError, match="pip install funasr"):
        make_hub(_settings("ser={}"), speech_tokenizer=codec())


@pytest.mark.parametrize(
    "change",
    [
        "sv.threshold=2",
        "llm.base_url='ftp://x'",
        "hybrid.gat=paper",
        "rule.rule=loud",
        "ser.score=0",
    ],
)
def test_wrong_settings_are_named(change: str) -> None:
    with pytest.raises(UsageError, match=change.split(".")[0]):
        _settings(change)
