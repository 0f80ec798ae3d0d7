"""The Markdown guides as HTML pages, linked with each other and with the API pages."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

import jinja2
import markdown2

ROOT = Path(__file__).parents[1]
TEMPLATES = Path(__file__).parent / "docs_pages"
# What the navigation shows first; every other guide follows, by path.
_FIRST = ("README.md", "CONTRIBUTING.md", "docs/training.md", "docs/scaling.md", "docs/glossary.md")
_EXTRAS = ["fenced-code-blocks", "tables", "header-ids", "cuddled-lists", "code-friendly"]
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_LINK = re.compile(r'((?:href|src)=")([^":#]+)((?:#[^"]*)?")')


def find_guides(root: Path = ROOT) -> list[Path]:
    """The guides below a root, as relative paths, in the order of the navigation."""
    found = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    others = sorted(str(path.relative_to(root)) for path in found)
    first = [name for name in _FIRST if name in others]
    return [Path(name) for name in [*first, *(name for name in others if name not in first)]]


def write_guides(folder: Path, root: Path = ROOT) -> int:
    """Writes a page for each guide, and copies the pictures; README.md becomes ``index.html``.

    Args:
        folder: gets the pages; a guide keeps its place, ``docs/training.md`` is at
            ``docs/training.html``.
        root: where the guides lie.

    Returns:
        The number of pages.
    """
    guides = find_guides(root)
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("guide.html.jinja2")
    # Decisions are many: the page that lists them stands for all.
    shown = [guide for guide in guides if guide.parts[:2] != ("docs", "adr")]
    pages = [(_name(root, guide), _page(guide)) for guide in shown]
    pages.append(("Decisions", "docs/adr/index.html"))
    for guide in guides:
        text = (root / guide).read_text(encoding="utf-8")
        _write(template, folder, _page(guide), _title(text), text, pages, root)
    decisions = [guide for guide in guides if guide not in shown]
    lines = [f"- [{_name(root, guide)}]({guide.name})" for guide in decisions]
    listing = "# Decisions\n\n" + "\n".join(lines) + "\n"
    _write(template, folder, "docs/adr/index.html", "Decisions", listing, pages, root)
    for picture in root.glob("docs/**/*.svg"):
        target = folder / picture.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target)
    return len(guides) + 1


def _write(
    template: jinja2.Template,
    folder: Path,
    page: str,
    title: str,
    text: str,
    pages: list[tuple[str, str]],
    root: Path,
) -> None:
    html = str(markdown2.markdown(text, extras=_EXTRAS))
    here = posixpath.dirname(page)
    content = _LINK.sub(
        lambda link: link[1] + _target(link[2], here, root) + link[3],
        html,
    )
    up = "../" * page.count("/")
    path = folder / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        template.render(title=title, content=content, pages=pages, here=page, up=up),
        encoding="utf-8",
    )


def _target(link: str, here: str, root: Path) -> str:
    """Where a link of a guide leads among the pages; as it was, if it is no guide's."""
    named = posixpath.normpath(posixpath.join(here, link))
    if named == "docs/adr":
        page = "docs/adr/index.html"
    elif named.endswith(".md") and (root / named).is_file():
        page = _page(Path(named))
    else:
        return link
    return posixpath.relpath(page, here or ".")


def _page(guide: Path) -> str:
    return "index.html" if str(guide) == "README.md" else guide.with_suffix(".html").as_posix()


def _name(root: Path, guide: Path) -> str:
    return _title((root / guide).read_text(encoding="utf-8"))


def _title(text: str) -> str:
    found = _TITLE.search(text)
    if found is None:
        raise ValueError("a guide begins with a line `# Title`")
    return found[1]
