"""The command on folders, and what a folder holds after it."""

from __future__ import annotations

from pathlib import Path

from trainer.tokenize import main


def run(emitted: Path, output: Path, codec: str, *more: str) -> int:
    return main(["--tokenizer", codec, "--input", str(emitted), "--output", str(output), *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
