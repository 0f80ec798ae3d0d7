# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.fetch``: gets the media of a source onto this machine.

For game voice it makes a corpus of real voice acting out of a freely available game, "Flight of the
Amazon Queen", whose Debian package is the input; the result is a raw dump for ``pipelines.ingest``.
For recordings of drama it finds or downloads the videos, and keeps a ledger of those it cannot get.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pipelines import cli
from pipelines.errors import StageFailed, UsageError
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.fetch --source game_voice --output corpora/game_voice",
    "python -m pipelines.fetch --source game_voice --input queen.1c --output DIR --dry-run",
    "python -m pipelines.fetch --source wenetspeech",
    "python -m pipelines.fetch --source wenetspeech --media /corpora/drama_videos",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "fetch",
        "Get the media of a source: a real game's voice lines out of its Debian package (input: "
        "the .deb, a folder it was unpacked into, or queen.1c; by default what is installed, else "
        "what apt-get downloads), or the videos of the recordings that ingest found.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what there is, write nothing")
    parser.add_argument(
        "--media", metavar="DIR", help="where videos and the ledger go; default data/<source>/media"
    )
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    games = [name for name, settings in params.sources.items() if settings.kind == "game_voice"]
    name = cli.one_source(arguments, params, among=[*games, *params.episode_sources])
    if name in params.episode_sources:
        _fetch_videos(name, arguments, params, runner_flags)
    else:
        _build_game_corpus(arguments)


def _fetch_videos(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    from pipelines.run import run_stage
    from pipelines.stage import open_stage
    from pipelines.stages.fetch import FetchStage
    from pipelines.summary import summary

    folder = cli.one_input(arguments, params.folder(name, "ingest"))
    ingest = open_stage(folder, f"python -m pipelines.ingest --source {name}")
    if arguments.dry_run:
        cli.say(f"{ingest.facts.counts.get('audios_out', 0)} videos to find or download")
        return
    stage = FetchStage(
        name, params.fetch, arguments.media or params.folder(name, "media"), arguments.limit
    )
    output = arguments.output or params.folder(name, "fetch")
    cli.say(summary(run_stage(stage, ingest.parts, output, runner_flags=runner_flags)))


def _build_game_corpus(arguments: argparse.Namespace) -> None:
    from pipelines.sources.queen_download import default_package
    from pipelines.sources.queen_dump import build_corpus

    if arguments.output is None:
        raise UsageError("--output is missing: the folder to make the corpus in")
    with tempfile.TemporaryDirectory() as folder:
        given = cli.one_input(arguments, "")
        package = Path(given) if given else default_package(Path(folder))
        output = None if arguments.dry_run else Path(arguments.output)
        try:
            built = build_corpus(package, output, limit=arguments.limit)
        except OSError as error:
            place = error.filename or arguments.output
            raise StageFailed(f"{place}: {error.strerror}") from error
    verb = "would write" if arguments.dry_run else "wrote"
    cli.say(
        f"{verb} {built.clips} lines of {built.characters} characters "
        f"({built.audio_bytes / 1e6:.1f} MB) to {arguments.output}; "
        f"{built.repeated_rows} repeated rows of {built.dialogues} dialogues left out"
    )


if __name__ == "__main__":
    sys.exit(main())
