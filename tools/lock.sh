#!/usr/bin/env bash
# Resolves pyproject.toml anew and writes requirements.lock.
# What the present lock pins stays as it is where it still fits; to move a package, edit or delete
# its line first. Takes two to five minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
pip=("$work/venv/bin/python" -m pip --disable-pip-version-check)
# The requirements alone, not the project: building that would leave build/ behind.
"$work/venv/bin/python" - >"$work/requirements.in" <<'END'
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
print(*project["dependencies"], *(line for extra in extras.values() for line in extra), sep="\n")
END
"${pip[@]}" install -q --progress-bar off -c requirements.lock -r "$work/requirements.in"
"${pip[@]}" check
{
    echo "# Made by \`make lock\` from pyproject.toml (with all its extras). Python 3.11 to 3.13."
    # A local version (+cpu, +cu130) names one machine's build of the same release: dropped.
    "${pip[@]}" freeze --all --exclude pip --exclude wheel |
        sed -E 's/\+[a-z0-9.]+$//'
} >"$work/requirements.lock"
if grep -nE '^google-api-core|://| @ ' "$work/requirements.lock"; then
    echo "lock: the lines above must not be in the lock (see pyproject.toml)" >&2
    exit 1
fi
cp "$work/requirements.lock" requirements.lock
