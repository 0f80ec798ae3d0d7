"""Instructions: a model that hears, behind a server (InstructTTSEval, FlexiVoice 5.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from trainer.errors import TrainerError
from trainer.evaluating.case import INSTRUCT, Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.spoken import Sounds, Spoken
from trainer.metrics.instruct_eval import QUESTIONS, ask_judge
from trainer.rewards.settings import JudgeSettings


class InstructionJudge:
    """Whether speech follows its instruction."""

    name = "instruction"
    fallible = True

    def __init__(self, settings: JudgeSettings) -> None:
        """Takes where the server is; it is asked with the first case."""
        self._settings = settings
        self.label = settings.model

    @property
    def identity(self) -> Mapping[str, object]:
        """The model and the versions of the questions."""
        questions = {task: question.version for task, question in QUESTIONS.items()}
        return {"judge": self._settings.model, "questions": questions}

    def wants(self, case: Case) -> bool:
        """InstructTTSEval's three kinds of instruction."""
        return case.task in INSTRUCT

    def depends(self, case: Case) -> Mapping[str, object]:
        """The instruction, and as what it is asked."""
        return {"task": case.task, "instruction": case.instruction}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """1 for true and 0 for false.

        Raises:
            UsageError: the server refuses the key or does not know the model.
            TrainerError: it answers nothing at all to a whole batch.
        """
        found: list[Verdict] = [{} for _ in batch]
        causes: Counter[str] = Counter()
        for task, question in QUESTIONS.items():
            rows = [row for row, one in enumerate(batch) if one.case.task == task]
            if not rows:
                continue
            heard = ask_judge(
                self._settings,
                question,
                [batch[row].case.instruction or "" for row in rows],
                [sounds.spoken(batch[row]) for row in rows],
            )
            causes.update(heard.causes)
            why = _said(heard.causes)
            for row, value in zip(rows, heard.values, strict=True):
                found[row] = {"why": why} if value is None else {"value": float(value)}
        answered = causes[next(iter(QUESTIONS.values())).neither]
        if not answered and all("value" not in one for one in found):
            raise TrainerError(
                f"score.instruction: no verdict on {len(batch)} cases ({_said(causes)}) from "
                f"{self._settings.base_url}: see to the server, then run this again"
            )
        return found


def _said(causes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items()))
