"""``python -m trainer.evaluate report``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand, add_folder


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument(
        "--measurements",
        nargs="+",
        default=[],
        metavar="FILE",
        help="further measurements.jsonl, such as those of a listening test",
    )
    parser.add_argument("--without-papers", action="store_true", help="only what was measured here")


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.reporting import report

    found = report(
        Path(arguments.folder),
        [Path(path) for path in arguments.measurements],
        papers=not arguments.without_papers,
    )
    cli.say(found)


SUBCOMMAND = Subcommand(
    name="report",
    summary="Print the papers' tables (FlexiVoice 2, 3, 4, 5, 7, 8; MCLP 2, 3) for the systems "
    "that were scored, beside the papers' own figures; report/ gets Markdown, CSV and HTML.",
    examples=(
        "python -m trainer.evaluate report --folder data/evaluation",
        "python -m trainer.evaluate report --folder data/evaluation --without-papers",
        "python -m trainer.evaluate report --folder data/evaluation "
        "--measurements data/listening/measurements.jsonl",
    ),
    add_arguments=_add_arguments,
    work=_work,
    configured=False,
)
