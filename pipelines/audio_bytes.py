"""Encoded audio by reference: the bytes at (uri, container, member, offset, size).

Ingest notes where each utterance's audio lies and leaves it there; whoever needs the bytes reads
them here. Nothing is unpacked to disk and no archive is held in memory.

Two kinds of no (they are never merged):

- A plain file is one utterance's own. Gone, it is a rejection ``AUDIO_MISSING``; shorter than it
  was, ``AUDIO_TRUNCATED``. Its folder gone as well is a failure: a disk that is not mounted must
  not turn into a million rejections.
- An archive holds thousands of utterances, all measured by ingest. One that is gone, cut short or
  rewritten since is a failure: the corpus is not the one that was ingested.
"""

from __future__ import annotations

import abc
import bisect
import gzip
import itertools
import posixpath
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.storage import NotRegular
from pipelines import files
from pipelines.audio_place import AudioPlace
from pipelines.errors import StageFailed, UsageError
from schemas import Reason

PARQUET_ROWS = 16  # rows of a Parquet dump in memory at once; a clip may have megabytes
SKIP_BYTES = 1 << 20  # read at a time while moving on in a packed stream


class AudioLost(Exception):
    """One utterance's own file is gone or cut short: a rejection with this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """The rejection's reason and its detail."""
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class AudioReader:
    """Reads audio bytes; keeps the archives it read last open.

    Cheapest in the order in which ingest emitted the utterances: a tar.gz is then unpacked once,
    a Parquet file read once. Any order gives the same bytes; going back in a tar.gz starts it over.
    """

    def __init__(self, max_open: int = 8) -> None:
        """Holds at most ``max_open`` archives open at once."""
        self._max_open = max_open
        self._archives: OrderedDict[str, _Archive] = OrderedDict()

    def read(self, place: AudioPlace) -> bytes:
        """The encoded audio, ``place.size`` bytes.

        Raises:
            AudioLost: a plain file is gone or shorter than ingest found it.
            StageFailed: an archive is gone, cut short, damaged or not the one that was ingested.
        """
        if place.container == "file":
            return _read_file(place)
        try:
            audio = self._archive(place).read(place)
        except UsageError as error:
            raise StageFailed(f"{error}; restore it or run ingest again") from error
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            raise StageFailed(
                f"{place}: cannot be read any more ({error}); restore it or run ingest again"
            ) from error
        if len(audio) != place.size:
            raise StageFailed(
                f"{place}: {len(audio)} bytes of audio where ingest found {place.size}: "
                "the archive was changed; run ingest again"
            )
        return audio

    def _archive(self, place: AudioPlace) -> _Archive:
        archive = self._archives.pop(place.uri, None)
        if archive is None:
            if place.container not in _ARCHIVES:
                known = ", ".join(["file", *_ARCHIVES])
                raise StageFailed(f"{place}: container {place.container!r} is none of {known}")
            while len(self._archives) >= self._max_open:
                self._archives.popitem(last=False)[1].close()
            archive = _ARCHIVES[place.container](place.uri)
        self._archives[place.uri] = archive  # the one used last is at the end
        return archive

    def close(self) -> None:
        """Closes every archive; the reader may be used again."""
        while self._archives:
            self._archives.popitem()[1].close()

    def __enter__(self) -> AudioReader:
        """Archives are opened when the first utterance asks for them."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes every archive."""
        self.close()


def _read_file(place: AudioPlace) -> bytes:
    try:
        with files.open_read(place.uri) as stream:
            if place.offset:
                stream.seek(place.offset)
            audio = stream.read(place.size)
    except UsageError as error:
        folder = posixpath.dirname(place.uri) or "."
        if isinstance(error.__cause__, NotRegular):
            raise AudioLost(Reason.AUDIO_MISSING, str(error)) from error
        if files.exists(place.uri) or not files.exists(folder):
            raise StageFailed(
                f"{error}; make it readable and run the same command again"
            ) from error
        raise AudioLost(Reason.AUDIO_MISSING, f"{place.uri}: gone since ingest") from error
    if len(audio) != place.size:
        raise AudioLost(
            Reason.AUDIO_TRUNCATED,
            f"{place.uri}: {len(audio)} bytes where ingest found {place.size}",
        )
    return audio


class _Archive(abc.ABC):
    """An open archive."""

    def __init__(self, uri: str) -> None:
        self._raw = files.open_read(uri)

    @abc.abstractmethod
    def read(self, place: AudioPlace) -> bytes:
        """The bytes at the place, fewer where the archive ends before."""

    def close(self) -> None:
        """Releases the file."""
        self._raw.close()


class _Tar(_Archive):
    """The audio of an uncompressed tar is a stretch of the file."""

    def read(self, place: AudioPlace) -> bytes:
        self._raw.seek(place.offset)
        return self._raw.read(place.size)


class _PackedTar(_Archive):
    """The unpacked stream of a tar.gz, read forwards; going back starts it over."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._stream = gzip.GzipFile(fileobj=self._raw, mode="rb")

    def read(self, place: AudioPlace) -> bytes:
        if place.offset < self._stream.tell():
            self._stream.rewind()
        while (ahead := place.offset - self._stream.tell()) > 0:
            if not self._stream.read(min(ahead, SKIP_BYTES)):
                return b""
        return self._stream.read(place.size)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _ParquetDump(_Archive):
    """A Parquet dump whose column ``audio`` is a struct of ``bytes`` and ``path``."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        # Not pre-buffered: that would hold a row group's audio, hundreds of megabytes, at once.
        self._parquet = pq.ParquetFile(self._raw, pre_buffer=False)
        if "audio" not in self._parquet.schema_arrow.names:
            raise StageFailed(f"{uri}: no column 'audio' any more; run ingest again")
        groups = range(self._parquet.num_row_groups)
        sizes = [self._parquet.metadata.row_group(group).num_rows for group in groups]
        self._starts = [0, *itertools.accumulate(sizes)]  # first row of each group, and the end
        self._group = -1  # that is being read
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._first, self._audio = 0, list[bytes | None]()  # the batch at hand

    def read(self, place: AudioPlace) -> bytes:
        row = place.offset
        if not 0 <= row < self._starts[-1]:
            return b""
        group = bisect.bisect_right(self._starts, row) - 1
        if group != self._group or row < self._first:
            self._group, self._first, self._audio = group, self._starts[group], []
            self._batches = self._parquet.iter_batches(
                PARQUET_ROWS, row_groups=[group], columns=["audio.bytes"]
            )
        while row >= self._first + len(self._audio):
            self._first += len(self._audio)
            self._audio = next(self._batches).column("audio").field("bytes").to_pylist()
        return self._audio[row - self._first] or b""

    def close(self) -> None:
        self._batches = iter(())
        self._parquet.close()
        super().close()


_ARCHIVES: dict[str, type[_Archive]] = {
    "tar": _Tar,
    "tar.gz": _PackedTar,
    "parquet": _ParquetDump,
}
