"""Rewards that hear, with real models on real lines, and on sound made of codes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainer.listening import Line, campplus, whisper
from tests.trainer.rewards.codec import codec, codes, lines
from trainer.audio_models.emotion2vec import LABELS
from trainer.audio_models.protocol import Emotions, Samples
from trainer.errors import DataError
from trainer.rewards.cer import CerReward, character_error_rate
from trainer.rewards.hub import RewardHub
from trainer.rewards.protocol import RewardRequest, RewardTarget
from trainer.rewards.ser import EmotionReward
from trainer.rewards.settings import SerSettings, SvSettings
from trainer.rewards.speaker import SpeakerReward
from trainer.rewards.speech import Listener

DEATH_AGAIN, DEATH, _, FAYE, FAYE_AGAIN, FAYE_THIRD = range(6)


def _request(line: Line, target: RewardTarget) -> RewardRequest:
    return RewardRequest(target, (1,), speech=line.speech, reference=target.reference_speech)


def _target(asked: str, **fields: object) -> RewardTarget:
    return replace(RewardTarget(key="row", asked=frozenset({asked})), **fields)  # type: ignore[arg-type]


def test_sv_is_higher_for_the_same_voice_and_one_or_nothing_by_the_threshold() -> None:
    spoken = lines()
    target = _target("sv", reference_speech=spoken[FAYE].speech)
    requests = [_request(spoken[n], target) for n in (FAYE_AGAIN, FAYE_THIRD, DEATH, DEATH_AGAIN)]
    cosine = SpeakerReward(campplus(), SvSettings(score="cosine"))
    cosines = [float(score or 0.0) for score in asyncio.run(cosine.score(requests))]
    assert min(cosines[:2]) > max(cosines[2:]) + 0.1
    between = (min(cosines[:2]) + max(cosines[2:])) / 2
    verified = SpeakerReward(campplus(), SvSettings(threshold=between))
    assert asyncio.run(verified.score(requests)) == [1.0, 1.0, 0.0, 0.0]


class Deaf:
    """An encoder that gives no numbers."""

    identity: Mapping[str, object] = {}

    def embed(self, speech: Sequence[Samples]) -> NDArray[np.float32]:
        return np.full((len(speech), 4), np.nan, np.float32)


def test_no_number_of_the_encoder_is_none_and_not_an_unverified_voice() -> None:
    target = _target("sv", reference_speech=lines()[FAYE].speech)
    with RewardHub([SpeakerReward(Deaf(), SvSettings())], listen=lambda r, *_: list(r)) as hub:
        table = hub.score_now([_request(lines()[DEATH], target)])
    assert table.rewards["sv"] == [None]
    assert table.causes["sv"] == {"not_finite": 1}


def test_sv_without_a_reference_is_an_error() -> None:
    with pytest.raises(DataError, match="row row asks for sv and has no reference speech"):
        SpeakerReward(campplus(), SvSettings()).check(_target("sv"))


def test_cer_is_low_for_the_right_words_and_high_for_others() -> None:
    reward = CerReward(whisper())
    spoken = lines()
    said = [spoken[FAYE], spoken[DEATH]]
    right = [_target("cer", text=line.text, language="en") for line in said]
    requests = [_request(line, target) for line, target in zip(said, right, strict=True)]
    found = asyncio.run(reward.score([*requests, _request(spoken[FAYE], right[1])]))
    rates = [1.0 if rate is None else rate for rate in found]
    assert max(rates[:2]) < 0.1 and rates[2] > 0.5
    assert reward.identity["normaliser"] == "1" and reward.identity["asr"] == "whisper-base"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "…?!", "language": "en"}, "nothing to hear in it"),
        ({"text": "Hello"}, "asks for cer and has no language"),
    ],
)
def test_rows_that_cannot_be_heard_are_an_error(fields: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        CerReward(whisper()).check(_target("cer", **fields))


def test_character_error_rate() -> None:
    assert character_error_rate("我們走吧！", "我们走吧") == 0.0
    assert character_error_rate("Well, well.", "well well") == 0.0
    assert character_error_rate("ab", "") == 1.0
    assert character_error_rate("ab", "ab and so on") > 1.0
    with pytest.raises(ValueError, match="nothing is left"):
        character_error_rate("?!", "x")


class Certain:
    """A classifier that hears in every stretch what its first sample says."""

    identity: Mapping[str, object] = {"emotion": "certain"}

    def classify(self, speech: Sequence[Samples]) -> list[Emotions]:
        found = []
        for samples in speech:
            happy = float(samples[0])
            scores = dict.fromkeys(LABELS, 0.0)
            found.append(Emotions(scores | {"happy": happy, "sad": 0.8 - happy, "other": 0.2}))
        return found


@pytest.mark.parametrize(
    ("settings", "emotion", "expected"),
    [
        (SerSettings(), "Happy", 0.6),
        (SerSettings(labels="five"), "happy", 0.75),
        (SerSettings(), "难过", 0.2),
        (SerSettings(score="accuracy"), "happy", 1.0),
        (SerSettings(score="accuracy"), "sad", 0.0),
        (SerSettings(), "other", 0.2),
    ],
)
def test_ser_is_the_probability_of_the_instructed_emotion(
    settings: SerSettings, emotion: str, expected: float
) -> None:
    target = _target("ser", emotion=emotion)
    reward = EmotionReward(Certain(), settings)
    reward.check(target)
    request = RewardRequest(target, (1,), speech=np.array([0.6], np.float32))
    assert asyncio.run(reward.score([request])) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("settings", "emotion", "message"),
    [
        (SerSettings(), None, "names no emotion"),
        (SerSettings(), "melancholic", "'melancholic' is none of angry"),
        (SerSettings(labels="five"), "fearful", "fearful is none of neutral, happy"),
    ],
)
def test_ser_of_other_rows_is_an_error(
    settings: SerSettings, emotion: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        EmotionReward(Certain(), settings).check(_target("ser", emotion=emotion))


def test_codes_are_heard_by_all_rewards_together() -> None:
    """End to end: codes, sound, CAM++ and Whisper, in one batch with a rollout of silence."""
    spoken = lines()
    target = RewardTarget(
        key="faye",
        asked=frozenset({"sv", "cer"}),
        text=spoken[FAYE_THIRD].text,
        language="en",
        reference_codes=codes(FAYE_AGAIN),
    )
    sv_reward = SpeakerReward(campplus(), SvSettings(score="cosine"))
    with RewardHub([sv_reward, CerReward(whisper())], listen=Listener(codec())) as hub:
        said = [codes(FAYE_THIRD), codes(DEATH), ()]
        table = hub.score_now([RewardRequest(target, one) for one in said])
    sv, cer = table.rewards["sv"], table.rewards["cer"]
    assert sv[2] == 0.0 and cer[2] == 1.0
    assert sv[0] is not None and sv[1] is not None and sv[0] > sv[1] + 0.1
    assert cer[0] is not None and cer[1] is not None and cer[0] < 0.5 < cer[1]


def test_the_listener_decodes_equal_codes_once_and_prefers_recorded_references() -> None:
    decoded: list[int] = []

    class Counting(Listener):
        def _decode(self, one: tuple[int, ...]) -> Samples:
            decoded.append(len(one))
            return super()._decode(one)

    listener = Counting(codec())
    by_codes = _target("sv", reference_codes=(3, 4, 5, 6))
    recorded = replace(by_codes, reference_speech=np.ones(5, np.float32))
    requests = [RewardRequest(by_codes, (1, 2)), RewardRequest(by_codes, (1, 2))]
    heard = listener(
        [*requests, RewardRequest(recorded, (1,)), RewardRequest(by_codes, ())], True, True
    )
    assert sorted(decoded) == [1, 2, 4]
    assert heard[0].speech is heard[1].speech and heard[0].reference is heard[3].reference
    assert heard[2].reference is recorded.reference_speech
    assert heard[3].speech is None
    assert heard[0].speech is not None and len(heard[0].speech) == 2 * 640
    listener(requests, False, True)
    assert sorted(decoded) == [1, 2, 4]  # references are kept from batch to batch


def test_codes_of_another_tokenizer_are_an_error() -> None:
    with pytest.raises(DataError, match="codes from 1 to 256, and kmeans has 256"):
        Listener(codec())([RewardRequest(_target("sv"), (1, 256))], True, False)
