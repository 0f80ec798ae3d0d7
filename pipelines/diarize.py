# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.diarize``: who speaks when, and who speaks each sentence."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params
from pipelines.stored_work import add_model_arguments, chosen_model, describe_work

EXAMPLES = (
    "python -m pipelines.diarize --source wenetspeech --dry-run",
    "python -m pipelines.diarize --source wenetspeech",
    "python -m pipelines.diarize --source wenetspeech --backend pyannote --device cuda",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "diarize",
        "Find out who speaks when in the separated vocals of every recording, and give every "
        "sentence its speaker. Diarizations that an earlier run made are used again; a run that "
        "was stopped goes on with the episode it was at.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    add_model_arguments(parser, ["auto", "pyannote", "embedded"])
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs neither Beam nor av.
    from pipelines.backends.diarizer import choose_backend, make_diarizer
    from pipelines.backends.dnsmos import Dnsmos
    from pipelines.run import run_stage
    from pipelines.stage import open_stage
    from pipelines.stages.diarize import DiarizeStage
    from pipelines.summary import summary

    name = cli.one_source(arguments, params, among=params.episode_sources)
    settings = chosen_model(arguments, params.diarize)
    # Chosen once and here: all workers diarize with the same model.
    settings = settings.model_copy(update={"backend": choose_backend(settings)})
    folder = cli.one_input(arguments, params.folder(name, "separate"))
    separate = open_stage(folder, f"python -m pipelines.separate --source {name}")
    make_diarizer(settings).check()
    if params.quality.backend == "dnsmos":
        Dnsmos(params.quality).check()
    store = params.store(name, "diarize")
    stage = DiarizeStage(name, settings, params.assign, params.quality, store, arguments.limit)
    if arguments.dry_run:
        cli.say(describe_work(stage, separate.parts))
        return
    facts = run_stage(
        stage,
        separate.parts,
        arguments.output or params.folder(name, "diarize"),
        runner_flags=runner_flags,
        expected_rows=None if arguments.limit else separate.facts.rows_out,
    )
    cli.say(summary(facts))


if __name__ == "__main__":
    sys.exit(main())
