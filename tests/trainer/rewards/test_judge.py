"""The judge over real HTTP: yes is 1, no is 0, and everything else None with its cause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from tests.trainer.rewards.judge_server import JudgeServer
from trainer.errors import DataError, UsageError
from trainer.rewards.judge import JudgeReward
from trainer.rewards.judge_prompt import YES_NO
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.rewards.settings import JudgeSettings


@pytest.fixture(scope="module")
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


def _reward(server: JudgeServer, **changes: object) -> JudgeReward:
    values = {"base_url": server.base_url, "wait_s": 0.01, "timeout_s": 60.0} | changes
    return JudgeReward(JudgeSettings.model_validate(values))


def _requests(*instructions: str) -> list[RewardRequest]:
    return [
        RewardRequest(
            RewardTarget(key=f"row-{n}", asked=frozenset({"llm"}), instruction=instruction),
            codes=(1,),
            speech=np.zeros(8000, np.float32),
        )
        for n, instruction in enumerate(instructions)
    ]


def _score(reward: JudgeReward, *instructions: str) -> Scores:
    async def run() -> Scores:
        try:
            return await reward.score(_requests(*instructions))
        finally:
            await reward.close()

    return asyncio.run(run())


def test_yes_is_one_and_no_is_nothing_in_order(server: JudgeServer) -> None:
    reward = _reward(server)
    assert _score(reward, "yes", "No.", " YES!\n", "no") == [1.0, 0.0, 1.0, 0.0]
    assert not reward.causes


@pytest.mark.parametrize(
    "reply", ["maybe", "Yes, but too slow", "yes no", "yesterday", "", "是", "I think yes", "y"]
)
def test_anything_else_is_none_and_not_asked_again(server: JudgeServer, reply: str) -> None:
    reward = _reward(server)
    calls = len(server.bodies)
    assert _score(reward, f"{reply}") == [None]
    assert reward.causes == {"neither_yes_nor_no": 1}
    assert len(server.bodies) == calls + 1
    assert YES_NO.verdict(reply) is None


@pytest.mark.parametrize("first", ["503", "429", "500", "cut", "junk", "empty"])
def test_a_passing_failure_is_asked_again(server: JudgeServer, first: str) -> None:
    reward = _reward(server)
    assert _score(reward, f"{first}|{first}|yes") == [1.0]
    assert not reward.causes


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        ("503", "http_503"),
        ("400", "http_400"),
        ("302", "http_302"),
        ("cut", "connection"),
        ("junk", "malformed_reply"),
        ("empty", "malformed_reply"),
        ("endless", "malformed_reply"),
    ],
)
def test_a_lasting_failure_is_none_and_the_others_have_their_scores(
    server: JudgeServer, act: str, cause: str
) -> None:
    reward = _reward(server)
    assert _score(reward, "yes", act, "no") == [1.0, None, 0.0]
    assert reward.causes == {cause: 1}


def test_a_server_that_hangs_is_none_after_its_time(server: JudgeServer) -> None:
    reward = _reward(server, timeout_s=1.0, attempts=2)
    assert _score(reward, "hang", "yes") == [None, 1.0]
    assert reward.causes == {"timeout": 1}


def test_no_server_at_all_is_none() -> None:
    settings = JudgeSettings(base_url="http://127.0.0.1:9/v1", attempts=2, wait_s=0.01)
    reward = JudgeReward(settings)
    assert _score(reward, "yes") == [None]
    assert reward.causes == {"connection": 1}


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_what_a_person_can_mend_is_an_error(server: JudgeServer, status: str) -> None:
    with pytest.raises(UsageError, match=f"HTTP {status}: see to .*JUDGE_API_KEY"):
        _score(_reward(server), status)


def test_the_request_is_what_such_servers_take(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "secret")
    _score(_reward(server, model="a-model"), "yes")
    body = server.bodies[-1]
    assert body["model"] == "a-model" and body["temperature"] == 0.0
    monkeypatch.delenv("JUDGE_API_KEY")
    _score(_reward(server, audio_part="audio_url"), "yes")
    assert server.keys[-2:] == ["Bearer secret", None]
    assert server.durations_s[-2:] == [0.5, 0.5]


def test_no_more_calls_at_once_than_allowed() -> None:
    with JudgeServer() as server:
        server.together = 3
        assert _score(_reward(server, max_in_flight=3), *["yes"] * 12) == [1.0] * 12
        assert server.most_in_flight == 3


def test_connections_survive_another_loop(server: JudgeServer) -> None:
    reward = _reward(server)
    assert asyncio.run(reward.score(_requests("yes"))) == [1.0]
    assert _score(reward, "no") == [0.0]


def test_a_row_without_an_instruction_is_an_error() -> None:
    reward = JudgeReward(JudgeSettings(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(DataError, match="row-0 asks for llm and has no instruction"):
        reward.check(_requests(" ")[0].target)
