"""Imports point one way, and starting a command imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, set[str]] = {
    "schemas": set(),
    "acoustics": set(),
    "prompts": set(),
    "manifests": {"schemas"},
    "pipelines": {"schemas", "acoustics", "prompts", "manifests"},
    "trainer": {"schemas", "acoustics", "prompts", "manifests"},
}
COMMANDS = sorted(
    f"{package}.{path.stem}"
    for package in ("pipelines", "manifests", "trainer")
    for path in (ROOT / package).glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_point_one_way(package: str) -> None:
    forbidden = ALLOWED.keys() - ALLOWED[package] - {package} | {"tests", "benchmarks"}
    for path in sorted((ROOT / package).rglob("*.py")):
        wrong = imported(path) & forbidden
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_commands_are_found() -> None:
    assert {"pipelines.annotate", "manifests.validate", "trainer.grpo"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_light_and_says_nothing_else(command: str) -> None:
    code = (
        "import sys\n"
        f"from {command} import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'lhotse', 'apache_beam', 'transformers', 'openai'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"usage: python -m {command}")
    assert "examples:" in done.stdout
