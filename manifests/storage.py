"""Where shards lie, as seen from here: a local folder, or whatever the caller hands in.

The pipelines hand in their own ``pipelines.files`` (a module can be a protocol's implementation),
so that ``gs://`` works for them; the trainer and ``manifests.validate`` need no Beam.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol


class Storage(Protocol):
    """The three things that shards need of a file system."""

    def open_read(self, path: str, /) -> BinaryIO:
        """The file's bytes."""

    def atomic_write(self, path: str, /) -> AbstractContextManager[BinaryIO]:
        """A stream that becomes the file when the block ends well, and vanishes otherwise."""

    def list_files(self, pattern: str, /) -> list[str]:
        """The files that match a glob pattern, sorted."""


class NotRegular(OSError):
    """A pipe, a socket or a device under the name of a file: it may block or never end."""


def open_regular(path: str, flags: int) -> int:
    """An opener for :func:`open` to read by, which waits for nobody.

    Raises:
        NotRegular: it is neither a file nor a folder; folders have an error of their own.
    """
    # Without O_NONBLOCK, opening a pipe already waits for somebody to write into it.
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        os.close(descriptor)
        raise NotRegular(errno.EINVAL, "not a regular file but a pipe, a socket or a device", path)
    return descriptor


class LocalFiles:
    """Files of this machine."""

    def open_read(self, path: str, /) -> BinaryIO:
        """The file's bytes.

        Raises:
            OSError: it cannot be read, or is a pipe or a device.
        """
        return open(path, "rb", opener=open_regular)  # noqa: PTH123  (pathlib takes no opener)

    @contextlib.contextmanager
    def atomic_write(self, path: str, /) -> Iterator[BinaryIO]:
        """A stream that becomes the file when the block ends well, and vanishes otherwise.

        Raises:
            OSError: it cannot be written; on a full disk the error names the file.
        """
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(final.name + ".tmp")
        try:
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                told = f"{error.strerror} (free some space and run again)"
                raise OSError(error.errno, told, path) from error  # a write names no file itself
            raise
        temporary.replace(final)

    def list_files(self, pattern: str, /) -> list[str]:
        """The files that match a glob pattern in the last step of the path, sorted."""
        path = Path(pattern)
        return sorted(str(found) for found in path.parent.glob(path.name) if found.is_file())
