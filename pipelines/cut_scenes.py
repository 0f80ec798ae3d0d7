# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.cut_scenes``: cuts each recording of drama into scenes."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.cut_scenes --source wenetspeech",
    "python -m pipelines.cut_scenes --source wenetspeech --limit 2 --output DIR",
    "python -m pipelines.cut_scenes --source wenetspeech -- --direct_num_workers=8 "
    "--direct_running_mode=multi_processing",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "cut_scenes",
        "Cut every recording into scenes: a silence of more than 5 s begins a new one, and none "
        "is longer than 30 s. All sentences are kept; the limits are in params.yaml.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    from pipelines.run import run_stage
    from pipelines.stage import open_stage
    from pipelines.stages.cut_scenes import CutScenesStage
    from pipelines.summary import summary

    name = cli.one_source(arguments, params, among=params.episode_sources)
    folder = cli.one_input(arguments, params.folder(name, "annotate"))
    annotate = open_stage(folder, f"python -m pipelines.annotate --source {name}")
    stage = CutScenesStage(name, params.cut_scenes, arguments.limit)
    output = arguments.output or params.folder(name, "cut_scenes")
    facts = run_stage(stage, annotate.parts, output, runner_flags=runner_flags)
    cli.say(f"{summary(facts)}, {facts.counts.get('scenes', 0):,} scenes")


if __name__ == "__main__":
    sys.exit(main())
