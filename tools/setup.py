"""Makes .venv from the lock files; does nothing when it is up to date.

The environment is exactly the lock: when a lock file, the interpreter or the folder changes, and
after a set-up that was interrupted, .venv is made anew. Only .venv is written (and the egg-info
that an editable install leaves in the root). Standard library only, and it must parse on any
Python 3 so that an old one gets a clear message.

    python3 tools/setup.py
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup.stamp"
LOG = VENV / "setup.log"
LOCK = ROOT / "requirements.lock"
NO_DEPS_LOCK = ROOT / "requirements" / "no-deps.lock"

# With PYTHONDONTWRITEBYTECODE, which containers often set, imports would compile every time.
COMPILE = """
import compileall, re, sysconfig
folder = sysconfig.get_paths()["purelib"]
compileall.compile_dir(folder, maxlevels=20, rx=re.compile("/tests?/"), quiet=2, workers=0)
"""

OLDEST, FIRST_UNTRIED = (3, 11), (3, 14)


def main() -> int:
    """Brings .venv up to date; returns the exit status."""
    if not OLDEST <= sys.version_info[:2] < FIRST_UNTRIED:
        say(
            f"Python 3.11, 3.12 or 3.13 is needed; {sys.executable} is "
            f"{sys.version_info[0]}.{sys.version_info[1]}. "
            "Name another one: make setup PYTHON=python3.11"
        )
        return 2
    # A lock on the folder itself leaves no file. pip inherits it, so that a set-up whose parent was
    # killed still holds it and no second one writes into the same .venv.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this folder")
            fcntl.flock(folder, fcntl.LOCK_EX)
        return update(folder)
    except subprocess.CalledProcessError as error:
        say(f"failed: {' '.join(map(str, error.cmd))}")
        if LOG.exists():
            print("\n".join(LOG.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)
        say(f"the whole log is {LOG.relative_to(ROOT)}; `make setup` starts again")
        return 1
    except KeyboardInterrupt:
        say("interrupted; `make setup` starts again")
        return 130
    finally:
        os.close(folder)


def update(lock: int) -> int:
    """Makes what is out of date; the stamp is removed first and written last."""
    packages, project = fingerprints()
    stamped = STAMP.read_text().split() if STAMP.exists() and PYTHON.exists() else []
    if stamped == [packages, project]:
        return 0
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    if stamped[:1] != [packages]:
        make_environment(lock)
        say("installing requirements.lock: 2 to 5 minutes, 2 to 4 GB (less with a warm pip cache)")
        # The lock names everything, so there is nothing to resolve; `pip check` below confirms it.
        # pip compiles on one core, and tests as well.
        pip(lock, "install", "--no-deps", "--no-compile", "-r", LOCK)
        say("installing requirements/no-deps.lock")
        pip(lock, "install", "--no-deps", "--no-compile", "-r", NO_DEPS_LOCK)
        run(lock, [PYTHON, ROOT / "tools" / "without_cuda.py"])
        run(lock, [PYTHON, "-c", COMPILE])
    say("installing this project, editable")
    pip(lock, "install", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    problems = unexpected_conflicts()
    if problems:
        say("the installed packages do not fit together:")
        print("\n".join(problems), file=sys.stderr)
        return 1
    STAMP.write_text(f"{packages} {project}\n")
    say(f"ready: .venv ({time.monotonic() - started:.0f} s)")
    return 0


def fingerprints() -> "tuple[str, str]":
    """Hashes of what decides the installed packages, and of what decides the editable install."""
    packages = hashlib.sha256(f"{ROOT}\n{sys.version}\n".encode())
    for lock in (LOCK, NO_DEPS_LOCK, ROOT / "tools" / "without_cuda.py"):
        packages.update(lock.read_bytes())
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    return packages.hexdigest(), project.hexdigest()


def make_environment(lock: int) -> None:
    """An empty .venv, without activating it or upgrading pip."""
    if VENV.exists():
        say("removing .venv: unfinished, moved, or made from another lock")
        shutil.rmtree(VENV)
    say(f"making .venv with Python {'.'.join(map(str, sys.version_info[:3]))}")
    # Debian and Ubuntu ship ensurepip apart: the machine's own pip then installs pip.
    has_ensurepip = subprocess.run(
        [sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL, check=False
    )
    if has_ensurepip.returncode == 0:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)
        run(lock, [sys.executable, "-m", "pip", "--python", PYTHON, "install", "-q", "pip"])


def pip(lock: int, *arguments: "str | Path") -> None:
    """Runs .venv's pip; what it prints goes to the log."""
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    run(lock, [PYTHON, "-m", "pip", arguments[0], *quiet, *arguments[1:]])


def run(lock: int, command: "list[str | Path]") -> None:
    """Runs a command with its output appended to the log."""
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(map(str, command))}\n")
        log.flush()
        subprocess.run(
            command, check=True, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, pass_fds=[lock]
        )


def unexpected_conflicts() -> "list[str]":
    """What `pip check` finds, apart from packages that are installed without their dependencies."""
    lines = NO_DEPS_LOCK.read_text().splitlines()
    expected = tuple(f"{line.partition('==')[0].strip()} " for line in lines if "==" in line)
    found = subprocess.run(
        [PYTHON, "-m", "pip", "--disable-pip-version-check", "check"],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    if found.returncode == 0:
        return []
    return [line for line in found.stdout.splitlines() if not line.startswith(expected)]


def say(message: str) -> None:
    """One progress line, on standard error."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
