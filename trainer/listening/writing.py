"""Small files, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from manifests.storage import LocalFiles


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8; makes the folder, and leaves no half a file when the work is killed."""
    with LocalFiles().atomic_write(str(path)) as stream:
        stream.write(text.encode())
