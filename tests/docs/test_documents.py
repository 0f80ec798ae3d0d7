"""What the documents name is there: targets, files, keys; and no path of anybody's machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.documents import DOCUMENTS, MACHINE, ROOT

_TREE = re.compile(r"## Where things are\n+```text\n(.*?)```", re.DOTALL)
_IN_TICKS = re.compile(r"`([^`\n]+)`")
_ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1|\d+\.\d+\.\d+\.\d+):\d+")


def _text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", ["make demo", "make test", "make help", "make bench", "make docs"])
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
    made = {"build", "data", "journals", "results", "runs"}  # by running it
    top = {path.name for path in ROOT.iterdir() if path.is_dir()} - made
    return [name for name in names if "/" in name and name.split("/")[0] in top]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
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
    assert not (found := MACHINE.search(text)), f"{document}: {found and found[0]}"
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
