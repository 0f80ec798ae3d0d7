"""The files of a folder from one listing: a corpus has 10^5 clips, and none is asked for alone."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Sequence

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.clip_file import SUFFIXES


class Clips:
    """What lies below a folder; paths are relative to it, sorted."""

    def __init__(self, folder: str) -> None:
        """Lists the folder; links to folders are not followed, hidden files are left out.

        Raises:
            UsageError: there is no such folder.
        """
        self.folder = folder
        self.paths: list[str] = []  # of clips
        self.others: set[str] = set()  # of everything else
        self._by_stem: dict[str, list[str]] = defaultdict(list)  # file name without suffix
        for path in list_below(folder):
            stem, suffix = posixpath.splitext(posixpath.basename(path))
            if stem.startswith("."):
                continue
            if suffix.lower() in SUFFIXES:
                self.paths.append(path)
                self._by_stem[stem].append(path)
            else:
                self.others.add(path)

    @property
    def stems(self) -> set[str]:
        """Names of the clips, without suffix."""
        return set(self._by_stem)

    def named(self, stem: str) -> list[str]:
        """The clips of a name without suffix, in whatever folder; none where there is none."""
        return self._by_stem.get(stem, [])

    def find(self, path: str) -> list[str]:
        """The clips that a table's path may mean.

        The path itself, also with another suffix of audio; otherwise those that share most of its
        end, since tables name folders that releases then do not have.
        """
        inside = posixpath.normpath(path)
        stem = posixpath.splitext(posixpath.basename(inside))[0]
        named = self._by_stem.get(stem) or self._by_stem.get(posixpath.basename(inside)) or []
        if inside in named or len(named) < 2:
            return [inside] if inside in named else named
        wanted = posixpath.splitext(inside)[0].split("/")
        scores = [_shared(posixpath.splitext(clip)[0].split("/"), wanted) for clip in named]
        return [clip for clip, score in zip(named, scores, strict=True) if score == max(scores)]

    def read(self, path: str) -> bytes:
        """The bytes of a small file of the folder.

        Raises:
            UsageError: it cannot be read.
        """
        with files.open_read(posixpath.join(self.folder, path)) as stream:
            return stream.read()


def _shared(path: list[str], wanted: list[str]) -> int:
    """How many steps two paths share, from their ends."""
    pairs = zip(reversed(path), reversed(wanted), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(path), len(wanted)))


def list_below(folder: str) -> list[str]:
    """Paths of all files below a folder, relative to it, sorted; links to folders not followed.

    Raises:
        UsageError: there is no such folder.
    """
    root = folder.rstrip("/")
    if "://" in root:
        return sorted(path[len(root) + 1 :] for path in files.list_files(f"{root}/**"))
    if not os.path.isdir(root):  # noqa: PTH112  (paths here are str)
        raise UsageError(f"{folder}: no such folder")
    found: list[str] = []
    for where, _, names in os.walk(root):
        inside = os.path.relpath(where, root)
        found += names if inside == "." else [f"{inside}/{name}" for name in names]
    return sorted(found)


def seen_from(file: str, folder: str) -> str:
    """A folder of the settings, seen from a file's own: here or on any file system.

    >>> seen_from("gs://corpora/MELD/data/train.csv", "../media")
    'gs://corpora/MELD/media'
    >>> seen_from("train.csv", "."), seen_from("train.csv", "wav")
    ('.', 'wav')
    """
    found = posixpath.dirname(file)
    for step in folder.split("/"):
        if step == "..":
            found = posixpath.dirname(found) if found else ".."
        elif step not in ("", "."):
            found = posixpath.join(found, step)
    return found or "."


def folders_of_clips(
    inputs: Sequence[str], stem_pattern: re.Pattern[str], expected: str
) -> list[str]:
    """The folders, however deep, that hold clips whose names match; sorted.

    Args:
        inputs: folders to look in.
        stem_pattern: of a clip's name without suffix, the whole of it.
        expected: what should be there, for the message.

    Raises:
        UsageError: an input is missing or has no such clip.
    """
    if not inputs:
        raise UsageError(f"no input path given; expected {expected}")
    found: set[str] = set()
    for path in inputs:
        clips = Clips(path.rstrip("/"))
        named = [clip for clip in clips.paths if _matches(clip, stem_pattern)]
        if not named:
            raise UsageError(f"{path}: nothing to read here; expected {expected}")
        found.update(posixpath.join(clips.folder, posixpath.dirname(clip)) for clip in named)
    return sorted(folder.rstrip("/") for folder in found)


def _matches(path: str, stem_pattern: re.Pattern[str]) -> bool:
    stem = posixpath.splitext(posixpath.basename(path))[0]
    return stem_pattern.fullmatch(stem) is not None
