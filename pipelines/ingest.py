# PYTHON_ARGCOMPLETE_OK
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
    "python -m pipelines.ingest --source wenetspeech --input /corpora/WenetSpeech.json",
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
    from pipelines.sources.wenetspeech import WenetSpeechSource
    from pipelines.stages.episodes import EpisodeIngestStage
    from pipelines.stages.ingest import IngestStage
    from pipelines.summary import summary

    name = cli.one_source(arguments, params, among=params.sources | params.episode_sources)
    stage: IngestStage | EpisodeIngestStage
    if name in params.sources:
        settings = params.sources[name]
        source = make_source(name, settings)
        shards = source.shards(arguments.input or settings.input)
        stage = IngestStage(source, params.ingest.rows_per_file, arguments.limit)
    else:
        recordings = params.episode_sources[name]
        reader = WenetSpeechSource(name, recordings)
        shards = reader.shards(arguments.input or recordings.input)
        stage = EpisodeIngestStage(reader, params.ingest.episodes_per_file, arguments.limit)
    if arguments.dry_run:
        for shard in shards:
            cli.say(f"{shard.layout}\t{shard.uri}")
        cli.say(f"{len(shards)} files to read")
        return
    output = arguments.output or params.folder(name, "ingest")
    cli.say(summary(run_stage(stage, shards, output, runner_flags=runner_flags)))


if __name__ == "__main__":
    sys.exit(main())
