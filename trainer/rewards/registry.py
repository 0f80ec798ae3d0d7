"""From settings to the rewards of a run."""

from __future__ import annotations

from collections.abc import Callable

from trainer.errors import UsageError
from trainer.mclp import MclpScorer
from trainer.rewards.hub import RewardHub
from trainer.rewards.protocol import Combination, Reward
from trainer.rewards.settings import MclpRewardSettings, RewardSettings
from trainer.speech.tokenizer import SpeechTokenizer

MakeScorer = Callable[[MclpRewardSettings], MclpScorer]


def make_hub(
    settings: RewardSettings,
    *,
    speech_tokenizer: SpeechTokenizer | None = None,
    make_scorer: MakeScorer | None = None,
    end_id: int | None = None,
) -> RewardHub:
    """The rewards that settings name, their models loaded.

    Args:
        settings: of the rewards.
        speech_tokenizer: whose codes the policy speaks in; rewards that hear need it.
        make_scorer: loads the MCLP scorer for the policy's vocabulary.
        end_id: of the policy's vocabulary, for MCLP of rollouts as they were sampled.

    Raises:
        UsageError: a model cannot be had, or a reward lacks what it needs.
    """
    from trainer.audio_models.campplus import CamPlusPlusEncoder
    from trainer.audio_models.emotion2vec import Emotion2Vec
    from trainer.audio_models.transcribers import make_transcriber
    from trainer.rewards.cer import CerReward
    from trainer.rewards.hybrid import GatedHybrid
    from trainer.rewards.judge import JudgeReward
    from trainer.rewards.mclp_reward import MclpReward
    from trainer.rewards.rule import RuleReward
    from trainer.rewards.ser import EmotionReward
    from trainer.rewards.speaker import SpeakerReward
    from trainer.rewards.speech import Listener

    rewards: list[Reward] = []
    if settings.ser is not None:
        classifier = Emotion2Vec(settings.ser.model)
        classifier.load()
        rewards.append(EmotionReward(classifier, settings.ser))
    if settings.sv is not None:
        encoder = CamPlusPlusEncoder(settings.sv.model)
        encoder.load()
        rewards.append(SpeakerReward(encoder, settings.sv))
    if settings.llm is not None:
        rewards.append(JudgeReward(settings.llm))
    if settings.cer is not None:
        transcriber = make_transcriber(settings.cer.model)
        transcriber.load()
        rewards.append(CerReward(transcriber))
    if settings.mclp is not None:
        if make_scorer is None:
            raise UsageError("rewards.mclp: this command has no MCLP scorer; the layout is TA4's")
        raw = settings.mclp.candidate == "raw"
        scorer = make_scorer(settings.mclp)
        rewards.append(MclpReward(scorer, raw_end_id=end_id if raw else None))
    if settings.rule is not None:
        rewards.append(RuleReward(settings.rule))
    combinations: list[Combination] = []
    if settings.hybrid is not None:
        combinations.append(GatedHybrid(settings.hybrid))
    if not rewards:
        raise UsageError("rewards: none is set; name one of ser, sv, llm, cer, mclp, rule")
    listen = None if speech_tokenizer is None else Listener(speech_tokenizer)
    return RewardHub(rewards, combinations, listen, dead_batches=settings.dead_batches)
