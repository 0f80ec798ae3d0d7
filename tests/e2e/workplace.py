"""A folder of its own for a whole corpus: parameters, raw input, outputs, journals."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SOURCES = ("emilia", "game_voice")
VERBS = ("ingest", "annotate", "select", "emit")
KEY = "sk-test-0123456789abcdef"
_PROGRESS = re.compile(r"\w+: [\d,]+( of [\d,]+)? \w+s, ")  # on a slow machine
# Prices of the mock model, so that a cap can be set; retries that a test can wait for.
_CHAT: dict[str, Any] = {
    "backend": "openai",
    "model": "mock",
    "max_tokens": 200,
    "max_in_flight": 16,
    "timeout_s": 20.0,
    "backoff_base_s": 0.01,
    "prices": {
        "date": "2026-01-01",
        "currency": "USD",
        "models": {"mock": {"input_cached": 0.003, "input": 0.15, "output": 0.6}},
    },
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


class Workplace:
    """Raw samples copied to ``folder/samples``; outputs in ``folder/data``."""

    def __init__(self, folder: Path, base_url: str = "http://127.0.0.1:9/v1") -> None:
        self.folder = folder
        self.data = folder / "data"
        self.journals = folder / "journals"
        self.params_file = folder / "params.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        for name in SOURCES:
            shutil.copytree(ROOT / "samples" / name, folder / "samples" / name)
        content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        content["root"], content["journals"] = str(self.data), str(self.journals)
        content["sources"] = {name: content["sources"][name] for name in SOURCES}
        for settings in content["sources"].values():
            settings["input"] = [str(folder / path) for path in settings["input"]]
        emilia = content["sources"]["emilia"]
        emilia["metadata"] = [str(folder / path) for path in emilia["metadata"]]
        content["chat"] |= {**_CHAT, "base_url": base_url}
        self._write(content)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets keys of params.yaml, named with dots."""
        content = yaml.safe_load(self.params_file.read_text(encoding="utf-8"))
        for name, value in changes.items():
            *sections, key = name.split(".")
            section = content
            for step in sections:
                section = section[step]
            section[key] = value
        self._write(content)

    def _write(self, content: object) -> None:
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        self.params_file.write_text(text, encoding="utf-8")

    def arguments(self, source: str | None, *flags: str) -> list[str]:
        chosen = ["--source", source] if source else []
        return ["--params", str(self.params_file), *chosen, *flags]

    def run(self, verb: str, source: str | None, *flags: str) -> Ended:
        """One command, in this process."""
        main = importlib.import_module(f"pipelines.{verb}").main
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(self.arguments(source, *flags))
        return Ended(status, out.getvalue(), err.getvalue())

    def done(self, verb: str, source: str | None, *flags: str) -> Ended:
        """One command, which must end well and say nothing but its progress on the error stream."""
        ended = self.run(verb, source, *flags)
        said = [line for line in ended.err.splitlines() if not _PROGRESS.match(line)]
        assert (ended.status, said) == (0, []), ended
        return ended

    def start(self, verb: str, source: str, *flags: str) -> subprocess.Popen[bytes]:
        """One command, as a process of its own."""
        command = [sys.executable, "-m", f"pipelines.{verb}", *self.arguments(source, *flags)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

    def build(self) -> None:
        """Everything, from the raw corpora to the report."""
        for source in SOURCES:
            for verb in VERBS:
                self.done(verb, source)
        self.done("report", None)

    @contextlib.contextmanager
    def set_aside(self, *folders: Path) -> Iterator[None]:
        """These folders are gone inside the block, and back as they were after it."""
        for folder in folders:
            folder.rename(folder.with_suffix(".aside"))
        try:
            yield
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
                folder.with_suffix(".aside").rename(folder)

    def facts(self, source: str, verb: str) -> dict[str, Any]:
        text = (self.data / source / verb / "stage.json").read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)
        return facts

    def run_facts(self, source: str, verb: str) -> dict[str, Any]:
        text = (self.data / source / f"{verb}.run.json").read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)
        return facts

    def journalled(self, source: str) -> set[str]:
        """The calls whose reply the journal holds, read past the engine."""
        with contextlib.closing(sqlite3.connect(self.journals / f"{source}.sqlite")) as db:
            texts = db.execute("SELECT text FROM replies").fetchall()
        return {json.loads(text)["id"] for (text,) in texts}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
