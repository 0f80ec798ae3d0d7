"""What `trainer.evaluate instruct` does: cases, speech and verdicts of InstructTTSEval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainer.errors import UsageError
from trainer.evaluating.case import INSTRUCT
from trainer.evaluating.generating import chosen_systems, generate
from trainer.evaluating.generating import plan as plan_generate
from trainer.evaluating.hearing import score
from trainer.evaluating.making import make_cases
from trainer.evaluating.settings import CasesSettings, EvaluateSettings


def instruct(
    settings: EvaluateSettings,
    folder: Path,
    inputs: Sequence[str],
    names: Sequence[str],
    *,
    dry_run: bool,
) -> list[str]:
    """Makes the cases, lets the systems speak them and asks the judge; gives the closing lines.

    Args:
        settings: of the evaluation; its cases are not used.
        folder: of this evaluation, another than that of the papers' own cases.
        inputs: ``LANGUAGE=FILE``, InstructTTSEval's JSON.
        names: of systems; none: all with the layout append.
        dry_run: write nothing, and say what there would be to do.

    Raises:
        UsageError: an input, a system or the judge's server cannot be used.
        TrainerError: the judge broke; what was judged is kept.
    """
    systems = {
        name: one.model_copy(update={"tasks": list(INSTRUCT)})
        for name, one in chosen_systems(settings, names).items()
        if names or one.layout == "append"
    }
    files = _files(inputs)
    only = settings.model_copy(
        update={
            "cases": CasesSettings(instruct=files, instruct_count=settings.cases.instruct_count),
            "systems": systems,
        }
    )
    cases, lines = make_cases(only.cases, folder, dry_run=dry_run)
    if dry_run:
        return lines + plan_generate(only, cases, folder, [])
    lines += generate(only, folder, [])
    return lines + score(only, folder, list(systems))


def _files(inputs: Sequence[str]) -> dict[str, str]:
    """``LANGUAGE=FILE`` as a table.

    Raises:
        UsageError: one is no such thing, or a language is there twice.
    """
    found: dict[str, str] = {}
    for text in inputs:
        language, equals, path = text.partition("=")
        if not (equals and path and language.isalpha() and language.islower()) or (
            language in found
        ):
            raise UsageError(f"--input {text}: give LANGUAGE=FILE, every language once")
        found[language] = path
    return found
