"""A real PostgreSQL server of the tests' own: a fresh cluster on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PLACES = "/usr/lib/postgresql"  # where Debian's package has it, by version


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`; None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(Path(_PLACES).glob("*/bin/initdb")) if Path(_PLACES).is_dir() else []
    return folders[-1].parent if folders else None


@contextmanager
def server() -> Iterator[str]:
    """Starts one; gives its location. It listens on a socket alone, not on the network."""
    binaries = programs()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        cluster = Path(folder, "cluster")
        as_user = _not_root(Path(folder))
        _run(as_user, binaries / "initdb", "-D", cluster, "-U", "tests", "-A", "trust", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        start = ("-D", cluster, "-o", options, "-l", Path(folder, "log"), "-w", "start")
        _run(as_user, binaries / "pg_ctl", *start)
        try:
            yield f"postgresql://tests@/postgres?host={folder}"
        finally:
            _run(as_user, binaries / "pg_ctl", "-D", cluster, "-m", "immediate", "stop")


def _not_root(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as its package's user, or as nobody."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder}


def _run(as_user: dict[str, Any], *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **as_user,
    )
    assert done.returncode == 0, done.stderr
