"""``python -m trainer.evaluate win_rate``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--input", required=True, metavar="FILE", help="one utterance a row: CSV, Parquet, JSONL")
    add("--mclp", default="mclp", metavar="COLUMN", help="its MCLP (default: %(default)s)")
    add("--mos", default="mos", metavar="COLUMN", help="its mean rating (default: %(default)s)")
    add(
        "--cluster",
        metavar="COLUMN",
        help="what is drawn as a whole for the intervals, such as the scene; none: each utterance",
    )
    add("--output", metavar="FILE", help="the bins as JSON")


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.evaluating.settings import EvaluateSettings
    from trainer.evaluating.winning import win_rates
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    cli.say(
        win_rates(
            Path(arguments.input),
            settings.win_rate,
            mclp=arguments.mclp,
            mos=arguments.mos,
            cluster=arguments.cluster,
            output=None if arguments.output is None else Path(arguments.output),
        )
    )


SUBCOMMAND = Subcommand(
    name="win_rate",
    summary="How often the higher MCLP has the higher rating, in ten bins of the difference, with "
    "95 % intervals (MCLP 6.3, Figure 5).",
    examples=(
        "python -m trainer.evaluate win_rate --input ratings.csv",
        "python -m trainer.evaluate win_rate --input ratings.parquet --cluster scene "
        "--output win_rate.json",
        "python -m trainer.evaluate win_rate --input ratings.csv --set win_rate.kind=equal_width",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
