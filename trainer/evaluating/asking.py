"""Cases -> what a model is given, in the layout that it was trained with."""

from __future__ import annotations

from typing import Any

from trainer.errors import LayoutError, UsageError
from trainer.evaluating.case import LAYOUT_TASKS, Case, Cases
from trainer.evaluating.settings import SystemSettings
from trainer.rollouts.protocol import RolloutPrompt
from trainer.tokens.append import AppendLayout, Reference
from trainer.tokens.layout import Role, Turn
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab

_ROLES: dict[str, Role] = {"system": "system", "human": "human", "assistant": "assistant"}


class Asking:
    """Puts the cases of one system into tokens."""

    def __init__(self, settings: SystemSettings, tokenizer: Any) -> None:  # noqa: ANN401
        """Takes the system and its text tokenizer.

        Raises:
            VocabError: the tokenizer has not the speech tokens that the settings name.
        """
        self._settings = settings
        self.vocab = SpeechVocab.from_tokenizer(tokenizer, settings.vocab.speech_names())
        self.layout: AppendLayout | Ta4Layout
        if settings.layout == "append":
            self.layout = AppendLayout(self.vocab, tokenizer, settings.joiner)
        else:
            self.layout = Ta4Layout(self.vocab, tokenizer)

    def prompt(self, case: Case) -> RolloutPrompt:
        """What the model goes on from; its random numbers hang on the case's id.

        Raises:
            LayoutError: a text holds the name of a special token, or there is none.
        """
        return RolloutPrompt(case.id, self._ids(case), self._script(case))

    def _ids(self, case: Case) -> tuple[int, ...]:
        if isinstance(self.layout, AppendLayout):
            reference = None
            if case.reference_codes:
                reference = Reference(case.reference_text or "", case.reference_codes)
            return tuple(self.layout.prompt(case.text, case.instruction, reference))
        turns = []
        for turn in case.context:
            if turn.role not in _ROLES:
                raise LayoutError(f"a turn of {turn.role!r}, which is no role")
            turns.append(Turn(_ROLES[turn.role], turn.text, turn.codes or None))
        return tuple(self.layout.prompt(turns))

    def _script(self, case: Case) -> tuple[int, ...] | None:
        if not self._settings.forced_text:
            return None
        return tuple(self.vocab.to_text(self.layout.tokenizer, case.text, f"text of {case.id}"))


def cases_for(settings: SystemSettings, name: str, cases: Cases) -> list[Case]:
    """The cases that a system is asked.

    Raises:
        UsageError: it is asked tasks that its layout has not, or there are none for it.
    """
    possible = LAYOUT_TASKS[settings.layout]
    tasks = possible if settings.tasks is None else settings.tasks
    if strange := set(tasks) - set(possible):
        raise UsageError(
            f"systems.{name}.tasks: {', '.join(sorted(strange))}; the layout {settings.layout} has "
            f"{', '.join(possible)}"
        )
    found = cases.of(tasks)
    if not found:
        raise UsageError(f"systems.{name}: the cases have none of {', '.join(tasks)}")
    return found
