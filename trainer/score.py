# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.score``: MCLP of candidates against their ground truth (MCLP 4.1)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainer import cli

CONFIG = "trainer/configs/score.yaml"
EXAMPLES = (
    "python -m trainer.score --input data/wenetspeech/codes/test "
    "--candidates sft=data/sft/codes grpo=data/grpo/codes --output data/wenetspeech/mclp",
    "python -m trainer.score --input pairs.jsonl --output mclp --set model=models/scorer",
    "python -m trainer.score --config trainer/configs/tiny/score.yaml "
    "--input data/wenetspeech/codes/train --output data/wenetspeech/mclp --dry-run",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "score",
        "Score how well candidates continue the style of the ground truth (MCLP), into Parquet: "
        "cut_id, turn, candidate_id, mclp, n_tokens, and the scorer in the files' metadata. A "
        "command that was killed goes on with the parts that are not there when it is given again.",
        EXAMPLES,
        CONFIG,
    )
    add = parser.add_argument
    add(
        "--input",
        required=True,
        metavar="PATH",
        help="the ground truth: a folder of trainer.tokenize; or pairs, JSON lines with cut_id, "
        "turn, candidate_id, text, candidate and truth, the last two codes",
    )
    add(
        "--candidates",
        nargs="+",
        default=[],
        metavar="NAME=DIR",
        help="folders of trainer.tokenize with the same cuts and other speech; without any, the "
        "ground truth is held against itself, which is the most that can be reached",
    )
    add("--output", required=True, metavar="DIR", help="folder for part-*.parquet and score.json")
    add("--dry-run", action="store_true", help="say what there is to do, and do nothing")
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from trainer.scoring.command import pairs_of, plan, run
    from trainer.scoring.settings import ScoreSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, ScoreSettings, arguments.changes)
    pairs = pairs_of(arguments.input, arguments.candidates, settings)
    work = plan if arguments.dry_run else run
    cli.say(work(pairs, arguments.output, settings))


if __name__ == "__main__":
    sys.exit(main())
