# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.separate``: the voices of every recording, without the music."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params
from pipelines.stored_work import add_model_arguments, chosen_model, describe_work

EXAMPLES = (
    "python -m pipelines.separate --source wenetspeech --dry-run",
    "python -m pipelines.separate --source wenetspeech",
    "python -m pipelines.separate --source wenetspeech --backend demucs --device cuda",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "separate",
        "Separate the voices of every recording from music and noise. Vocals that an earlier run "
        "made are used again; a run that was stopped goes on with the episode it was at.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    add_model_arguments(parser, ["auto", "demucs", "embedded"])
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs neither Beam nor av.
    from pipelines.backends.separator import choose_backend, make_separator
    from pipelines.run import run_stage
    from pipelines.stage import open_stage
    from pipelines.stages.separate import SeparateStage
    from pipelines.summary import summary

    name = cli.one_source(arguments, params, among=params.episode_sources)
    settings = chosen_model(arguments, params.separate)
    # Chosen once and here: all workers separate with the same model.
    settings = settings.model_copy(update={"backend": choose_backend(settings)})
    folder = cli.one_input(arguments, params.folder(name, "fetch"))
    fetch = open_stage(folder, f"python -m pipelines.fetch --source {name}")
    make_separator(settings).check()
    stage = SeparateStage(name, settings, params.store(name, "separate"), arguments.limit)
    if arguments.dry_run:
        cli.say(describe_work(stage, fetch.parts))
        return
    facts = run_stage(
        stage,
        fetch.parts,
        arguments.output or params.folder(name, "separate"),
        runner_flags=runner_flags,
        expected_rows=None if arguments.limit else fetch.facts.rows_out,
    )
    cli.say(summary(facts))


if __name__ == "__main__":
    sys.exit(main())
