"""``python -m trainer.evaluate mclp``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand

TASKS = ("rp_audio_history", "rp_no_audio_history")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--input", required=True, metavar="DIR", help="what `python -m trainer.score` wrote")
    add("--task", required=True, choices=TASKS, help="how its candidates were generated")
    add("--language", default="zh", metavar="CODE", help="of the speech (default: %(default)s)")
    add("--weight", default="utterance", choices=("utterance", "token"), help="of the mean")
    add("--output", required=True, metavar="FILE", help="measurements.jsonl, for `report`")


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.metrics.continuation import mean_mclp, read_scored, scorer_label
    from trainer.metrics.measurement import write_measurements

    scored, about = read_scored(Path(arguments.input))
    found = mean_mclp(scored, arguments.weight)
    measured = [
        figure.measurement(
            system=name,
            task=arguments.task,
            language=arguments.language,
            metric="mclp",
            judge=scorer_label(about),
        )
        for name, figure in found.items()
    ]
    write_measurements(Path(arguments.output), measured)
    means = ", ".join(
        f"{name} {'-' if one.value is None else f'{one.value:.4f}'} ({one.count:,})"
        for name, one in found.items()
    )
    cli.say(f"{arguments.output}: mean MCLP: {means}")


SUBCOMMAND = Subcommand(
    name="mclp",
    summary="Take the means of what trainer.score has scored into the papers' tables, every "
    "candidate a system, generated with or without audio history (MCLP Tables 2 and 3).",
    examples=(
        "python -m trainer.evaluate mclp --input data/mclp/with_history --task rp_audio_history "
        "--output data/mclp/with_history.jsonl",
        "python -m trainer.evaluate mclp --input data/mclp/without --task rp_no_audio_history "
        "--output data/mclp/without.jsonl",
    ),
    add_arguments=_add_arguments,
    work=_work,
    configured=False,
)
