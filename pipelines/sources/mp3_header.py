"""MPEG audio (mp3) facts from frame headers: MPEG 1, 2 and 2.5, layers I to III.

Three ways, the cheapest that is sure: a Xing, Info or VBRI header states the number of frames;
frames of one bit rate give the duration by size (an estimate, as the rate may change later); and
when the whole clip is at hand, its frames are counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pipelines.sources.audio_facts import AudioFacts, AudioUnreadable

_BIT_RATES = {  # kb/s by (MPEG 1 or not, layer); index 0 is "free format", which nobody ships
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_JUNK_BYTES = 65536  # filling that may stand between a tag and the first frame


class _Frame(NamedTuple):
    kind: tuple[int, int, int]  # version, layer and sample rate: constant within a clip
    sample_rate_hz: int
    num_channels: int
    samples: int  # a channel
    bits_per_second: int
    size: int  # bytes
    side_info: int  # offset of a Xing header in the frame


@lru_cache(maxsize=4096)
def _frame(header: bytes) -> _Frame | None:
    """The frame that a 4-byte header announces; None for bytes that are no header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, sample_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index in (0, 15) or sample_index == 3:
        return None
    first = version == 3
    rate = _SAMPLE_RATES[version][sample_index]
    bits = _BIT_RATES[first, layer][rate_index - 1] * 1000
    padding = header[2] >> 1 & 1
    channels = 1 if header[3] >> 6 == 3 else 2
    if layer == 1:
        samples, size = 384, (12 * bits // rate + padding) * 4
    else:
        samples = 576 if layer == 3 and not first else 1152
        size = samples // 8 * bits // rate + padding
    side_info = 4 + (17 if first == (channels == 1) else 32 if first else 9)
    return _Frame((version, layer, rate), rate, channels, samples, bits, size, side_info)


def probe_mp3(head: bytes, size: int) -> AudioFacts | None:
    """The facts of an mp3, or None when its head does not tell and the clip must be read whole.

    Args:
        head: first bytes of the clip.
        size: bytes of the whole clip.

    Raises:
        AudioUnreadable: the whole clip is at hand and holds no MPEG audio.
    """
    start, frame = _first_frame(head, size)
    if frame is None:
        if len(head) < size and size <= 2**28:
            return None
        raise AudioUnreadable("no MPEG audio frame in it" if size else "no bytes")
    stated = _stated(head, start, frame)
    if stated is not None:
        samples, stated_bytes = stated
        duration, is_complete = samples / frame.sample_rate_hz, True
        # The byte count covers the frames from the header on; tags behind them are not in it.
        if stated_bytes and size - start < stated_bytes:
            duration, is_complete = duration * (size - start) / stated_bytes, False
        return _facts(frame, duration, is_complete, is_estimate=False)
    if len(head) < size:
        if not _is_constant(head, start, frame):
            return None
        duration = (size - start) * 8 / frame.bits_per_second
        return _facts(frame, duration, is_complete=True, is_estimate=True)
    frames, is_complete = _count_frames(head, start, frame)
    if not frames:
        return _facts(frame, 0.0, is_complete=False, is_estimate=False)
    duration = frames * frame.samples / frame.sample_rate_hz
    return _facts(frame, duration, is_complete, is_estimate=False)


def _facts(frame: _Frame, duration: float, is_complete: bool, is_estimate: bool) -> AudioFacts:
    rate, channels = frame.sample_rate_hz, frame.num_channels
    return AudioFacts("mp3", rate, channels, duration, is_complete, is_estimate)


def _first_frame(head: bytes, size: int) -> tuple[int, _Frame | None]:
    start = 0
    while head[start : start + 3] == b"ID3" and start + 10 <= len(head):
        parts = head[start + 6 : start + 10]
        length = parts[0] << 21 | parts[1] << 14 | parts[2] << 7 | parts[3]
        start += 10 + length + (10 if head[start + 5] & 0x10 else 0)
    frame = _frame(head[start : start + 4])
    if frame is not None:
        end = start + frame.size
        # A single frame, whole or cut, is believed only in the place where one must be.
        if end + 4 > size or (end + 4 > len(head)) or _is_frame(head, end, frame):
            return start, frame
    position = head.find(b"\xff", start, start + _JUNK_BYTES)
    while position >= 0:
        frame = _frame(head[position : position + 4])
        if frame is not None and _is_frame(head, position + frame.size, frame):
            return position, frame
        position = head.find(b"\xff", position + 1, start + _JUNK_BYTES)
    return start, None


def _is_frame(head: bytes, position: int, like: _Frame) -> bool:
    frame = _frame(head[position : position + 4])
    return frame is not None and frame.kind == like.kind


def _stated(head: bytes, start: int, frame: _Frame) -> tuple[int, int] | None:
    """Samples of audio and bytes of frames as a Xing, Info or VBRI header states them."""
    mark = start + frame.side_info
    if head[mark : mark + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(head[mark + 4 : mark + 8], "big")
        if not flags & 1 or mark + 16 > len(head):
            return None
        frames = int.from_bytes(head[mark + 8 : mark + 12], "big")
        stated_bytes = int.from_bytes(head[mark + 12 : mark + 16], "big") if flags & 2 else 0
        samples = frames * frame.samples
        lame = mark + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
        trimmed = head[lame + 21 : lame + 24]
        if head[lame : lame + 4] in (b"LAME", b"Lavc", b"Lavf") and len(trimmed) == 3:
            both = int.from_bytes(trimmed, "big")
            samples = max(0, samples - (both >> 12) - (both & 0xFFF))
        return samples, stated_bytes
    vbri = start + 36  # always 32 bytes behind the frame's own header
    if head[vbri : vbri + 4] == b"VBRI" and vbri + 18 <= len(head):
        frames = int.from_bytes(head[vbri + 14 : vbri + 18], "big")
        return frames * frame.samples, int.from_bytes(head[vbri + 10 : vbri + 14], "big")
    return None


def _is_constant(head: bytes, position: int, frame: _Frame) -> bool:
    """Whether all frames in the head have the bit rate of the first."""
    while position + 4 <= len(head):
        current = _frame(head[position : position + 4])
        if current is None or current.bits_per_second != frame.bits_per_second:
            return False
        position += current.size
    return True


def _count_frames(clip: bytes, position: int, like: _Frame) -> tuple[int, bool]:
    """Number of whole frames, and whether the clip ends where a frame does."""
    count = 0
    while position + 4 <= len(clip):
        frame = _frame(clip[position : position + 4])
        if frame is None or frame.kind != like.kind:
            if clip[position : position + 3] == b"TAG" or clip.startswith(b"APETAGEX", position):
                return count, True
            position = clip.find(b"\xff", position + 1)  # damage inside: on to the next frame
            if position < 0:
                return count, True
            continue
        if position + frame.size > len(clip):
            return count, False
        count += 1
        position += frame.size
    return count, True
