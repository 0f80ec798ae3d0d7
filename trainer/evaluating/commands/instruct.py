"""``python -m trainer.evaluate instruct``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand, add_dry_run, add_folder, add_systems


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument(
        "--input",
        required=True,
        nargs="+",
        metavar="LANGUAGE=FILE",
        help="InstructTTSEval's JSON, a file a language: en=en.json zh=zh.json",
    )
    add_systems(parser)
    add_dry_run(parser)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.instructing import instruct
    from trainer.evaluating.settings import EvaluateSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    for line in instruct(
        settings,
        Path(arguments.folder),
        arguments.input,
        arguments.systems,
        dry_run=arguments.dry_run,
    ):
        cli.say(line)


SUBCOMMAND = Subcommand(
    name="instruct",
    summary="InstructTTSEval from its file to its figures: cases of APS, DSD and RP, speech, and a "
    "judge server that hears whether the instruction was followed (FlexiVoice Table 4).",
    examples=(
        "python -m trainer.evaluate instruct --folder data/instruct "
        "--input en=data/instructttseval/en.json zh=data/instructttseval/zh.json "
        "--set score.instruction.base_url=http://localhost:8000/v1",
        "python -m trainer.evaluate instruct --folder data/instruct --input en=en.json --dry-run",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
