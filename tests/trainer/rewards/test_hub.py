"""The hub asks every reward for the rows that want it, and tells None from 0."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from trainer.advantages import advantages
from trainer.errors import DataError, TrainerError, UsageError
from trainer.rewards.base import RewardBase
from trainer.rewards.hub import RewardHub
from trainer.rewards.hybrid import GatedHybrid
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores, requests_of
from trainer.rewards.settings import HybridSettings


class Fixed(RewardBase):
    """A reward whose score is a function of the first code."""

    needs_speech, needs_reference = False, False

    def __init__(
        self,
        name: str,
        score: Callable[[int], float | None] = float,
        *,
        hears: bool = False,
        silence: float | None = 0.0,
        gate: threading.Barrier | None = None,
    ) -> None:
        super().__init__(name)
        self.needs_speech, self.silence = hears, silence
        self.asked: list[int] = []
        self._score, self._gate = score, gate

    @property
    def identity(self) -> Mapping[str, object]:
        return {"fixed": self.name}

    def check(self, target: RewardTarget) -> None:
        if target.text == "bad":
            raise DataError(f"row {target.key} is bad")

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        if self._gate is not None:
            await asyncio.to_thread(self._gate.wait, 60)
        assert all((r.speech is not None) or not self.needs_speech for r in requests)
        self.asked += [request.codes[0] for request in requests]
        return [self._score(request.codes[0]) for request in requests]


def _target(key: str, *asked: str, text: str = "") -> RewardTarget:
    return RewardTarget(key=key, asked=frozenset(asked), text=text)


def _requests(*pairs: tuple[RewardTarget, Sequence[int]]) -> list[RewardRequest]:
    return [RewardRequest(target, (code,)) for target, codes in pairs for code in codes]


def _listen(requests: Sequence[RewardRequest], speech: bool, _: bool) -> list[RewardRequest]:
    assert speech
    sound = np.zeros(10, np.float32)
    return [RewardRequest(r.target, r.codes, r.ids, sound if r.codes else None) for r in requests]


def test_each_reward_sees_the_rows_that_ask_and_the_others_are_none() -> None:
    ser, llm = Fixed("ser"), Fixed("llm", lambda code: code / 10)
    hub = RewardHub([ser, llm])
    requests = _requests((_target("s2", "ser"), [1, 2]), (_target("s3", "llm"), [3, 4]))
    with hub:
        table = hub.score_now(requests)
    assert table.rewards == {"ser": [1.0, 2.0, None, None], "llm": [None, None, 0.3, 0.4]}
    assert ser.asked == [1, 2] and llm.asked == [3, 4]
    assert table.asked == {"ser": 2, "llm": 2} and not +table.failed
    found = advantages(table.rewards, 2)
    assert found.values[1] > 0 > found.values[0] and found.values[3] > 0 > found.values[2]


@pytest.mark.parametrize("wrong", [None, math.nan, math.inf, -math.inf])
def test_no_score_and_no_number_are_none_and_counted(wrong: float | None) -> None:
    reward = Fixed("sv", lambda code: wrong if code == 2 else 0.0)
    with RewardHub([reward]) as hub:
        table = hub.score_now(_requests((_target("a", "sv"), [1, 2, 3])))
    assert table.rewards["sv"] == [0.0, None, 0.0]
    assert table.failed["sv"] == 1
    assert table.facts() == {"sv": 0.0, "sv_failed": pytest.approx(1 / 3)}
    expected = 0 if wrong is None else 1
    assert table.causes["sv"].get("not_finite", 0) == expected


def test_a_rollout_without_speech_reaches_no_reward() -> None:
    ser, mclp = Fixed("ser"), Fixed("mclp", silence=None)
    target = _target("a", "ser", "mclp")
    requests = [RewardRequest(target, ()), RewardRequest(target, (5,))]
    with RewardHub([ser, mclp]) as hub:
        table = hub.score_now(requests)
    assert table.rewards == {"ser": [0.0, 5.0], "mclp": [None, 5.0]}
    assert ser.asked == mclp.asked == [5]
    assert table.causes["mclp"] == {"no_speech": 1}


def test_rewards_run_at_the_same_time() -> None:
    together = threading.Barrier(3)
    rewards = [Fixed(name, gate=together) for name in "abc"]
    with RewardHub(rewards) as hub:  # one after the other, each would wait for ever
        table = hub.score_now(_requests((_target("x", "a", "b", "c"), [1])))
    assert table.rewards == {"a": [1.0], "b": [1.0], "c": [1.0]}


def test_speech_is_made_for_those_that_hear_it_only() -> None:
    heard: list[int] = []

    def listen(requests: Sequence[RewardRequest], s: bool, r: bool) -> list[RewardRequest]:
        heard.extend(request.codes[0] for request in requests)
        return _listen(requests, s, r)

    hub = RewardHub([Fixed("ser", hears=True), Fixed("rule")], listen=listen)
    with hub:
        hub.score_now(_requests((_target("a", "ser"), [1, 2]), (_target("b", "rule"), [3, 4])))
    assert heard == [1, 2]


def test_a_reward_that_breaks_stops_training_with_its_own_error() -> None:
    def broken(_: int) -> float:
        raise TrainerError("the model broke")

    with (
        RewardHub([Fixed("a"), Fixed("b", broken)]) as hub,
        pytest.raises(TrainerError, match="the model broke"),
    ):
        hub.score_now(_requests((_target("x", "a", "b"), [1])))


def test_a_listener_that_breaks_stops_training_too() -> None:
    def listen(*_: object) -> list[RewardRequest]:
        raise DataError("codes of another tokenizer")

    with (
        RewardHub([Fixed("ser", hears=True)], listen=listen) as hub,
        pytest.raises(DataError, match="another tokenizer"),
    ):
        hub.score_now(_requests((_target("x", "ser"), [1])))


def test_a_dead_reward_is_an_error_after_some_batches_and_one_score_revives_it() -> None:
    alive = {"now": False}
    flaky = Fixed("llm", lambda _: 1.0 if alive["now"] else None)
    requests = _requests((_target("a", "llm"), [1, 2]))
    with RewardHub([flaky], dead_batches=3) as hub:
        hub.score_now(requests)
        hub.score_now(requests)
        alive["now"] = True
        hub.score_now(requests)
        alive["now"] = False
        hub.score_now(requests)
        hub.score_now(requests)
        with pytest.raises(TrainerError, match="llm gave no score in 3 batches"):
            hub.score_now(requests)


def test_a_row_that_asks_for_the_hybrid_asks_for_its_parts() -> None:
    cer = {1: 0.0, 2: 0.1, 3: 0.9, 4: 0.0}
    parts = [
        Fixed("mclp", lambda code: None if code == 4 else -4.0 - code),
        Fixed("cer", lambda code: cer[code], silence=1.0),
    ]
    hub = RewardHub([*parts, Fixed("rule")], [GatedHybrid(HybridSettings())])
    requests = _requests((_target("a", "hybrid"), [1, 2, 3, 4]), (_target("b", "rule"), [7] * 4))
    with hub:
        table = hub.score_now(requests)
    assert table.rewards == {
        "gated": [10.0, 8.0, 0.0, None, None, None, None, None],  # C 15, lambda 10, tau 0.2
        "rule": [None] * 4 + [7.0] * 4,
    }
    assert table.parts["cer"][:4] == [0.0, 0.1, 0.9, 0.0]
    assert table.passed["hybrid"] == [True, True, False, False] + [None] * 4
    assert table.facts()["hybrid_passed"] == 0.5
    assert advantages(table.rewards, 4, "scalar").scored[:4] == (True, True, True, False)


def test_the_separate_gate_is_two_rewards() -> None:
    parts = [Fixed("mclp", lambda code: -4.0 - code), Fixed("cer", lambda code: 0.9 * (code == 3))]
    hub = RewardHub(parts, [GatedHybrid(HybridSettings(gate="separate"))])
    with hub:
        table = hub.score_now(_requests((_target("a", "hybrid"), [1, 2, 3])))
    assert table.rewards == {"gate": [1.0, 1.0, 0.0], "style": [10.0, 9.0, None]}


def test_silence_is_gated_to_nothing_whatever_its_mclp() -> None:
    parts = [Fixed("mclp", silence=None), Fixed("cer", lambda _: 0.0, silence=1.0)]
    hub = RewardHub(parts, [GatedHybrid(HybridSettings())])
    target = _target("a", "hybrid")
    with hub:
        table = hub.score_now([RewardRequest(target, ()), RewardRequest(target, (1,))])
    assert table.rewards["gated"] == [0.0, 16.0]


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (_target("a", "unheard"), UsageError, "row a asks for the reward 'unheard'; there: rule"),
        (_target("a", "rule", text="bad"), DataError, "row a is bad"),
    ],
)
def test_bad_rows_are_known_before_training(
    target: RewardTarget, error: type[TrainerError], message: str
) -> None:
    hub = RewardHub([Fixed("rule")])
    with pytest.raises(error, match=message):
        hub.check([target])
    with hub, pytest.raises(error, match=message):
        hub.score_now(_requests((target, [1])))


def test_hubs_that_cannot_work_are_refused() -> None:
    with pytest.raises(UsageError, match="two rewards have the same name"):
        RewardHub([Fixed("a"), Fixed("a")])
    with pytest.raises(UsageError, match="reward hybrid is made of mclp too"):
        RewardHub([Fixed("cer")], [GatedHybrid(HybridSettings())])
    with pytest.raises(UsageError, match="ser hears speech: name the speech tokenizer"):
        RewardHub([Fixed("ser", hears=True)])


def test_requests_are_made_group_by_group() -> None:
    targets = [_target("a", "rule"), _target("b", "rule")]
    requests = requests_of(targets, [[1], [2], [3], []], [[9], [9], [9], [9]])
    assert [request.target.key for request in requests] == ["a", "a", "b", "b"]
    assert [request.codes for request in requests] == [(1,), (2,), (3,), ()]
    with pytest.raises(ValueError, match="3 rollouts of 2 prompts are not whole groups"):
        requests_of(targets, [[1], [2], [3]])
