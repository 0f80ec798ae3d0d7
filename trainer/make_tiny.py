# PYTHON_ARGCOMPLETE_OK
"""Tiny models with random weights: what the demo and the tiny configurations train."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainer import cli
from trainer.errors import UsageError

EXAMPLES = (
    "python -m trainer.make_tiny --names flexivoice --codes data/emilia/codes "
    "--output data/models/tiny_flexivoice",
    "python -m trainer.make_tiny --names step_audio_2 --n-codes 256 --output tiny",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "make_tiny",
        "Write a tiny speech model with its tokenizer, as transformers loads it. Its weights are "
        "random: it is for trying commands out, and knows no language and no voice.",
        EXAMPLES,
        configured=False,
    )
    add = parser.add_argument
    add(
        "--names",
        required=True,
        choices=("flexivoice", "step_audio_2"),
        help="what its speech tokens are called",
    )
    number = parser.add_mutually_exclusive_group(required=True)
    number.add_argument("--n-codes", type=int, metavar="N", help="codes of its vocabulary")
    number.add_argument(
        "--codes", metavar="DIR", help="a folder of trainer.tokenize: as many codes, and whose"
    )
    add("--output", required=True, metavar="DIR", help="folder for the model; must be empty")
    add("--hidden", type=int, default=64, metavar="N", help="width (default: %(default)s)")
    add("--layers", type=int, default=2, metavar="N", help="blocks (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the weights (default: %(default)s)")
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from manifests.codec import MAX_CARDINALITY, CodecMissing, read_codec
    from trainer.model_codec import write_model_codec
    from trainer.models import without_bars
    from trainer.tiny import HEADS, write_tiny
    from trainer.vocab import flexivoice, step_audio_2

    codec = None
    if arguments.codes is not None:
        try:
            codec = read_codec(arguments.codes)
        except CodecMissing as error:
            raise UsageError(str(error)) from error
    n_codes = arguments.n_codes if codec is None else codec.cardinality
    if not 1 <= n_codes <= MAX_CARDINALITY:
        raise UsageError(f"--n-codes {n_codes}: from 1 to {MAX_CARDINALITY:,}")
    if arguments.hidden < 1 or arguments.hidden % (2 * HEADS):
        raise UsageError(f"--hidden {arguments.hidden}: a multiple of {2 * HEADS}")
    if arguments.layers < 1:
        raise UsageError(f"--layers {arguments.layers}: 1 or more")
    folder = Path(arguments.output)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: give a new folder for the model")
    make = flexivoice if arguments.names == "flexivoice" else step_audio_2
    without_bars()
    write_tiny(
        folder,
        make(n_codes),
        hidden=arguments.hidden,
        layers=arguments.layers,
        seed=arguments.seed,
    )
    if codec is not None:
        write_model_codec(str(folder), codec)
    cli.say(
        f"{folder}: random weights (seed {arguments.seed}: it knows no language and no voice), "
        f"speech tokens of {arguments.names}, {n_codes:,} codes"
        + ("" if codec is None else f" of {codec.short}")
    )


if __name__ == "__main__":
    sys.exit(main())
