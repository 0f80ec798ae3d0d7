"""MCLP as a reward is the scorer's own number, for the candidate in either form."""

from __future__ import annotations

import asyncio

import pytest

from tests.trainer.rollouts.speakers import ta4, ta4_prompts
from trainer.errors import DataError
from trainer.mclp import MclpScorer, Pair
from trainer.rewards.hub import RewardHub
from trainer.rewards.mclp_reward import MclpReward
from trainer.rewards.protocol import RewardRequest, RewardTarget, requests_of
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings

TRUTH = (3, 1, 4, 1, 5, 9, 2, 6)
TARGET = RewardTarget(key="a", asked=frozenset({"mclp"}), text="Well.", truth_codes=TRUTH)


def _scorer() -> MclpScorer:
    layout, _, model = ta4()
    return MclpScorer(model, layout)


def test_it_is_the_scorers_number_and_equal_rollouts_have_equal_scores() -> None:
    scorer = _scorer()
    candidates = [(1, 2, 3), (4, 5, 6, 7, 8), (1, 2, 3)]
    scores = asyncio.run(
        MclpReward(scorer).score([RewardRequest(TARGET, codes) for codes in candidates])
    )
    expected = [scorer.score([Pair("Well.", codes, TRUTH)])[0] for codes in candidates]
    assert scores == pytest.approx(expected, abs=1e-6)
    assert scores[0] == scores[2] != scores[1]


def test_a_rollout_can_be_scored_as_it_was_sampled() -> None:
    layout, _, model = ta4()
    scorer, vocab = _scorer(), layout.vocab
    sampling = SamplingSettings(max_tokens=60, seed=1)
    prompts = ta4_prompts()[:1]
    rollouts = TorchSampler(model, vocab).generate(prompts, 2, sampling, layout.grammar)
    sampled = rollouts.completions()
    spoken = [layout.extract(ids).codes for ids in sampled]
    requests = requests_of([TARGET], spoken, sampled)
    raw = MclpReward(scorer, raw_end_id=vocab.end_id)
    found = asyncio.run(raw.score(requests))
    for score, ids, codes in zip(found, sampled, spoken, strict=True):
        groups = tuple(ids[: ids.index(vocab.end_id)])
        assert score == pytest.approx(scorer.score([Pair("Well.", codes, TRUTH, groups)])[0])
    anew = asyncio.run(MclpReward(scorer).score(requests))
    assert found != anew
    assert raw.identity["candidate"] == "raw"
    assert MclpReward(scorer).identity["candidate"] == "interleaved"


def test_what_cannot_be_read_is_none_and_the_others_are_scored() -> None:
    vocab = ta4()[0].vocab
    raw = MclpReward(_scorer(), raw_end_id=vocab.end_id)
    good = RewardRequest(TARGET, (1,), (65, *vocab.to_ids([1, 2, 3, 4]), vocab.end_id))
    nothing = RewardRequest(TARGET, (1,), (vocab.end_id,))
    with RewardHub([raw]) as hub:
        table = hub.score_now([nothing, good, RewardRequest(TARGET, ())])
    scores = table.rewards["mclp"]
    assert scores[0] is None and scores[2] is None
    assert scores[1] is not None and scores[1] < 0
    assert table.causes["mclp"] == {"malformed": 1, "no_speech": 1}


@pytest.mark.parametrize(
    ("text", "truth"), [("Well.", ()), ("Well.", (99,)), ("", TRUTH), ("<tts_end>", TRUTH)]
)
def test_rows_without_a_ground_truth_are_an_error(text: str, truth: tuple[int, ...]) -> None:
    target = RewardTarget(key="a", asked=frozenset({"mclp"}), text=text, truth_codes=truth)
    with pytest.raises(DataError, match="row a asks for mclp"):
        MclpReward(_scorer()).check(target)
