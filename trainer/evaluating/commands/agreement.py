"""``python -m trainer.evaluate agreement``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--judge", required=True, metavar="FILE", help="verdicts of the judge: CSV, Parquet, JSONL")
    add("--against", required=True, metavar="FILE", help="verdicts of people, or of another judge")
    add("--id", default="id", metavar="COLUMN", help="what is judged (default: %(default)s)")
    add("--verdict", default="verdict", metavar="COLUMN", help="the verdict (default: %(default)s)")
    add("--output", metavar="FILE", help="the figures as JSON")


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.agreeing import agreement

    cli.say(
        agreement(
            Path(arguments.judge),
            Path(arguments.against),
            id_column=arguments.id,
            verdict_column=arguments.verdict,
            output=None if arguments.output is None else Path(arguments.output),
        )
    )


SUBCOMMAND = Subcommand(
    name="agreement",
    summary="How far a judge agrees with people or with another judge: Macro-F1 over the verdicts "
    "that both gave (FlexiVoice A.7, Table 7).",
    examples=(
        "python -m trainer.evaluate agreement --judge kimi.csv --against people.csv",
        "python -m trainer.evaluate agreement --judge data/evaluation/scores/flexivoice/"
        "instruction.parquet --id case_id --verdict value --against people.csv",
    ),
    add_arguments=_add_arguments,
    work=_work,
    configured=False,
)
