"""Builds the guides and the API of all packages as HTML; a warning is an error.

python -m tools.build_docs                                # into build/docs, a minute or two
python -m tools.build_docs --output X --packages schemas  # the guides and one package
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import re
import shutil
import sys
import types
import typing
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pdoc
import pdoc.extract
import pdoc.render

from tools.guide_pages import ROOT, TEMPLATES, write_guides

PACKAGES = ("acoustics", "schemas", "prompts", "pipelines", "manifests", "trainer")
# Anything else in a page is text that a browser would swallow: <name> in a docstring, say.
_ELEMENTS = frozenset(
    "html head meta title link style script body nav main header footer section div span p a br "
    "h1 h2 h3 h4 h5 h6 ul ol li pre code em strong table thead tbody tr th td blockquote hr img "
    "wbr label input button svg path details summary sup del dl dt dd".split()
)
_TAG = re.compile(r"<([A-Za-z][\w.:-]*)")
_LINK = re.compile(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"')
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Builds, prints every problem, and returns 0 if there was none, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_docs", description=__doc__)
    parser.add_argument("--output", default="build/docs", metavar="DIR", help="made anew")
    parser.add_argument("--packages", nargs="+", default=PACKAGES, choices=PACKAGES)
    arguments = parser.parse_args(argv)
    folder = Path(arguments.output)
    # Beside the last one and swapped at the end: a failed build does not take the pages away.
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    problems = build_api(arguments.packages, fresh / "api")
    write_guides(fresh)
    problems += check_pages(fresh)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} problems; the pages are in {fresh}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    print(f"docs: {folder}/index.html, {sum(1 for _ in folder.rglob('*.html'))} pages")
    return 0


def build_api(modules: Sequence[str], folder: Path, root: Path = ROOT) -> list[str]:
    """Writes the API pages of modules and all below them.

    Args:
        modules: names of packages or modules.
        folder: gets ``index.html`` and a page for each module.
        root: where the packages lie.

    Returns:
        The warnings of importing and of rendering, a line each.
    """
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        problems = []
        for name in pdoc.extract.walk_specs(modules):
            try:
                importlib.import_module(name)
            except ImportError as error:
                problems.append(f"{name} cannot be imported: {error}")
        if problems:
            return problems  # pdoc would stop at the first
        for module in list(sys.modules.values()):  # packages with __all__ hide modules from pdoc
            if module.__name__.split(".")[0] in PACKAGES:
                resolve_hints(module)
        pdoc.render.configure(docformat="google", show_source=False, template_directory=TEMPLATES)
        pdoc.pdoc(*modules, output_directory=folder)
    return [f"{warning.category.__name__}: {warning.message}" for warning in found]


def resolve_hints(module: types.ModuleType) -> None:
    """Puts types for the names of types where pdoc looks for them in the wrong module.

    That is in what a NamedTuple's class body made, and in what a dataclass made of the fields of a
    class elsewhere.
    """
    for thing in list(vars(module).values()):
        if not isinstance(thing, type) or thing.__module__ != module.__name__:
            continue
        if issubclass(thing, tuple) and hasattr(thing, "_fields"):
            made: Callable[..., object] = thing.__new__
        elif dataclasses.is_dataclass(thing) and "__init__" in vars(thing):
            made = thing.__init__
        else:
            continue
        try:
            hints = typing.get_type_hints(thing, include_extras=True)
        except NameError:
            continue  # imported for type checkers only: pdoc looks there, and warns
        made.__annotations__.update({n: hints[n] for n in made.__annotations__ if n in hints})


def check_pages(folder: Path) -> list[str]:
    """What a reader of the pages would not see: swallowed text, and links that lead nowhere."""
    problems = []
    pages = {path.resolve() for path in folder.rglob("*") if path.is_file()}
    for page in sorted(folder.rglob("*.html")):
        text = _SCRIPT.sub("", page.read_text(encoding="utf-8"))
        name = page.relative_to(folder)
        for tag in sorted(set(_TAG.findall(text)) - _ELEMENTS):
            problems.append(f"{name}: <{tag}> is no element of HTML; put it in backticks")
        for link in sorted(set(_LINK.findall(text))):
            if (page.parent / link).resolve() not in pages:
                problems.append(f"{name}: the link {link} leads to no page")
    return problems


if __name__ == "__main__":
    # Names that exist for type checkers only; typeshed has no module to import.
    typeshed = types.ModuleType("_typeshed")
    vars(typeshed)["WriteableBuffer"] = bytearray | memoryview
    sys.modules.setdefault("_typeshed", typeshed)
    sys.exit(main())
