# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.compose``: makes a training set of what other sources hold."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.chat_arguments import add_chat_arguments
from pipelines.errors import UsageError
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.compose --set s1",
    "python -m pipelines.compose --set s2 --input data/ncssd/annotate --output /sets/s2",
    "python -m pipelines.compose --set s3 --dry-run",
    "DEEPSEEK_API_KEY=... python -m pipelines.compose --set s3 --max-cost 10",
    "python -m pipelines.emit --source s1",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "compose",
        "Compose a training set of FlexiVoice's post-training: preference pairs of one sentence in "
        "two emotions (s1), texts with an emotion and a reference drawn for each (s2), and "
        "instructions, sampled and written by a chat model (s3), as params.yaml says in `sets`. "
        "Rows point to their partners by id; emit packs them. What was paid for once is never "
        "asked again.",
        EXAMPLES,
        chooses="set",
    )
    add_chat_arguments(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    from pipelines.composing import compose

    name = cli.one_set(arguments, params)
    output = arguments.output or params.folder(name, "compose")
    settings = params.sets[name]
    if settings.kind == "instructions":
        from pipelines.composing_instructions import InstructionSetRun

        run = InstructionSetRun(name, settings, arguments, params)
        cli.say(run.estimate() if arguments.dry_run else run.run(output, runner_flags))
        return
    if arguments.dry_run:
        raise UsageError(f"--dry-run: {name} is composed without a chat model and costs nothing")
    cli.say(compose(name, params, arguments.input, output, runner_flags))


if __name__ == "__main__":
    sys.exit(main())
