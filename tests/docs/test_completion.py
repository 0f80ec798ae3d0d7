"""The README's line makes a real bash complete the commands' flags, words and sources."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.test_structure import COMMANDS

_LINE = re.compile(r'^eval "\$\(activate-global-python-argcomplete .*$', re.MULTILINE)
# What bash does on TAB: the words, the one with the cursor, then the function of its own table.
_TAB = """
{activate}
COMP_LINE={line}
COMP_WORDS=({line_words}); COMP_CWORD=$(({count} - 1)); COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9
$(complete -p -D | sed 's/.*-F \\([^ ]*\\) .*/\\1/') python {last} {before}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def _completed(*words: str) -> set[str]:
    """What TAB offers after these words, the last one half typed."""
    found = _LINE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README's line"
    bash = shutil.which("bash")
    assert bash
    script = _TAB.format(
        activate=found[0],
        line=shlex.quote(" ".join(words)),
        line_words=" ".join(map(shlex.quote, words)),
        count=len(words),
        last=shlex.quote(words[-1]),
        before=shlex.quote(words[-2]),
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {word.strip() for word in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("python -m pipelines.annotate --so", {"--source"}),
        ("python -m trainer.sft --dry", {"--dry-run"}),
        ("python -m trainer.evaluate gen", {"generate"}),
        ("python -m manifests.export --lic", {"--licences"}),
    ],
)
def test_tab_completes_a_flag_or_a_word(typed: str, offered: set[str]) -> None:
    assert _completed(*typed.split()) == offered


def test_tab_offers_the_sources_of_params_yaml() -> None:
    assert _completed("python", "-m", "pipelines.select", "--source", "e") == {"emilia", "esd"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_marked_for_completion(name: str) -> None:
    path = ROOT / Path(*name.split(".")).with_suffix(".py")
    assert "PYTHON_ARGCOMPLETE_OK" in path.read_text(encoding="utf-8")[:1024]
