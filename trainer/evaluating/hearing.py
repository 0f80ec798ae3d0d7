"""What `trainer.evaluate score` does: judges hear what was spoken, each case once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from trainer.audio_models.campplus import chosen_device
from trainer.evaluating.asking import cases_for
from trainer.evaluating.case import Case, Cases, read_cases
from trainer.evaluating.generating import chosen_systems
from trainer.evaluating.heard import MEASUREMENTS, Heard, score_folder
from trainer.evaluating.judges.protocol import Judge
from trainer.evaluating.judges.registry import make_judges
from trainer.evaluating.kept import Kept, key_of
from trainer.evaluating.measuring import Verdicts, measure
from trainer.evaluating.settings import GROUND_TRUTH, EvaluateSettings
from trainer.evaluating.spoken import Sounds, Spoken, spoken_by
from trainer.metrics.measurement import Measurement, write_measurements
from trainer.progress import progress


def score(settings: EvaluateSettings, folder: Path, names: Sequence[str]) -> list[str]:
    """Judges what has not been judged yet; gives the lines to end with.

    Raises:
        UsageError: there are no cases, or a system has not spoken them.
        TrainerError: a judge broke; what was judged is kept.
    """
    cases = read_cases(folder)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = chosen_device(settings.device)
    systems = [name for name in names if name != GROUND_TRUTH]
    if not names or systems:
        systems = list(chosen_systems(settings, systems))
    if settings.score.ground_truth and (not names or GROUND_TRUTH in names):
        systems.append(GROUND_TRUTH)
    spoken = {name: spoken_by(folder, name, cases) for name in systems}
    asked = {name: _asked(settings, name, cases) for name in systems}
    judges, missing = make_judges(settings.score, cases.rows, device)
    sounds = Sounds(folder, settings.systems, device)
    lines = []
    for name in systems:
        where = score_folder(folder, name)
        heard = {
            judge.name: judged(judge, spoken[name], sounds, where, name, settings.score.batch)
            for judge in judges.values()
        }
        labels = {judge.name: judge.label for judge in judges.values()}
        verdicts = Verdicts(name, asked[name], heard, labels, missing)
        found = measure(verdicts, settings.score)
        _write(where / MEASUREMENTS, found)
        lines.append(_line(where, found))
    return lines + [f"missing: {judge}: {why}" for judge, why in missing.items()]


def _asked(settings: EvaluateSettings, name: str, cases: Cases) -> list[Case]:
    """The cases that a system should have spoken."""
    if name == GROUND_TRUTH:
        return [case for case in cases.rows if case.truth_codes]
    return cases_for(settings.systems[name], name, cases)


def judged(
    judge: Judge, spoken: Sequence[Spoken], sounds: Sounds, where: Path, system: str, batch: int
) -> Mapping[str, Heard]:
    """One judge's verdicts on one system, by the case's id."""
    wanted = [one for one in spoken if judge.wants(one.case)]
    identity = dict(judge.identity)
    keys = [key_of(identity, judge.depends(one.case), one.origin) for one in wanted]
    kept: Kept[Heard] = Kept(where / f"{judge.name}.parquet", Heard, identity)
    by_key = dict(zip(reversed(keys), reversed(wanted), strict=True))  # equal ones are heard once
    done = {key for key, row in kept.rows.items() if row.why is None or not judge.fallible}
    left = [(key, by_key[key]) for key in dict.fromkeys(keys) if key not in done]
    with progress(f"{judge.name} hears {system}", "case", len(left)) as advance:
        for first in range(0, len(left), batch):
            part = left[first : first + batch]
            verdicts = judge.hear([one for _, one in part], sounds)
            kept.add(
                [
                    Heard(key=key, case_id=one.case.id, **verdict)
                    for (key, one), verdict in zip(part, verdicts, strict=True)
                ]
            )
            advance(len(part))
    rows = kept.finish(keys)
    return {one.case.id: row for one, row in zip(wanted, rows, strict=True)}


def _write(path: Path, found: Sequence[Measurement]) -> None:
    """Writes the figures whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    write_measurements(temporary, found)
    temporary.replace(path)


def _line(where: Path, found: Sequence[Measurement]) -> str:
    measured = sum(one.value is not None for one in found)
    return f"{where / MEASUREMENTS}: {measured:,} of {len(found):,} figures measured"


def plan(settings: EvaluateSettings, folder: Path, names: Sequence[str]) -> list[str]:
    """What :func:`score` would do at most; loads no judge."""
    cases = read_cases(folder)
    wanted = list(names) or [*settings.systems, GROUND_TRUTH]
    chosen_systems(settings, [name for name in wanted if name != GROUND_TRUTH])
    lines = []
    for name in wanted:
        spoken = spoken_by(folder, name, cases)
        there = sorted(path.stem for path in score_folder(folder, name).glob("*.parquet"))
        lines.append(
            f"{name}: would hear {len(spoken):,} cases at most; files of verdicts there: "
            f"{', '.join(there) or 'none'}"
        )
    return lines
