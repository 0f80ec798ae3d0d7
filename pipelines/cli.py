"""What every command shares: strict arguments, one error line, exit status 0, 1 or 2."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterable, Sequence

import argcomplete

from pipelines.errors import PipelineError, StageFailed, UsageError
from pipelines.params import Params, load_params

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def make_parser(
    verb: str, summary: str, examples: Sequence[str], *, chooses: str = "source"
) -> argparse.ArgumentParser:
    """A parser with the arguments that all commands take; ``examples`` end up in ``--help``.

    ``chooses`` names what of params.yaml the command works on: a source, or a set.
    """
    shown = "\n".join(f"  {example}" for example in examples)
    parser = argparse.ArgumentParser(
        prog=f"python -m pipelines.{verb}",
        description=summary,
        epilog=f"examples:\n{shown}\n\nBeam's runner flags go after `--`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    name = parser.add_argument(f"--{chooses}", metavar="NAME", help=f"a {chooses} of params.yaml")
    name.completer = _complete_set if chooses == "set" else _complete_source  # type: ignore[attr-defined]
    parser.add_argument(
        "--input", nargs="+", metavar="PATH", help="instead of the input that params.yaml implies"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="instead of the folder that params.yaml implies"
    )
    parser.add_argument(
        "--params", default="params.yaml", metavar="FILE", help="parameters (default: %(default)s)"
    )
    return parser


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Adds ``--limit``, for trying a stage on a little of everything."""
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="read at most N utterances of each input file"
    )


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace, Params, list[str]], None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parses, works, and turns the project's errors into one line and an exit status.

    Args:
        parser: from :func:`make_parser`.
        work: gets the arguments, the parameters and the runner flags after ``--``.
        argv: arguments without the program; the process's own by default.

    Returns:
        0 done, 1 failed with partial results kept, 2 bad usage or bad input before any work.
    """
    argcomplete.autocomplete(parser)  # answers a shell's TAB, and else does nothing
    own, runner_flags = _split(list(sys.argv[1:] if argv is None else argv))
    arguments = parser.parse_args(own)
    try:
        params = load_params(arguments.params)
        if argv is None:  # this process is the command's: what is loaded stays to its end
            gc.freeze()
        work(arguments, params, runner_flags)
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except StageFailed as error:
        return _fail(error, EXIT_FAILED)
    except PipelineError as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", EXIT_INTERRUPTED)
    finally:
        if argv is None:  # or Python would look for cycles in all of it before it ends
            gc.freeze()
    return 0


def one_source(
    arguments: argparse.Namespace, params: Params, *, among: Iterable[str] | None = None
) -> str:
    """The ``--source`` argument, one of ``among``; a source of utterances by default.

    Raises:
        UsageError: it is missing, or params.yaml does not have it.
    """
    names = sorted(params.sources if among is None else among)
    known = ", ".join(names)
    if arguments.source is None:
        raise UsageError(f"--source is missing; {arguments.params} has: {known}")
    if arguments.source in names:
        return str(arguments.source)
    if arguments.source in (params.sources | params.episode_sources):
        raise UsageError(f"--source {arguments.source}: not for this command; it takes: {known}")
    raise UsageError(f"--source {arguments.source}: not in {arguments.params}; it has: {known}")


def one_set(arguments: argparse.Namespace, params: Params) -> str:
    """The ``--set`` argument: a training set of params.yaml.

    Raises:
        UsageError: it is missing, or params.yaml does not have it.
    """
    known = ", ".join(sorted(params.sets)) or "none"
    if arguments.set is None:
        raise UsageError(f"--set is missing; {arguments.params} has: {known}")
    if arguments.set not in params.sets:
        raise UsageError(f"--set {arguments.set}: not in {arguments.params}; it has: {known}")
    return str(arguments.set)


def one_input(arguments: argparse.Namespace, default: str) -> str:
    """The ``--input`` of a command that reads one stage's folder.

    Raises:
        UsageError: more than one was given.
    """
    given = arguments.input or [default]
    if len(given) != 1:
        raise UsageError(f"--input: one folder of an earlier stage, not {len(given)}")
    return str(given[0])


def _complete_source(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    params = load_params(parsed_args.params)
    return sorted(params.sources | params.episode_sources | params.sets)


def _complete_set(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    return sorted(load_params(parsed_args.params).sets)


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)  # noqa: T201


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _fail(error: object, status: int) -> int:
    line = " ".join(str(error).split())
    print(f"error: {line}", file=sys.stderr, flush=True)  # noqa: T201
    return status


def positive(text: str) -> int:
    """A whole number from 1 on, as a type of argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
