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
    parser.add_argument(
        "--short",
        action="store_true",
        help="print what was measured here in a few lines; the files have the papers' tables",
    )


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.reporting import report

    found, tables, written = report(
        Path(arguments.folder),
        [Path(path) for path in arguments.measurements],
        papers=not arguments.without_papers,
    )
    if arguments.short:
        from rich.console import Console

        from trainer.evaluating.short import show

        show(found, Console())
    else:
        cli.say(tables)
    cli.say(written)


SUBCOMMAND = Subcommand(
    name="report",
    summary="Print the papers' tables (FlexiVoice 2, 3, 4, 5, 7, 8; MCLP 2, 3) for the systems "
    "that were scored, beside the papers' own figures; report/ gets Markdown, CSV and HTML.",
    examples=(
        "python -m trainer.evaluate report --folder data/evaluation",
        "python -m trainer.evaluate report --folder data/evaluation --short",
        "python -m trainer.evaluate report --folder data/evaluation --without-papers",
        "python -m trainer.evaluate report --folder data/evaluation "
        "--measurements data/listening/measurements.jsonl",
    ),
    add_arguments=_add_arguments,
    work=_work,
    configured=False,
)
