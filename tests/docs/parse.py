"""Whether a command line is one: read by the program's own parser, which then does nothing."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from pydantic import BaseModel

from tests.docs.documents import ROOT
from trainer.settings import load_settings


class Accepted(Exception):  # noqa: N818 - ends a command, and is no error
    """The parser took the arguments, or the settings class the settings."""


def check_module(module: str, arguments: Sequence[str], patch: pytest.MonkeyPatch) -> None:
    """``python -m module arguments``; a trainer's settings are read too.

    Raises:
        SystemExit: the parser refuses them.
        AssertionError: the runner's flags or the settings are refused.
    """
    path = ROOT / Path(*module.split("."))
    found = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    assert found, f"python -m {module}: no such module"
    own, flags = list(arguments), []
    if "--" in own:
        own, flags = own[: own.index("--")], own[own.index("--") + 1 :]
    check_runner_flags(flags)
    if not own and module.split(".")[0] in ("benchmarks", "tests", "tools"):
        return  # not all of these have a parser: they would run
    with patch.context() as inside, contextlib.redirect_stdout(io.StringIO()):
        inside.setattr(sys, "argv", [module, *own])
        if module.startswith("trainer.") and {"--config", "--set"} & set(own):
            for reader in _modules_with(load_settings):  # that other tests have imported, too
                inside.setattr(reader, "load_settings", _load_and_stop)
        else:
            inside.setattr(argparse.ArgumentParser, "parse_args", _parse_and_stop)
        try:
            _run_as_main(module)
        except Accepted:
            return
        except SystemExit as end:
            if "--help" in own and end.code == 0:
                return
            raise
        finally:
            for reader in _modules_with(_load_and_stop):  # imported meanwhile, by that name
                reader.load_settings = load_settings  # type: ignore[attr-defined]
    raise AssertionError(f"python -m {module} {own}: read neither arguments nor settings")


def help_of(module: str, patch: pytest.MonkeyPatch) -> str:
    """What ``python -m module --help`` prints."""
    said = io.StringIO()
    with patch.context() as inside, contextlib.redirect_stdout(said):
        inside.setattr(sys, "argv", [module, "--help"])
        with contextlib.suppress(SystemExit):
            _run_as_main(module)
    return said.getvalue()


def _run_as_main(module: str) -> None:
    """``python -m module``; that a test has imported it, too, is as it should be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
        runpy.run_module(module, run_name="__main__")


def check_runner_flags(flags: Sequence[str]) -> None:
    """Flags of a runner, which Beam itself would only warn about."""
    parser = _BeamArgumentParser(allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        if "_add_argparse_args" in vars(options):
            options._add_argparse_args(parser)
    parser.parse_args(list(flags))


def check_make(targets: Sequence[str]) -> None:
    """``make targets``, without doing what they do."""
    done = subprocess.run(
        ["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def check_dvc(arguments: Sequence[str]) -> None:
    """``dvc arguments``."""
    from dvc.cli import parse_args

    parse_args(list(arguments))


def check_pytest(arguments: Sequence[str]) -> None:
    """``pytest arguments``: flags and files."""
    check_tool("pytest", [*arguments, "--version"])


def check_tool(program: str, arguments: Sequence[str]) -> None:
    """A program of the environment on files that must be there; it has to end well."""
    for argument in arguments:
        if "/" in argument:
            assert (ROOT / argument).exists(), f"{program} {argument}: no such file"
    options = ["--check"] if list(arguments[:1]) == ["format"] else []  # the tree stays as it is
    if program == "mypy":
        arguments = ["--version", *arguments]  # `make check` has it; a test need not take its time
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments, *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def torchrun_module(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The module that ``torchrun arguments`` starts, and its arguments."""
    from torch.distributed.run import get_args_parser

    parsed = get_args_parser().parse_args(list(arguments))
    assert parsed.module, f"torchrun {arguments}: starts no module"
    return parsed.training_script, parsed.training_script_args


def _parse_and_stop(
    self: argparse.ArgumentParser, arguments: Sequence[str] | None = None, _: object = None
) -> argparse.Namespace:
    _, unknown = self.parse_known_args(arguments)
    if unknown:
        self.error(f"unrecognized arguments: {' '.join(unknown)}")
    raise Accepted


def _modules_with(function: Callable[..., object]) -> list[ModuleType]:
    """The trainer's modules whose ``load_settings`` is this one."""
    named = [module for name, module in sys.modules.items() if name.startswith("trainer")]
    return [one for one in named if getattr(one, "load_settings", None) is function]


def _load_and_stop(
    path: str | None, model: type[BaseModel], overrides: Sequence[str] = ()
) -> NoReturn:
    load_settings(path, model, overrides)
    raise Accepted


def examples_of(help_text: str) -> list[str]:
    """The command lines after ``examples:`` in what ``--help`` prints."""
    _, _, after = help_text.partition("examples:\n")
    joined = re.sub(r"\\\n\s*", "", after.split("\n\n")[0])
    return [line.strip() for line in joined.splitlines() if line.strip()]
