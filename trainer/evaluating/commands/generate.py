"""``python -m trainer.evaluate generate``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand, add_dry_run, add_folder, add_systems


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    add_systems(parser)
    add_dry_run(parser)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.case import read_cases
    from trainer.evaluating.generating import generate, plan
    from trainer.evaluating.settings import EvaluateSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    folder = Path(arguments.folder)
    if arguments.dry_run:
        lines = plan(settings, read_cases(folder), folder, arguments.systems)
    else:
        lines = generate(settings, folder, arguments.systems)
    for line in lines:
        cli.say(line)


SUBCOMMAND = Subcommand(
    name="generate",
    summary="Let trained models speak the cases: codes, and sound as FLAC. A command that was "
    "killed goes on with the cases that are not there; neither order nor batch changes a draw.",
    examples=(
        "python -m trainer.evaluate generate --folder data/evaluation",
        "python -m trainer.evaluate generate --folder data/evaluation --system flexivoice_s2",
        "python -m trainer.evaluate generate --folder data/evaluation --dry-run",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
