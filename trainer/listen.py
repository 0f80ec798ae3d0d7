# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.listen``: listening tests by people (FlexiVoice A.9, MCLP 6.1)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainer import cli

CONFIG = "trainer/configs/listen.yaml"
EXAMPLES = (
    "python -m trainer.listen collect --folder data/evaluation --systems flexivoice",
    "python -m trainer.listen make --test q_mos --clips data/evaluation/clips.jsonl "
    "--output data/listening/q_mos",
    "python -m trainer.listen make --test cmos --clips clips.parquet --audio data/evaluation "
    "--output data/listening/cmos --set raters=20 --set page_language=zh",
    "python -m trainer.listen analyse --key data/listening/q_mos/key.json "
    "--ratings returned/*.json --output data/listening/q_mos/findings",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "listen",
        "Make pages on which people rate clips, and analyse what they send back. `collect` lists "
        "the clips of an evaluation, if that is where they are from; `make` writes "
        "pages/rater-NN.html, one file a rater that needs no server and no network, and key.json, "
        "which says who is who and stays with you.",
        EXAMPLES,
        configured=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{collect,make,analyse}")
    _add_collect(verbs.add_parser("collect", help="an evaluation -> clips", allow_abbrev=False))
    _add_make(verbs.add_parser("make", help="pages and their key", allow_abbrev=False))
    _add_analyse(verbs.add_parser("analyse", help="ratings -> means", allow_abbrev=False))
    return cli.run_command(parser, _work, argv)


def _add_collect(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--folder", required=True, metavar="DIR", help="of trainer.evaluate; gets clips.jsonl")
    add("--systems", required=True, nargs="+", metavar="NAME", help="beside the ground truth")


def _add_make(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--test", required=True, choices=("q_mos", "mos", "cmos"), help="what is rated")
    add(
        "--clips",
        required=True,
        metavar="FILE",
        help="Parquet, CSV or JSON lines: system, task, language, case, audio; where there are: "
        "text, instruction, emotion, scene, profiles, history, reference, gold_low, gold_high",
    )
    add("--audio", metavar="DIR", help="what paths of audio are from (default: where FILE is)")
    add("--output", required=True, metavar="DIR", help="pages/ and key.json")
    add("--config", metavar="FILE", default=CONFIG, help="settings (default: %(default)s)")
    add(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="changes",
        help="change one setting: raters=20, cases=null, gold.items=1; repeatable",
    )


def _add_analyse(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--key", required=True, metavar="FILE", help="key.json of the test")
    add("--ratings", required=True, nargs="+", metavar="FILE", help="what the raters' pages saved")
    add("--output", required=True, metavar="DIR", help="measurements.jsonl and more")
    add(
        "--unit",
        choices=("clip", "rating"),
        default="clip",
        help="what 95 %% intervals are over: ratings averaged per clip, or all ratings as if they "
        "were independent (default: %(default)s)",
    )


def _work(arguments: argparse.Namespace) -> None:
    from trainer.listening import commands

    verbs = {"collect": commands.collect, "make": commands.make, "analyse": commands.analyse}
    verbs[arguments.verb](arguments)


if __name__ == "__main__":
    sys.exit(main())
