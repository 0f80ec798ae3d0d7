"""Pictures of a video at given times, by seeking: an hour-long file is not decoded from its start.

Frame of reference: the file's own clock, as in :mod:`pipelines.sound`. The picture at a time is
the one on the screen then: the last one that begins at or before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipelines import files
from pipelines.errors import PipelineError, UsageError

Picture = NDArray[np.uint8]  # [height, width, 3], RGB

_SECOND_US = 1_000_000
# A sound track may outlast the picture a little; the last picture stands for so long after its
# end. The samples of a scene's last moments fall in here, a video that was cut off does not.
_LAST_PICTURE_STANDS_US = _SECOND_US // 2
# So far ahead a seek is always the shorter way, also in a file without an index.
_SEEK_AHEAD_US = 30 * _SECOND_US
# Where a container has no index, a seek may land after the last keyframe before a time.
_FURTHER_BACK_US = (5 * _SECOND_US, 30 * _SECOND_US, 24 * 3600 * _SECOND_US)
# Decoding threads: some speed for a lone worker, little harm where every core has one.
_THREADS = 4
_BAD_PACKETS = 1000  # in a row, that are skipped in search of a picture


class PicturesUnreadable(PipelineError):
    """No pictures at these times: not a video, cut off before, or damaged there."""


class Video:
    """An open video. One thread at a time may use it."""

    def __init__(self, path: str, height_px: int) -> None:
        """Opens the file.

        Args:
            path: a local file of any kind that FFmpeg reads.
            height_px: taller pictures are scaled down to it, width in proportion.

        Raises:
            PicturesUnreadable: there is no such file, or no moving picture in it.
        """
        self.path = path
        self._height_px = height_px
        self._frames: Iterator[VideoFrame] = iter(())
        self._shown: VideoFrame | None = None  # the picture that begins last before the position
        self._next: VideoFrame | None = None
        try:
            files.open_read(path).close()  # FFmpeg would wait for a pipe
            # The prefix and the list keep a file from naming others: a playlist, say.
            self._container: InputContainer = av.open(
                f"file:{path}", options={"protocol_whitelist": "file"}
            )
        except (av.FFmpegError, OSError, UsageError) as error:
            said = _plain(error).removeprefix(f"{path}: ")
            raise PicturesUnreadable(f"{path}: {said}") from error
        moving = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not moving:
            self._container.close()
            raise PicturesUnreadable(f"{path}: no moving picture in it")
        self._stream: VideoStream = moving[0]
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _THREADS

    def pictures(self, times_us: Sequence[int]) -> list[Picture]:
        """The picture at each time; fastest where times rise.

        Args:
            times_us: microseconds from the start of the recording.

        Raises:
            PicturesUnreadable: the video has no picture at one of the times.
        """
        try:
            return [self._scaled(self._at(time_us)) for time_us in times_us]
        except (av.FFmpegError, OSError) as error:
            raise PicturesUnreadable(f"{self.path}: {_plain(error)}") from error

    def close(self) -> None:
        """Closes the file."""
        self._shown = self._next = None
        self._frames = iter(())
        self._container.close()

    def __enter__(self) -> Self:
        """The video, closed when the ``with`` block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the video."""
        self.close()

    def _at(self, time_us: int) -> VideoFrame:
        if self._needs_seek(time_us):
            self._seek(time_us)
        while self._next is not None and _begins(self._next) <= time_us:
            self._shown, self._next = self._next, next(self._frames, None)
        shown = self._shown
        if shown is None:
            if self._next is None:
                raise PicturesUnreadable(f"{self.path}: no picture at {_told(time_us)}")
            return self._next  # the picture begins a little after the sound
        if self._next is None:
            ends = _begins(shown) + _lasts(shown, self._stream)
            if time_us > ends + _LAST_PICTURE_STANDS_US:
                raise PicturesUnreadable(
                    f"{self.path}: no picture at {_told(time_us)}, the last one ends at "
                    f"{_told(ends)}"
                )
        return shown

    def _needs_seek(self, time_us: int) -> bool:
        """Whether decoding on from the present position is not the shortest way."""
        position = self._shown or self._next
        if position is None or not 0 <= time_us - _begins(position) <= _SEEK_AHEAD_US:
            return True
        keyframe_us = self._keyframe_before(time_us)
        return keyframe_us is not None and keyframe_us > _begins(self._next or position)

    def _keyframe_before(self, time_us: int) -> int | None:
        """Where a seek would land; None where the file has no index."""
        index, base = self._stream.index_entries, self._stream.time_base
        if base is None or not len(index):
            return None
        place = index.search_timestamp(int(time_us / _SECOND_US / base))
        return None if place < 0 else round(index[place].timestamp * base * _SECOND_US)

    def _seek(self, time_us: int) -> None:
        base = self._stream.time_base
        assert base is not None  # noqa: S101  (a stream of a container has one)
        for back_us in (0, *_FURTHER_BACK_US):
            from_us = max(time_us - back_us, 0)
            self._container.seek(int(from_us / _SECOND_US / base), stream=self._stream)
            self._frames = self._decode()
            self._shown, self._next = None, next(self._frames, None)
            if self._next is not None and _begins(self._next) <= time_us:
                return

    def _decode(self) -> Iterator[VideoFrame]:
        """Pictures from here on; damaged packets are passed over."""
        bad = 0
        packets = self._container.demux(self._stream)
        while bad < _BAD_PACKETS:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.InvalidDataError:
                bad += 1
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame) and frame.pts is not None:
                    bad = 0
                    yield frame

    def _scaled(self, frame: VideoFrame) -> Picture:
        shape = self._stream.sample_aspect_ratio or 1  # of a pixel: old discs have oblong ones
        height = min(frame.height, self._height_px)
        width = max(round(frame.width * shape * height / frame.height), 1)
        scaled = frame.reformat(width=width, height=height, format="rgb24")
        return np.asarray(scaled.to_ndarray(), dtype=np.uint8)


def jpeg(picture: Picture, quality: int) -> bytes:
    """The picture as a JPEG file.

    Args:
        picture: RGB.
        quality: 1 to 95.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _begins(frame: VideoFrame) -> int:
    """Microseconds."""
    assert frame.pts is not None and frame.time_base is not None  # noqa: S101  (see _decode)
    return round(frame.pts * frame.time_base * _SECOND_US)


def _lasts(frame: VideoFrame, stream: VideoStream) -> int:
    """Microseconds; 0 where nothing says."""
    if frame.duration and frame.time_base is not None:
        return round(frame.duration * frame.time_base * _SECOND_US)
    return round(_SECOND_US / stream.average_rate) if stream.average_rate else 0


def _told(time_us: int) -> str:
    return f"{time_us / _SECOND_US:.2f} s"


def _plain(error: Exception) -> str:
    """FFmpeg's message without the path, which says where and not what."""
    return getattr(error, "strerror", None) or str(error)
