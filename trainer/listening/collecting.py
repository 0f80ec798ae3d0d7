"""What `trainer.evaluate generate` made -> a table of clips for listening tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trainer.evaluating.case import Case, read_cases
from trainer.evaluating.settings import GROUND_TRUTH
from trainer.evaluating.spoken import Spoken, spoken_by
from trainer.listening.clips import Clip
from trainer.listening.writing import write_text

TABLE = "clips.jsonl"


def collect(folder: Path, systems: Sequence[str]) -> Counter[str]:
    """Writes `folder/clips.jsonl`: the recordings, and what systems made of the same cases.

    A case that a system could not speak, and one without a recording, is not in the table for that
    system; `make` draws from the cases that all systems have.

    Args:
        folder: of an evaluation.
        systems: their names; the ground truth comes by itself.

    Returns:
        Clips of each system.

    Raises:
        UsageError: there are no cases, or a system did not speak them.
    """
    cases = read_cases(folder)
    rows: list[str] = []
    counts: Counter[str] = Counter()
    for system in dict.fromkeys((GROUND_TRUTH, *systems)):
        counts[system] = 0
        for one in spoken_by(folder, system, cases):
            if one.audio is not None:
                clip = _clip(folder, system, one, one.audio)
                rows.append(json.dumps(clip.model_dump(exclude_defaults=True), ensure_ascii=False))
                counts[system] += 1
    write_text(folder / TABLE, "".join(f"{row}\n" for row in rows))
    return counts


def _clip(folder: Path, system: str, one: Spoken, audio: Path) -> Clip:
    case = one.case
    scene, history, line = _scene(case)
    return Clip(
        system=system,
        task=case.task,
        language=case.language,
        case=case.id,
        audio=audio.relative_to(folder).as_posix(),
        text=line,
        instruction=case.instruction,
        emotion=case.emotion,
        scene=scene,
        history=history,
        reference=case.reference_audio,
    )


def _scene(case: Case) -> tuple[str | None, tuple[str, ...], str]:
    """Scene with profiles, what was said before, and the line, with who says each where known.

    In role play the scene and the profiles are the system's turn; every line is told to the model
    by the human's turn, with the name of who says it, and the last one is the line at hand.
    """
    scene = "\n".join(turn.text for turn in case.context if turn.role == "system")
    told = [turn.text for turn in case.context if turn.role == "human"]
    return scene or None, tuple(told[:-1]), told[-1] if told else case.text
