"""Modules that ``--help`` of each command imports, counted; see ``counting`` for the bounds.

That nothing heavy is among them is `tests.test_structure`; this notices the many small ones.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.benchmarks.counting import hold
from tests.test_structure import COMMANDS, ROOT

# Imports some packages, then forks for each command, which shows its help and counts: what all
# commands of a package need is imported once, not sixteen times.
_PROGRAM = """
import contextlib, importlib, io, json, os, sys

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
counts = {}
for command in sys.argv[2:]:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            importlib.import_module(command).main(["--help"])
        os.write(theirs, str(len(sys.modules)).encode())
        os._exit(0)
    os.close(theirs)
    assert not os.waitpid(child, 0)[1], command
    counts[command] = int(os.read(ours, 100))
    os.close(ours)
print(json.dumps(counts))
"""
BOUNDS = {"manifests.validate": 323, "trainer.evaluate": 152}  # what follows holds for the rest
PIPELINES, TRAINER = 475, 126


@pytest.mark.parametrize("package", ["pipelines", "trainer", "manifests"])
def test_help_imports_few_modules(package: str) -> None:
    needed = ["pyarrow", "pydantic", "schemas"] if package == "pipelines" else []
    chosen = [command for command in COMMANDS if command.startswith(f"{package}.")]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(needed), *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    usual = PIPELINES if package == "pipelines" else TRAINER
    counts = json.loads(done.stdout)
    assert list(counts) == chosen
    for command, count in counts.items():
        hold(f"modules imported by {command} --help", count, BOUNDS.get(command, usual))
