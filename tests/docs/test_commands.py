"""Every command line that the documents, ``--help`` and dvc.yaml show is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.docs import documents, parse
from tests.docs.documents import DOCUMENTS, MACHINE, ROOT, Command
from tests.test_structure import COMMANDS

SHOWN = list(dict.fromkeys(documents.commands()))


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def _check(command: Command, patch: pytest.MonkeyPatch) -> None:
    words = list(command.words[1:])
    match command.program:
        case "python" if words[0] == "-m":
            parse.check_module(words[1], words[2:], patch)
        case "python":
            assert (ROOT / words[0]).is_file() and len(words) == 1, command
        case "torchrun":
            parse.check_module(*parse.torchrun_module(words), patch)
        case "make":
            parse.check_make(words)
        case "dvc":
            parse.check_dvc(words)
        case "pytest":
            parse.check_pytest(words)
        case "ruff" | "mypy":
            parse.check_tool(command.program, words)
        case "pip":
            assert words[0] == "install"
            Requirement(*words[1:])
        case ".":
            assert words == [".venv/bin/activate"]
        case "eval":
            pass  # run by test_completion.py
        case other:
            raise AssertionError(f"{command}: nothing is known of {other}")


@pytest.mark.parametrize("command", SHOWN, ids=str)
def test_a_command_of_the_documents_is_taken_by_its_parser(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _check(command, monkeypatch)


def test_there_are_commands_of_every_kind() -> None:
    assert {command.program for command in SHOWN} >= {"python", "make", "dvc", "torchrun", "pip"}
    shown = {command.words[2] for command in SHOWN if command.words[1:2] == ("-m",)}
    missing = {name for name in COMMANDS if name.startswith("pipelines.")} - shown
    assert not missing, "no document shows these commands"


def test_a_command_that_is_shown_names_its_source() -> None:
    """A reader who pastes it must not be told that something is missing."""
    for command in SHOWN:
        flags = {word for word in command.words if word.startswith("--")}
        if any(word.startswith("pipelines.") for word in command.words) and flags:
            assert flags & {"--source", "--set", "--help", "--params"}, command


def test_a_source_or_set_that_is_shown_is_in_the_parameters() -> None:
    """In params.yaml, or in the YAML that the same document says to put there."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for document in DOCUMENTS:
        shown = [block.text for block in documents.blocks(document) if block.language == "yaml"]
        known = {
            name
            for content in (params, *map(yaml.safe_load, shown))
            for section in ("sources", "episode_sources", "sets")
            for name in content.get(section) or ()
        }
        for command in SHOWN:
            if command.document == document and " -m pipelines." in " ".join(command.words[:3]):
                for name in re.findall(r"--(?:source|set) (\S+)", " ".join(command.words)):
                    assert name in known, command


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_of_help_is_taken_by_its_parser(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = parse.examples_of(parse.help_of(name, monkeypatch))
    assert examples
    for example in examples:
        assert not MACHINE.search(example), "a path of somebody's machine"
        command = documents.command_of(Path(f"{name} --help"), 0, example)
        _check(command, monkeypatch)


def test_a_command_of_dvc_yaml_is_taken_by_its_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(ROOT / ".dvc" / "tmp" / "site"))
    seen = 0
    for stage in Repo(str(ROOT)).index.stages:
        for line in [stage.cmd] if isinstance(stage.cmd, str) else stage.cmd:
            _check(documents.command_of(Path("dvc.yaml"), 0, line), monkeypatch)
            seen += 1
    assert seen > 40


def test_a_flag_that_is_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (
        "python -m pipelines.ingest --sauce emilia",
        "python -m pipelines.select --source emilia -- --direct_num_wrkers=8",
        "python -m trainer.sft --config trainer/configs/rp_tts_sft.yaml --output x --dry",
        "torchrun --nproc 8 -m trainer.sft --config x --outputs y",
        "dvc repo",
    ):
        with pytest.raises((SystemExit, Exception)) as ended:
            _check(documents.command_of(Path("none"), 0, line), monkeypatch)
        assert getattr(ended.value, "code", 1) != 0
    with pytest.raises(AssertionError):
        _check(documents.command_of(Path("none"), 0, "make tea"), monkeypatch)


def test_every_block_says_what_it_is() -> None:
    for document in DOCUMENTS:
        for block in documents.blocks(document):
            known = ("sh", "python", "yaml", "text", "dockerfile")
            assert block.language in known, f"{document}:{block.line}"
