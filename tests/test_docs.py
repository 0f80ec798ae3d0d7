"""What the documents name is there: commands, files, keys; and no path of anybody's machine."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*/README.md")]
)
_COMMAND = re.compile(r"python -m ((?:\w+\.)+\w+)((?: +[^\s`#\\]+)*)")
_TREE = re.compile(r"## Where things are\n+```\n(.*?)```", re.DOTALL)
_IN_TICKS = re.compile(r"`([^`\n]+)`")
_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|work|tmp|Users|mnt|opt|var)/\w")
_ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1|\d+\.\d+\.\d+\.\d+):\d+")


def _text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _commands() -> dict[str, set[str]]:
    """Module -> flags that the documents give it."""
    found: dict[str, set[str]] = {}
    for document in DOCUMENTS:
        for module, arguments in _COMMAND.findall(_text(document)):
            own = arguments.split(" -- ")[0]
            found.setdefault(module, set()).update(re.findall(r"(?<= )--[a-z][a-z-]*", own))
    return found


COMMANDS = _commands()


def test_the_documents_show_the_commands_that_there_are() -> None:
    shown = {module.removeprefix("pipelines.") for module in COMMANDS}
    assert shown >= {
        "ingest",
        "annotate",
        "select",
        "emit",
        "report",
        "fetch",
        "manifests.validate",
    }


@pytest.mark.parametrize("module", sorted(COMMANDS))
def test_a_command_of_the_documents_answers_help_and_knows_its_flags(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main = getattr(importlib.import_module(module), "main", None)
    if main is None:  # runs as a script only
        command = [sys.executable, "-m", module, "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        shown = done.stdout
    else:
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 0
        shown = capsys.readouterr().out
    for flag in COMMANDS[module]:
        assert re.search(rf"{flag}\b", shown), f"{module} has no {flag}"


def test_a_command_that_is_shown_names_its_source() -> None:
    """A reader who pastes it must not be told that something is missing."""
    for document in DOCUMENTS:
        for module, arguments in _COMMAND.findall(_text(document)):
            if module.startswith("pipelines.") and "--" in arguments:
                shown = f"{document}: python -m {module}{arguments}"
                assert re.search("--(source|set) ", arguments), shown


@pytest.mark.parametrize("verb", ["make demo", "make test", "make help", "make bench"])
def test_a_make_target_of_the_readme_is_in_the_makefile(verb: str) -> None:
    assert verb in _text("README.md")
    target = verb.removeprefix("make ")
    assert re.search(rf"^{target}:", _text("Makefile"), re.MULTILINE) or (
        target == "help" and ".DEFAULT_GOAL := help" in _text("Makefile")
    )


def test_every_file_of_the_readmes_tree_is_there() -> None:
    tree = _TREE.search(_text("README.md"))
    assert tree
    folder, seen = "", []
    for line in tree[1].splitlines():
        name = line.split()[0]
        if line.startswith(" ") and not line.startswith("   "):
            path = ROOT / folder / name
        elif not line.startswith(" "):
            folder, path = name, ROOT / name
        else:
            continue  # a description goes on
        assert path.exists(), f"README's tree names {path.relative_to(ROOT)}"
        seen.append(name)
    assert len(seen) > 8
    for package in ("schemas/", "prompts/", "pipelines/", "manifests/", "tests/", "params.yaml"):
        assert package in seen


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", _text(document)):
        if "://" not in target:
            assert (ROOT / document.parent / target).exists(), f"{document} links {target}"


def _named_files(text: str) -> list[str]:
    """Names in ticks that look like files of the repository."""
    names = [name for name in _IN_TICKS.findall(text) if re.fullmatch(r"[\w./*-]+", name)]
    top = {path.name for path in ROOT.iterdir() if path.is_dir()}
    return [name for name in names if "/" in name and name.split("/")[0] in top]


@pytest.mark.parametrize("document", [Path("docs/paper_map.md"), Path("docs/glossary.md")], ids=str)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    for name in _named_files(_text(document)):
        found = list(ROOT.glob(name.rstrip("/")))
        assert found, f"{document} names {name}"


def test_the_paper_map_names_files_at_all() -> None:
    assert len(_named_files(_text("docs/paper_map.md"))) >= 8


def _keys(content: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, value in content.items():
        found.add(f"{prefix}{name}")
        if isinstance(value, dict):
            found |= _keys(value, f"{prefix}{name}.")
    return found


def test_every_key_that_the_paper_map_names_is_in_the_parameters() -> None:
    keys = _keys(yaml.safe_load(_text("params.yaml")))
    sections = {key for key in keys if "." not in key}
    named = [
        name
        for name in _IN_TICKS.findall(_text("docs/paper_map.md"))
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name) and name.split(".")[0] in sections
    ]
    assert len(named) >= 4
    for name in named:
        assert name in keys, f"docs/paper_map.md names {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_no_document_names_a_path_of_somebodys_machine(document: Path) -> None:
    text = _text(document).replace("http://localhost:8000/v1", "")  # the example of a local server
    assert not (found := _MACHINE.search(text)), f"{document}: {found and found[0]}"
    assert not (found := _ADDRESS.search(text)), f"{document}: {found and found[0]}"


def test_every_decision_has_a_number_of_its_own_and_is_found_by_it() -> None:
    names = [path.name for path in (ROOT / "docs" / "adr").glob("*.md")]
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name) for name in names)
    numbers = [int(name[:4]) for name in names]
    assert len(set(numbers)) == len(numbers)
    sources = [
        path
        for package in ("schemas", "prompts", "pipelines", "manifests", "docs")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".md")
    ]
    for path in [*sources, ROOT / "params.yaml", ROOT / "dvc.yaml"]:
        for number in re.findall(r"\bADR (\d+)\b", path.read_text(encoding="utf-8")):
            assert int(number) in numbers, f"{path.relative_to(ROOT)} names ADR {number}"
