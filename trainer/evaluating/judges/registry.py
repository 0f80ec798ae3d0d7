"""From settings to judges. One that cannot be loaded is missing, and its metrics are marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainer.audio_models.transcribers import make_transcriber
from trainer.errors import UsageError, VocabError
from trainer.evaluating.case import DECOUPLING, INSTRUCT, PROSODY, ROLE_PLAY, Case
from trainer.evaluating.judges.continuation import MclpJudge
from trainer.evaluating.judges.emotion import EmotionJudge
from trainer.evaluating.judges.instruction import InstructionJudge
from trainer.evaluating.judges.prosody import ProsodyJudge
from trainer.evaluating.judges.protocol import Judge
from trainer.evaluating.judges.speaker import SpeakerJudge
from trainer.evaluating.judges.transcript import SPOKEN_WORDS, TranscriptJudge
from trainer.evaluating.settings import ScoreSettings

Judges = tuple[dict[str, Judge], dict[str, str]]


def make_judges(settings: ScoreSettings, cases: Sequence[Case], device: str) -> Judges:
    """The judges that these cases need.

    Returns:
        Judges by name; and of those that are missing, what would bring them.
    """
    unset = "not in the configuration: set score.{}"
    found: dict[str, Judge] = {}
    missing: dict[str, str] = {}
    emotion, speaker, words = settings.emotion, settings.speaker, settings.transcriber
    mclp, instruction = settings.mclp, settings.instruction
    make: dict[str, Callable[[], Judge] | None] = {
        "emotion": None if emotion is None else lambda: EmotionJudge(emotion),
        "speaker": None if speaker is None else lambda: SpeakerJudge(speaker),
        "transcript": None if words is None else lambda: TranscriptJudge(make_transcriber(words)),
        "mclp": None if mclp is None else lambda: MclpJudge(mclp, device),
        "prosody": ProsodyJudge if settings.prosody else None,
        "instruction": None if instruction is None else lambda: InstructionJudge(instruction),
    }
    tasks = {case.task for case in cases}
    for name, maker in make.items():
        if not tasks & NEEDED_BY[name]:
            continue
        if maker is None:
            missing[name] = unset.format(_SETTING.get(name, name))
            continue
        try:
            found[name] = maker()
        except (UsageError, VocabError) as error:
            missing[name] = str(error)
    return found, missing


_SETTING = {"transcript": "transcriber"}
NEEDED_BY: dict[str, frozenset[str]] = {
    "emotion": frozenset(DECOUPLING),
    "speaker": frozenset(("tr_easy", "tr_hard")),
    "transcript": frozenset(SPOKEN_WORDS),
    "mclp": frozenset(ROLE_PLAY),
    "prosody": frozenset(PROSODY),
    "instruction": frozenset(INSTRUCT),
}
