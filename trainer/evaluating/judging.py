"""What `trainer.evaluate judge` does: verdicts on the speech that InstructTTSEval's file names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from manifests.storage import LocalFiles
from trainer.errors import TrainerError
from trainer.evaluating.settings import InstructionJudgeSettings
from trainer.evaluating.sounds import read_sound
from trainer.metrics.figure import no_figure
from trainer.metrics.instruct_eval import QUESTIONS, ask_judge, instruct_figures
from trainer.metrics.instruct_items import LEVELS, Item, read_items
from trainer.metrics.measurement import write_measurements
from trainer.rewards.judge_prompt import YES_NO

MEASUREMENTS, VERDICTS = "measurements.jsonl", "verdicts.jsonl"
_TOGETHER = 64  # recordings in memory


def judge_file(
    path: Path,
    speech: Path,
    output: Path,
    settings: InstructionJudgeSettings,
    *,
    system: str,
    language: str,
) -> str:
    """Judges the speech of any system, and writes its figures and every verdict.

    Args:
        path: InstructTTSEval's file, with `gen_path` where there is speech.
        speech: the folder that these paths are in.
        output: folder for ``measurements.jsonl``, which `report` reads, and ``verdicts.jsonl``,
            which `agreement` compares.
        settings: where the server is, and which question it is asked.
        system: what it is called in the tables.
        language: of the file, ISO 639-1.

    Raises:
        UsageError: the file is not InstructTTSEval's, a path leads out of the folder, or the server
            refuses.
        DataError: a file of speech is missing or no sound.
        TrainerError: the server has no answer to any recording.
    """
    items = read_items(path)
    causes: Counter[str] = Counter()
    verdicts: dict[str, list[bool | None]] = {}
    for level in LEVELS:
        verdicts[level] = []
        for start in range(0, len(items), _TOGETHER):
            part = items[start : start + _TOGETHER]
            verdicts[level] += _ask(part, level, speech, settings, causes)
    figures = instruct_figures(verdicts)
    spoken = sum(one is not None for values in verdicts.values() for one in values)
    if not spoken and set(causes) != {"no_speech"}:
        raise TrainerError(
            f"{settings.base_url}: no verdict on any recording ({_told(causes)}): see to the "
            "server, then run this again"
        )
    if not spoken:
        figures |= {level: no_figure(f"{path} names no speech (gen_path)") for level in LEVELS}
    output.mkdir(parents=True, exist_ok=True)
    measured = [
        figure.measurement(
            system=system, task=task, language=language, metric="accuracy", judge=settings.model
        )
        for task, figure in figures.items()
    ]
    write_measurements(output / MEASUREMENTS, measured)
    lines = [
        json.dumps({"id": f"{level}-{language}-{item.id}", "verdict": verdict})
        for level in LEVELS
        for item, verdict in zip(items, verdicts[level], strict=True)
    ]
    with LocalFiles().atomic_write(str(output / VERDICTS)) as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())
    shares = ", ".join(
        f"{task} {'-' if figure.value is None else f'{figure.value:.1f}'} ({figure.count:,})"
        for task, figure in figures.items()
    )
    return f"{output}: {shares}; without a verdict: {_told(causes) or 'none'}"


def _ask(
    items: Sequence[Item],
    level: str,
    folder: Path,
    settings: InstructionJudgeSettings,
    causes: Counter[str],
) -> list[bool | None]:
    paths = [item.speech_path(level, folder) for item in items]
    there = [number for number, path in enumerate(paths) if path is not None]
    answered = ask_judge(
        settings,
        QUESTIONS[level] if settings.question == "true_false" else YES_NO,
        [items[number].directive(level).instruction for number in there],
        [read_sound(path) for path in paths if path is not None],
    )
    causes.update(answered.causes)
    if len(there) < len(items):
        causes["no_speech"] += len(items) - len(there)
    found: list[bool | None] = [None] * len(items)
    for number, verdict in zip(there, answered.values, strict=True):
        found[number] = verdict
    return found


def _told(causes: Counter[str]) -> str:
    return ", ".join(f"{count:,} {cause}" for cause, count in sorted(causes.items()))
