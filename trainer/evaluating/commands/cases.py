"""``python -m trainer.evaluate cases``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand, add_dry_run, add_folder


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    add_dry_run(parser)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.making import make_cases
    from trainer.evaluating.settings import EvaluateSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    folder = Path(arguments.folder)
    _, lines = make_cases(settings.cases, folder, dry_run=arguments.dry_run)
    for line in lines:
        cli.say(line)


SUBCOMMAND = Subcommand(
    name="cases",
    summary="Make the test cases: text or reference against the instruction (FlexiVoice Table 1), "
    "speed and pitch (A.8), role play (MCLP 6.2). The same seed gives the same bytes.",
    examples=(
        "python -m trainer.evaluate cases --folder data/evaluation",
        "python -m trainer.evaluate cases --folder data/evaluation --set cases.seed=1 --dry-run",
        "python -m trainer.evaluate cases --config trainer/configs/tiny/evaluate.yaml "
        "--folder data/evaluation",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
