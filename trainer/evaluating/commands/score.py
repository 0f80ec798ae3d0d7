"""``python -m trainer.evaluate score``."""

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

    from trainer.evaluating.hearing import plan, score
    from trainer.evaluating.settings import EvaluateSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    work = plan if arguments.dry_run else score
    for line in work(settings, Path(arguments.folder), arguments.systems):
        cli.say(line)


SUBCOMMAND = Subcommand(
    name="score",
    summary="Let judges hear what was generated, and the recordings too: emotion, voice, words, "
    "MCLP, speed, pitch. Judges that are not installed leave their figures marked as missing. "
    "Each case is judged once; a command that was killed goes on.",
    examples=(
        "python -m trainer.evaluate score --folder data/evaluation",
        "python -m trainer.evaluate score --folder data/evaluation --system flexivoice_s2",
        "python -m trainer.evaluate score --folder data/evaluation --system ground_truth "
        "--set score.emotion=null",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
