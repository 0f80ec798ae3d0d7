"""``make docs``: pages without warnings, and what is wrong with a page is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import build_docs
from tools.guide_pages import find_guides, write_guides

# Without torch and Beam, so that this takes seconds; `make docs` builds all packages.
PACKAGES = ["schemas", "prompts", "acoustics", "pipelines.chat", "pipelines.sources.pairing"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("docs")
    problems = build_docs.build_api(PACKAGES, folder / "api")
    write_guides(folder)
    return folder, problems


def test_the_pages_are_built_without_a_warning(built: tuple[Path, list[str]]) -> None:
    folder, problems = built
    assert problems == []
    assert build_docs.check_pages(folder) == []
    page = (folder / "api" / "schemas.html").read_text(encoding="utf-8")
    assert "PromptUtterance" in page and "utterance.html" not in page
    assert "../index.html" in page  # the way to the guides


def test_every_guide_has_a_page_and_a_place_in_the_navigation(
    built: tuple[Path, list[str]],
) -> None:
    folder, _ = built
    first = (folder / "index.html").read_text(encoding="utf-8")
    listed = (folder / "docs" / "adr" / "index.html").read_text(encoding="utf-8")
    guides = find_guides()
    assert guides[0] == Path("README.md") and len(guides) > 20
    for guide in guides[1:]:
        assert (folder / guide.with_suffix(".html")).is_file()
        if "adr" in guide.parts:
            assert f'href="{guide.stem}.html"' in listed
        else:
            assert f'href="{guide.with_suffix(".html")}"' in first
    assert (folder / "docs" / "pictures" / "drama.svg").is_file()


def test_swallowed_text_and_dead_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<p>the <source> of <a href="gone.html">it</a>, <wbr>or</p>')
    found = build_docs.check_pages(tmp_path)
    assert [problem.split(": ")[1].split(" is ")[0] for problem in found] == [
        "<source>",
        "the link gone.html leads to no page",
    ]


def test_an_annotation_that_names_nothing_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "odd_module_of_a_test.py"
    module.write_text('"""A module."""\n\ndef f(x: "Nowhere") -> None:\n    """Does nothing."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    (problem,) = build_docs.build_api(["odd_module_of_a_test"], tmp_path / "api")
    assert "Nowhere" in problem
    del sys.modules["odd_module_of_a_test"]


def test_a_module_that_cannot_be_imported_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_package_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "part.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    problems = build_docs.build_api(["broken_package_of_a_test"], tmp_path / "api")
    assert any("no_such_module_anywhere" in problem for problem in problems)
