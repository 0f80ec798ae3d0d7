"""The sound of a media file as a stream of samples, in bounded memory.

Frame of reference: sample 0 is time 0 of the file's own clock (what a player shows as 0:00), so
that a time of the transcript is a place in the samples. A sound track that begins later is padded
with silence, one that begins earlier (the priming of an encoder) is cut, and a hole in the middle
(a fragment that the download skipped, a packet that does not decode) is filled with silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipelines import files
from pipelines.errors import PipelineError, UsageError
from pipelines.mixdown import mix_down
from pipelines.resampling import Resampler

Samples = NDArray[np.float32]  # [channels, frames], -1 to 1

_JITTER_S = 0.1  # between a frame's stated time and its place; what is more is a hole
_MAX_SILENCE_S = 3600.0  # filled in one file; holes beyond it are taken for a jump of its clock
_LOUDEST = 1e3  # a sample beyond it, or that is no number, is not sound
# A playlist that calls itself a video must not make FFmpeg open other files or addresses.
_OPTIONS = {"protocol_whitelist": "none"}


class SoundUnreadable(PipelineError):
    """A file without sound, or with sound that does not decode."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch where the file has no sound, at its start or later; silence in the samples."""

    start: float  # seconds from the start of the recording
    duration: float  # seconds


def stream_sound(
    path: str,
    sample_rate_hz: int,
    num_channels: int,
    block_s: float = 10.0,
    holes: list[Hole] | None = None,
) -> Iterator[Samples]:
    """The sound in blocks of ``block_s`` seconds, the last one shorter.

    Args:
        path: video or audio of any kind that FFmpeg reads, also as a URL.
        sample_rate_hz: of the result; resampled where the file has another.
        num_channels: 1 or 2; mixed down (:mod:`pipelines.mixdown`) or doubled where the file has
            other channels. Nothing gets louder by it.
        block_s: seconds a block, at most.
        holes: gets the holes that were filled, while the stream is read.

    Raises:
        SoundUnreadable: there is no such file, no sound in it, or it stops being readable.
    """
    block = max(round(block_s * sample_rate_hz), 1)
    waiting: list[Samples] = []
    held = 0
    for piece in _pieces(path, sample_rate_hz, num_channels, [] if holes is None else holes):
        waiting.append(piece)
        held += piece.shape[1]
        if held >= block:
            joined = np.concatenate(waiting, axis=1)
            whole = held // block * block
            for at in range(0, whole, block):
                yield joined[:, at : at + block]
            waiting, held = [joined[:, whole:]], held - whole
    if held:
        yield np.concatenate(waiting, axis=1)


def load_sound(path: str, sample_rate_hz: int, num_channels: int) -> Samples:
    """All of it at once: four bytes a sample, 230 MB an hour of mono at 16 kHz.

    Raises:
        SoundUnreadable: as :func:`stream_sound`.
    """
    blocks = list(stream_sound(path, sample_rate_hz, num_channels))
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((num_channels, 0), np.float32)


def _pieces(
    path: str, sample_rate_hz: int, num_channels: int, holes: list[Hole]
) -> Iterator[Samples]:
    """The sound as it comes, each piece checked, holes filled in pieces of a second."""
    at = 0  # samples so far; below 0 they are before time 0 and are dropped
    for piece in _runs(path, sample_rate_hz, num_channels):
        if isinstance(piece, float):  # the time at which the next samples begin
            wanted = round(piece * sample_rate_hz)
            if at == 0 and wanted < 0:
                at = wanted
            elif wanted > at:
                holes.append(Hole(at / sample_rate_hz, (wanted - at) / sample_rate_hz))
                while at < wanted:
                    silence = min(wanted - at, sample_rate_hz)
                    yield np.zeros((num_channels, silence), np.float32)
                    at += silence
            continue
        if not np.abs(piece).max(initial=0.0) < _LOUDEST:
            raise SoundUnreadable(f"{path}: at {at / sample_rate_hz:.3f} s, a sample is no sound")
        kept = piece[:, max(-at, 0) :]
        at += piece.shape[1]
        if kept.shape[1]:
            yield kept


def _runs(path: str, sample_rate_hz: int, num_channels: int) -> Iterator[Samples | float]:
    """Runs of frames without a hole or a change of format: the time of the first, then samples."""
    try:
        with (
            files.open_read(path) as stream,
            av.open(stream, mode="r", metadata_errors="replace", options=_OPTIONS) as container,
        ):
            if not container.streams.audio:
                raise SoundUnreadable(f"{path}: no sound track")
            origin = max((container.start_time or 0) / av.time_base, 0.0)
            clock = _Clock()
            run: Resampler | None = None
            form = None
            for frame in _frames(path, container):
                stated = None if frame.time is None else frame.time - origin
                hole = clock.jump(stated)
                found = (frame.format.name, frame.layout.name, frame.sample_rate)
                if run is not None and (hole or found != form):
                    yield from _mixed(run, run.finish(), num_channels)
                if run is None or hole or found != form:
                    run, form = Resampler(frame.layout, sample_rate_hz), found
                if hole:
                    yield clock.now
                clock.advance(frame.samples / frame.sample_rate)
                yield from _mixed(run, run.push(frame), num_channels)
            if run is not None:
                yield from _mixed(run, run.finish(), num_channels)
    except (av.FFmpegError, OSError, ValueError, UsageError) as error:
        found_line = " ".join(str(error).split())
        raise SoundUnreadable(f"{path}: {found_line.removeprefix(f'{path}: ')}") from error


class _Clock:
    """Where the next frame should be, and how much silence was filled in so far. In seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ahead = 0.0  # of `now`: a clock that jumped, and is no longer followed to there
        self._silence = 0.0
        self._started = False

    def jump(self, stated: float | None) -> bool:
        """Whether there is a hole before a frame of this time; then `now` is behind the hole."""
        first, self._started = not self._started, True
        if stated is None:
            return False
        gap = stated - self._ahead - self.now
        if gap == 0 or (abs(gap) <= _JITTER_S and not first):
            return False
        if (gap < 0 and not first) or self._silence + abs(gap) > _MAX_SILENCE_S:
            self._ahead += gap
            return False
        self._silence += max(gap, 0.0)
        self.now += gap
        return True

    def advance(self, duration: float) -> None:
        """Moves on by a frame."""
        self.now += duration


def _frames(path: str, container: Any) -> Iterator[Any]:  # noqa: ANN401  (av's, partly typed)
    """The frames of the first sound track; packets that do not decode are passed over."""
    found, said = False, "it is empty"
    for packet in container.demux(container.streams.audio[0]):
        try:
            decoded = packet.decode()
        except av.FFmpegError as error:
            said = str(error)
            continue
        for frame in decoded:
            found = True
            yield frame
    if not found:
        raise SoundUnreadable(f"{path}: nothing of the sound track can be decoded: {said}")


def _mixed(run: Resampler, pieces: Iterator[Samples], num_channels: int) -> Iterator[Samples]:
    for samples in pieces:
        yield mix_down(samples, run.channels, num_channels)
