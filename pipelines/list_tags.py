# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.list_tags``: lists the paralinguistic tags of a corpus for the trainer."""

from __future__ import annotations

import argparse
import posixpath
import sys

from pipelines import cli
from pipelines.errors import UsageError
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.list_tags --source nvspeech",
    "python -m pipelines.list_tags --source nvspeech --output tags.txt",
    "python -m pipelines.list_tags --source nvspeech --input data/nvspeech/annotate --limit 1000",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "list_tags",
        "List the tags, such as [Laughter], that stand in the transcripts of an ingested corpus, "
        "the most frequent first. They go into one file, tags.txt beside the corpus's stages or "
        "what --output says, which python -m trainer.expand --tags reads.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    from pipelines import files
    from pipelines.stage import open_stage, read_part
    from pipelines.stages.tags import TagCounts

    if runner_flags:
        raise UsageError("list_tags runs no pipeline: it takes no runner flags")
    name = cli.one_source(arguments, params)
    folder = cli.one_input(arguments, params.folder(name, "ingest"))
    output = arguments.output or posixpath.join(params.root, name, "tags.txt")
    counts = TagCounts()
    for part in open_stage(folder, f"python -m pipelines.ingest --source {name}").parts:
        for rows in read_part(part, limit=arguments.limit, columns=["text"]):
            counts.add(rows.column("text").to_pylist())
    if not counts.tags:
        raise UsageError(f"{folder}: no transcript has a tag; NVSpeech's are like [Laughter]")
    files.write_text(output, "".join(f"{tag}\n" for tag in counts.lines()))
    cli.say(f"{output}: {counts.summary()}")


if __name__ == "__main__":
    sys.exit(main())
