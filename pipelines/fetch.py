"""``python -m pipelines.fetch``: makes the game voice corpus out of a freely available game.

The game is "Flight of the Amazon Queen"; its Debian package is the input. The result is a folder in
the raw-dump layout of game voice, which ``python -m pipelines.ingest --source game_voice`` reads.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipelines.errors import PipelineError, StageFailed, UsageError
from pipelines.sources.queen_package import INSTALLED, PACKAGE

_EXAMPLES = f"""examples:
  python -m pipelines.fetch --source game_voice --output corpora/game_voice
  python -m pipelines.fetch --source game_voice --input {PACKAGE}_1.0.0-9_all.deb --output DIR
  python -m pipelines.fetch --source game_voice --input queen.1c --output DIR --limit 100 --dry-run

then: python -m pipelines.ingest --source game_voice --input corpora/game_voice"""
_DOWNLOAD_SECONDS = 600


def main(argv: list[str] | None = None) -> int:
    """Runs the command: 0 done, 1 failed, 2 bad usage or bad input."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or arguments.output}: {error.strerror}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.fetch",
        description="Make the game voice corpus out of the game Flight of the Amazon Queen.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--source", required=True, choices=["game_voice"], help="the corpus to make"
    )
    parser.add_argument(
        "--input",
        type=Path,
        metavar="PATH",
        help="the .deb, a folder it was unpacked into, or queen.1c; default: the installed "
        "package, else what apt-get downloads",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder to write")
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N lines")
    parser.add_argument("--dry-run", action="store_true", help="say what there is, write nothing")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.sources.queen_dump import build_corpus  # imports Beam: not for --help

    with tempfile.TemporaryDirectory() as folder:
        package = arguments.input or _default_package(Path(folder))
        output = None if arguments.dry_run else arguments.output
        built = build_corpus(package, output, limit=arguments.limit)
    verb = "would write" if arguments.dry_run else "wrote"
    sys.stdout.write(
        f"{verb} {built.clips} lines of {built.characters} characters "
        f"({built.audio_bytes / 1e6:.1f} MB) to {arguments.output}; "
        f"{built.repeated_rows} repeated rows of {built.dialogues} dialogues left out\n"
    )
    return 0


def _default_package(folder: Path) -> Path:
    if INSTALLED.is_file():
        return INSTALLED
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        raise UsageError(f"{INSTALLED} is not there and neither is apt-get; give --input")
    try:
        done = subprocess.run(
            [apt_get, "download", PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StageFailed(f"apt-get download {PACKAGE} took too long; give --input") from error
    found = sorted(folder.glob("*.deb"))
    if done.returncode or not found:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise StageFailed(f"apt-get download {PACKAGE} failed ({lines[-1]}); give --input")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
