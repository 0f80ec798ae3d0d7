"""One word after `python -m trainer.evaluate`, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """A command of its own: parser, examples, work."""

    name: str
    summary: str  # one sentence
    examples: tuple[str, ...]  # whole command lines
    add_arguments: Callable[[argparse.ArgumentParser], None]
    work: Callable[[argparse.Namespace], None]  # imports what is heavy
    configured: bool = True  # takes --config and --set


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Adds the folder that all words share: cases, systems, scores, report."""
    parser.add_argument(
        "--folder",
        required=True,
        metavar="DIR",
        help="of this evaluation: cases.parquet, systems/, scores/, report/",
    )


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Adds --dry-run."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say what there is to do and how much; do nothing"
    )


def add_systems(parser: argparse.ArgumentParser) -> None:
    """Adds which of the configuration's systems."""
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        dest="systems",
        metavar="NAME",
        help="only this one of the configuration's systems; repeatable (default: all)",
    )
