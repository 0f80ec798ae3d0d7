"""What is asked of emotion2vec+ and kept of its answers; the model itself is in no package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.audio_models import emotion2vec
from trainer.audio_models.protocol import Samples
from trainer.evaluating.case import Case
from trainer.evaluating.hearing import judged
from trainer.evaluating.judges.emotion import EmotionJudge
from trainer.evaluating.measuring import Verdicts, measure
from trainer.evaluating.settings import EmotionJudgeSettings, ScoreSettings
from trainer.evaluating.sounds import write_flac
from trainer.evaluating.spoken import Sounds, Spoken

LABELS = [f"x/{label}" if label != "<unk>" else label for label in emotion2vec.LABELS]


class Loudness:
    """Answers as funasr does: loud speech is angry, silence is neutral; the vector says which."""

    def generate(self, sounds: list[Samples], **options: object) -> list[dict[str, Any]]:
        assert options["granularity"] == "utterance"
        return [self._answer(sound, bool(options["extract_embedding"])) for sound in sounds]

    def _answer(self, sound: Samples, embedding: bool) -> dict[str, Any]:
        loud = float(np.abs(sound).max()) > 0.5
        heard = "angry" if loud else "neutral"
        scores = [0.92 if label.endswith(heard) else 0.01 for label in LABELS]
        answer: dict[str, Any] = {"labels": LABELS, "scores": scores}
        return answer | ({"feats": np.array([loud, not loud, 1], np.float32)} if embedding else {})


def test_emotions_end_as_the_papers_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emotion2vec, "load_funasr", lambda *_: Loudness())
    sounds = {"loud": np.full(1600, 0.9), "soft": np.full(1600, 0.1)}
    for number, samples in enumerate(sounds.values()):
        path = tmp_path / f"audio/{number:032x}.flac"
        write_flac(path, samples.astype(np.float32), 16000)
    loud, soft = (f"audio/{number:032x}.flac" for number in range(2))

    def case(number: int, emotion: str, truth: str) -> Case:
        return Case(
            id=f"tr_hard-en-{number:04d}",
            task="tr_hard",
            language="en",
            text="stop",
            emotion=emotion,
            reference_emotion="neutral",
            truth_codes=(1,),
            truth_audio=truth,
        )

    cases = [case(0, "angry", loud), case(1, "angry", loud), case(2, "sad", soft)]
    spoken = [
        Spoken(one, (1,), None, tmp_path / audio, one.id)
        for one, audio in zip(cases, (loud, soft, soft), strict=True)
    ]
    judge = EmotionJudge(EmotionJudgeSettings())
    heard = judged(judge, spoken, Sounds(tmp_path, {}, "cpu"), tmp_path, "mine", batch=2)
    verdicts = Verdicts("mine", cases, {"emotion": heard}, {"emotion": judge.label}, {})
    found = {one.metric: one for one in measure(verdicts, ScoreSettings())}
    assert found["acc_i"].value == pytest.approx(100 / 3)
    assert found["acc_r"].value == pytest.approx(200 / 3)
    assert found["e_sim"].value == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["acc_i"].judge == "iic/emotion2vec_plus_large, likeliest of all"
