"""``python -m pipelines.ingest``: reads a raw corpus where it lies and lists its utterances."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.ingest --source emilia",
    "python -m pipelines.ingest --source emilia --input /corpora/Emilia/EN --dry-run",
    "python -m pipelines.ingest --source game_voice --limit 100",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "ingest",
        "Read a raw corpus: one row an utterance, audio left where it is and referenced.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the input files, read none")
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    from pipelines.run import run_stage
    from pipelines.sources.registry import make_source
    from pipelines.stages.ingest import IngestStage
    from pipelines.summary import summary

    name = cli.one_source(arguments, params)
    settings = params.sources[name]
    source = make_source(name, settings)
    shards = source.shards(arguments.input or settings.input)
    if arguments.dry_run:
        for shard in shards:
            cli.say(f"{shard.layout}\t{shard.uri}")
        cli.say(f"{len(shards)} files to read")
        return
    facts = run_stage(
        IngestStage(source, params.ingest.rows_per_file, arguments.limit),
        shards,
        arguments.output or params.folder(name, "ingest"),
        runner_flags=runner_flags,
    )
    cli.say(summary(facts))


if __name__ == "__main__":
    sys.exit(main())
