"""What `trainer.evaluate generate` does: a model speaks the cases, and the sound is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from trainer.audio_models.campplus import chosen_device
from trainer.errors import LayoutError, UsageError
from trainer.evaluating.asking import Asking, cases_for
from trainer.evaluating.case import Case, Cases, read_cases
from trainer.evaluating.generated import GENERATED, Generated, system_folder
from trainer.evaluating.generator import Generator
from trainer.evaluating.kept import Kept
from trainer.evaluating.settings import EvaluateSettings, SystemSettings
from trainer.models import load_tokenizer
from trainer.progress import progress
from trainer.rollouts.protocol import RolloutPrompt


def chosen_systems(settings: EvaluateSettings, names: Sequence[str]) -> dict[str, SystemSettings]:
    """The systems that the command line names; all, where it names none.

    Raises:
        UsageError: one is not in the configuration, or there is none.
    """
    if unknown := [name for name in names if name not in settings.systems]:
        there = ", ".join(settings.systems) or "none"
        raise UsageError(f"--system {unknown[0]}: not in the configuration, which has {there}")
    if not settings.systems:
        raise UsageError("systems: the configuration has none; add the trained models there")
    return {name: one for name, one in settings.systems.items() if not names or name in names}


def generate(settings: EvaluateSettings, folder: Path, names: Sequence[str]) -> list[str]:
    """Lets systems speak what they have not spoken yet; gives a closing line each.

    Raises:
        UsageError: there are no cases, or a system cannot be used.
    """
    cases = read_cases(folder)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = chosen_device(settings.device)
    lines = []
    for name, system in chosen_systems(settings, names).items():
        chosen = cases_for(system, name, cases)
        generator = Generator(name, system, device)
        generator.check(chosen)
        lines.append(_generate(generator, chosen, system.batch, folder))
    return lines


def _generate(generator: Generator, cases: Sequence[Case], batch: int, folder: Path) -> str:
    where = system_folder(folder, generator.name)
    kept: Kept[Generated] = Kept(where / GENERATED, Generated, generator.identity)
    keys = [generator.key(case) for case in cases]
    left = [case for case, key in zip(cases, keys, strict=True) if not _there(kept, key, where)]
    asked, lost = generator.prompts(left)
    if lost:
        kept.add(lost)
    with progress(f"generate {generator.name}", "case", len(asked)) as advance:
        for part in _batches(asked, batch):
            kept.add(generator.speak(part, where))
            advance(len(part))
    rows = kept.finish(keys)
    spoken = sum(row.audio is not None for row in rows)
    limit = sum(row.truncated for row in rows)
    mute = sum(row.reason is None and row.audio is None for row in rows)
    reasons = [row.reason for row in rows if row.reason is not None]
    return (
        f"{where}: {len(left):,} of {len(rows):,} cases generated here; {spoken:,} spoken "
        f"({sum(row.seconds for row in rows):,.1f} s, {limit:,} ended by the limit), {mute:,} "
        f"without speech, {len(reasons):,} not asked"
        + (f" ({', '.join(sorted(set(reasons)))})" if reasons else "")
    )


def _there(kept: Kept[Generated], key: str, where: Path) -> bool:
    """Whether a case is done, its sound too."""
    row = kept.rows.get(key)
    return row is not None and (row.audio is None or (where / row.audio).is_file())


def _batches(
    asked: Sequence[tuple[Case, RolloutPrompt]], size: int
) -> Iterator[Sequence[tuple[Case, RolloutPrompt]]]:
    for first in range(0, len(asked), size):
        yield asked[first : first + size]


def plan(settings: EvaluateSettings, cases: Cases, folder: Path, names: Sequence[str]) -> list[str]:
    """What :func:`generate` would do at most; loads no model."""
    lines = []
    for name, system in chosen_systems(settings, names).items():
        chosen = cases_for(system, name, cases)
        asking = Asking(system, load_tokenizer(system.model.path))
        lengths = []
        for case in chosen:
            try:
                lengths.append(len(asking.prompt(case).ids))
            except LayoutError:
                continue
        done = 0
        path = system_folder(folder, name) / GENERATED
        if path.is_file():
            done = len(Kept(path, Generated, {}).rows)
        lines.append(
            f"{name}: would generate {len(lengths):,} cases of {len(chosen):,} "
            f"({done:,} rows are there already, which count if nothing has changed): "
            f"{sum(lengths):,} tokens of prompts, at most "
            f"{len(lengths) * system.sampling.max_tokens:,} of speech, in "
            f"{-(-len(lengths) // system.batch):,} batches"
        )
    return lines
