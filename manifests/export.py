# PYTHON_ARGCOMPLETE_OK
"""``python -m manifests.export``: emitted shards as WebDataset tars or Parquet, with a card."""

from __future__ import annotations

import argparse
import json
import posixpath
import sys
from collections.abc import Sequence

import argcomplete

EXAMPLES = (
    "python -m manifests.export --input data/emilia/emit data/game_voice/emit --output hub/en",
    "python -m manifests.export --format webdataset --input data/wenetspeech/emit --output hub/rp",
    "python -m manifests.export --input data/emilia/emit --licences CC-BY-4.0 --output hub/open",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 0 done, 1 a damaged shard, 2 bad usage."""
    shown = "\n".join(f"  {example}" for example in EXAMPLES)
    parser = argparse.ArgumentParser(
        prog="python -m manifests.export",
        description="Write emitted shards in a form that `datasets` or `webdataset` load, with a "
        "dataset card. The audio is passed through as it is.",
        epilog=f"examples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="DIR", help="output folders of emit"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument(
        "--format", choices=("parquet", "webdataset"), default="parquet", help="%(default)s"
    )
    parser.add_argument(
        "--licences", nargs="+", metavar="NAME", help="only rows of these; the rest is counted"
    )
    parser.add_argument("--name", default="expressive-speech", help="in the card (%(default)s)")
    argcomplete.autocomplete(parser)
    return _run(parser.parse_args(argv))


def _run(arguments: argparse.Namespace) -> int:
    from manifests.emitted import NotEmitted
    from manifests.exporting.card import card
    from manifests.exporting.job import NothingToExport, export, open_inputs
    from manifests.exporting.writers import WRITERS
    from manifests.recorded import ShardDamaged
    from manifests.storage import LocalFiles

    storage, output = LocalFiles(), arguments.output
    try:
        inputs = open_inputs(arguments.input, storage)
        if storage.list_files(posixpath.join(output, "*")):
            raise NothingToExport(f"{output} is not empty: name another folder, or remove it")
    except (NotEmitted, NothingToExport, OSError) as error:
        return _fail(error, 2)
    licences = None if arguments.licences is None else frozenset(arguments.licences)
    writer = WRITERS[arguments.format]()
    try:
        tally = export(inputs, output, writer, licences, storage)
    except (ShardDamaged, OSError) as error:
        return _fail(f"{error}; what was written before is in {output}", 1)
    if not tally.files:
        there = ", ".join(sorted(tally.left_out)) or "none"
        return _fail(f"no row has one of these licences; there is: {there}", 2)
    text = card(inputs, tally, arguments.name, arguments.format, storage)
    counts = {"rows": dict(tally.rows), "left_out": dict(tally.left_out), "files": tally.files}
    for name, content in (
        ("export.json", json.dumps(counts, indent=2, sort_keys=True) + "\n"),
        ("README.md", text),
    ):
        with storage.atomic_write(posixpath.join(output, name)) as stream:
            stream.write(content.encode())
    hours = sum(tally.seconds.values()) / 3600
    left = f", {tally.left_out.total():,} left out by licence" if tally.left_out else ""
    print(  # noqa: T201
        f"{tally.rows.total():,} rows, {hours:.2f} h in {len(tally.files)} files{left}: "
        f"{output}/README.md"
    )
    return 0


def _fail(error: object, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
