"""Whether a folder is the finished output of emit, and what its facts are."""

from __future__ import annotations

import posixpath

from manifests.storage import Storage
from schemas import StageFacts


class NotEmitted(ValueError):
    """The folder is not the finished output of emit; the message says what to run."""


def emitted_facts(folder: str, storage: Storage) -> StageFacts:
    """The facts of an emitted folder.

    Raises:
        NotEmitted: there is no ``stage.json``, or it is not one of emit.
    """
    path = posixpath.join(folder, "stage.json")
    if not storage.list_files(path):
        raise NotEmitted(f"{folder}: stage.json is missing; run pipelines.emit")
    try:
        with storage.open_read(path) as stream:
            facts = StageFacts.from_json(stream.read().decode())
    except ValueError as error:
        raise NotEmitted(f"{path}: {error}; run pipelines.emit again") from error
    if facts.stage != "emit":
        raise NotEmitted(f"{folder}: is the output of {facts.stage}, not of emit")
    return facts


def check_complete(folder: str, facts: StageFacts, storage: Storage) -> None:
    """That every file which ``stage.json`` lists is there; folders without a list pass.

    Raises:
        NotEmitted: a file is missing.
    """
    names = facts.parts or {}
    there: set[str] = set()
    for below in sorted({posixpath.dirname(name) for name in names}):
        found = storage.list_files(posixpath.join(folder, below, "*"))
        there.update(posixpath.join(below, posixpath.basename(path)) for path in found)
    for name in names:
        if name not in there:
            raise NotEmitted(
                f"{posixpath.join(folder, name)}: missing, though stage.json lists it among "
                f"{len(names)} files; bring it back, or run pipelines.emit again"
            )
