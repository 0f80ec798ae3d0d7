"""What every command shares: strict arguments, one error line, exit status 0, 1 or 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import argcomplete

from trainer.errors import TrainerError, UsageError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def make_parser(
    verb: str,
    summary: str,
    examples: Sequence[str],
    config: str | None = None,
    *,
    configured: bool = True,
) -> argparse.ArgumentParser:
    """A parser with the arguments that all commands take.

    Args:
        verb: the command's name.
        summary: what it does, one sentence.
        examples: command lines for ``--help``.
        config: the configuration used without ``--config``; None: it must be given.
        configured: False for the few commands that have no configuration at all.
    """
    shown = "\n".join(f"  {example}" for example in examples)
    parser = argparse.ArgumentParser(
        prog=f"python -m trainer.{verb}",
        description=summary,
        epilog=f"examples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if not configured:
        return parser
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=config,
        required=config is None,
        help="settings, a YAML file" + (" (default: %(default)s)" if config else ""),
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="changes",
        help="change one setting: a path of keys like optim.learning_rate, and YAML; repeatable",
    )
    return parser


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the training commands take besides their configuration."""
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="logs, checkpoints and the trained model"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="load and check everything, train nothing"
    )


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parses, works, and turns the project's errors into one line and an exit status.

    Args:
        parser: from :func:`make_parser`.
        work: gets the arguments.
        argv: arguments without the program; the process's own by default.

    Returns:
        0 done, 1 failed with partial results kept, 2 bad usage or bad input before any work.
    """
    argcomplete.autocomplete(parser)  # answers a shell's TAB, and else does nothing
    arguments = parser.parse_args(argv)
    try:
        work(arguments)
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except TrainerError as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", EXIT_INTERRUPTED)
    return 0


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)  # noqa: T201


def _fail(error: object, status: int) -> int:
    line = " ".join(str(error).split())
    print(f"error: {line}", file=sys.stderr, flush=True)  # noqa: T201
    return status
