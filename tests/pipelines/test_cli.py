"""Strict arguments, one error line, exit status 0, 1 or 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from pipelines import annotate, emit, ingest, select
from pipelines.chat.errors import BudgetReached
from pipelines.cli import add_limit, make_parser, one_input, one_source, run_command
from pipelines.errors import PipelineError, StageFailed, UsageError
from pipelines.params import Params, load_params

Work = Callable[[argparse.Namespace, Params, list[str]], None]
COMMANDS = (ingest, annotate, select, emit)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("try", "Try.", ["python -m pipelines.try"])
    add_limit(parser)
    return parser


def _raising(error: BaseException) -> Work:
    def work(arguments: argparse.Namespace, params: Params, flags: list[str]) -> None:
        raise error

    return work


def _run(work: Work, *argv: str) -> int:
    return run_command(_parser(), work, ["--params", "params.yaml", *argv])


def test_a_command_that_ends_well_has_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(lambda arguments, params, flags: None) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("wrong"), 2),
        (StageFailed("wrong"), 1),
        (BudgetReached("wrong"), 1),
        (PipelineError("wrong"), 1),
    ],
)
def test_an_error_is_one_line_and_a_status(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(_raising(error)) == status
    assert capsys.readouterr() == ("", "error: wrong\n")


def test_a_message_of_many_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_raising(UsageError("not\n  YAML:\n\tline 3"))) == 2
    assert capsys.readouterr().err == "error: not YAML: line 3\n"


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_raising(KeyboardInterrupt())) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        _run(_raising(ZeroDivisionError()))


def test_runner_flags_come_after_two_dashes() -> None:
    seen: list[list[str]] = []
    work: Work = lambda arguments, params, flags: seen.append(flags)  # noqa: E731
    assert _run(work, "--limit", "3", "--", "--runner=X", "--", "--limit=9") == 0
    assert _run(work) == 0
    assert seen == [["--runner=X", "--", "--limit=9"], []]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--sourc", "emilia"], "--sourc"),  # no abbreviations
        (["--nonsense"], "--nonsense"),
        (["--runner=FlinkRunner"], "--runner=FlinkRunner"),  # it belongs after --
        (["stray"], "stray"),
        (["--limit", "0"], "at least 1"),
        (["--limit", "-3"], "at least 1"),
        (["--limit", "many"], "many"),
        (["--source"], "--source"),
    ],
)
def test_a_flag_that_is_not_known_ends_with_status_2(
    flags: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _run(_raising(AssertionError("no work may begin")), *flags)
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert named in last and "error: " in last


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.__name__))
def test_every_command_needs_a_source_that_is_known(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    main: Callable[[list[str]], int] = command.main  # type: ignore[attr-defined]
    params = load_params("params.yaml")
    # Of labelled corpora nothing is selected; other commands take all sources, and some take more.
    sources = [
        name for name in params.sources if command is not select or not params.is_labelled(name)
    ]
    known = ", ".join(sorted(sources))
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --source is missing; params.yaml has: {known}")
    assert main(["--source", "emlia"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --source emlia: not in params.yaml; it has: {known}")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.__name__))
def test_every_command_names_parameters_that_are_missing(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    main: Callable[[list[str]], int] = command.main  # type: ignore[attr-defined]
    assert main(["--source", "emilia", "--params", "nowhere.yaml"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: nowhere.yaml: No such file")


def test_the_chosen_source_and_input() -> None:
    def work(arguments: argparse.Namespace, params: Params, flags: list[str]) -> None:
        assert one_source(arguments, params) == "emilia"
        assert one_input(arguments, "default") == "given"

    assert _run(work, "--source", "emilia", "--input", "given") == 0


def test_a_later_stage_reads_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    def work(arguments: argparse.Namespace, params: Params, flags: list[str]) -> None:
        one_input(arguments, "default")

    assert _run(work) == 0
    assert _run(work, "--input", "a", "b") == 2
    assert capsys.readouterr().err == "error: --input: one folder of an earlier stage, not 2\n"


def test_the_help_shows_the_examples_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(
            make_parser("try", "Try.", ["do  this", "and that"]), _raising(OSError()), ["-h"]
        )
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:\n  do  this\n  and that\n" in shown
    assert "--params FILE" in shown and "params.yaml" in shown
