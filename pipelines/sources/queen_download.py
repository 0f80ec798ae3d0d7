"""Where the game's package comes from when none is given: installed, or through apt-get."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pipelines.errors import StageFailed, UsageError
from pipelines.sources.queen_package import INSTALLED, PACKAGE

_DOWNLOAD_SECONDS = 600


def default_package(folder: Path) -> Path:
    """The installed game's file, or the package downloaded into ``folder``.

    Raises:
        UsageError: it is not installed, and there is no apt-get.
        StageFailed: apt-get could not download it.
    """
    if INSTALLED.is_file():
        return INSTALLED
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        raise UsageError(f"{INSTALLED} is not there and neither is apt-get; give --input")
    try:
        done = subprocess.run(
            [apt_get, "download", PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StageFailed(f"apt-get download {PACKAGE} took too long; give --input") from error
    found = sorted(folder.glob("*.deb"))
    if done.returncode or not found:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise StageFailed(f"apt-get download {PACKAGE} failed ({lines[-1]}); give --input")
    return found[0]
