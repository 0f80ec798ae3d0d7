# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.check_splits``: checks that nothing leaks between splits of a corpus."""

from __future__ import annotations

import argparse
import posixpath
import sys

from pipelines import cli
from pipelines.errors import UsageError
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.check_splits --source wenetspeech",
    "python -m pipelines.check_splits --input data/wenetspeech/select",
    "python -m pipelines.check_splits --input /corpora/select --records /corpora/caption",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command; exit status 0: as certified, 1: violated, 2: nothing to check there."""
    parser = cli.make_parser(
        "check_splits",
        "Check the splits that select made, anew and from the records: that no recording, video, "
        "file, series or near-duplicate transcript is on both sides, that every scene has the "
        "split that the certificate gives it, and that the test set is as stated.",
        EXAMPLES,
    )
    parser.add_argument(
        "--records",
        metavar="DIR",
        help="what select read: output of caption (default: the folder caption beside the input)",
    )
    cli.add_limit(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    from pipelines import files
    from pipelines.selecting_scenes import CERTIFICATE, SPLITS
    from pipelines.stage import open_stage
    from pipelines.stages.split_certificate import Certificate
    from pipelines.stages.split_check import verify_rows, verify_table
    from pipelines.stages.split_survey import recordings_of

    if arguments.output or runner_flags:
        raise UsageError("check_splits writes nothing and runs no pipeline: no --output, no flags")
    if arguments.source is None and arguments.input is None:
        raise UsageError("--input or --source is missing: the output of select")
    name = arguments.source and cli.one_source(arguments, params, among=params.episode_sources)
    folder = cli.one_input(arguments, params.folder(name, "select") if name else "").rstrip("/")
    beside = posixpath.join(posixpath.dirname(folder), "caption")
    selected = open_stage(folder, "python -m pipelines.select --source NAME")
    records = open_stage(
        arguments.records or beside, "python -m pipelines.caption --source NAME, or set --records"
    )
    path = files.join(folder, CERTIFICATE)
    try:
        certificate = Certificate.from_json(files.read_text(path))
    except ValueError as error:
        raise UsageError(f"{path}: {error}; run python -m pipelines.select again") from error
    verify_table(certificate, files.read_text(files.join(folder, SPLITS)))
    scenes = verify_rows(
        certificate,
        (one for part in records.parts for one in recordings_of(part, arguments.limit)),
        (one for part in selected.parts for one in recordings_of(part)),
    )
    train, held_out = (certificate.sides[side] for side in ("train", "held_out"))
    cli.say(
        f"as certified: {scenes:,} scenes; train {train.recordings:,} recordings, held out "
        f"{held_out.recordings:,}, test set {len(certificate.test_scenes):,} scenes"
    )


if __name__ == "__main__":
    sys.exit(main())
