"""Format, rate, channels and duration of encoded audio, from its headers, without decoding.

MPEG audio is in :mod:`pipelines.sources.mp3_header`. What is not recognised here goes to PyAV,
which reads container headers only.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from pipelines.errors import StageFailed
from pipelines.sources.audio_facts import AudioFacts, AudioUnreadable
from pipelines.sources.mp3_header import probe_mp3

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

HEAD_BYTES = 4096  # enough for every header but a tag with a picture, and one read of a tar
MAX_CLIP_BYTES = 256 * 2**20  # no utterance is larger; a hostile archive may say it is


def probe(head: bytes, size: int, read_whole: Callable[[], bytes]) -> AudioFacts:
    """The facts of one clip.

    Args:
        head: first bytes of the clip, all of it where that is at hand.
        size: bytes of the whole clip.
        read_whole: gives the whole clip; called only when the head does not tell enough.

    Raises:
        AudioUnreadable: not audio of a known kind, or too damaged to say what it is.
    """
    if size > MAX_CLIP_BYTES:
        raise AudioUnreadable(f"{size} bytes, more than any utterance has")
    facts = _probe_head(head, size)
    if facts is None:
        if len(head) < size:
            head = read_whole()
            facts = _probe_head(head, len(head))
        if facts is None:
            facts = probe_container(io.BytesIO(head), len(head))
    return facts


def probe_whole(clip: bytes) -> AudioFacts:
    """The facts of a clip that is in memory; never an estimate.

    Raises:
        AudioUnreadable: not audio of a known kind, or too damaged to say what it is.

    >>> import struct
    >>> fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    >>> wav = b"RIFF" + bytes(4) + b"WAVE" + fmt + b"data" + struct.pack("<I", 16000) + bytes(16000)
    >>> facts = probe_whole(wav)
    >>> facts.format, facts.sample_rate_hz, facts.num_channels, facts.duration
    ('wav', 8000, 1, 1.0)
    """
    return probe(clip, len(clip), lambda: clip)


def _probe_head(head: bytes, size: int) -> AudioFacts | None:
    magic = head[:4]
    if magic == b"RIFF" and head[8:12] == b"WAVE":
        return _probe_wav(head, size)
    if magic == b"fLaC":
        return _probe_flac(head)
    if magic == b"OggS":
        return _probe_ogg(head) if len(head) == size else None
    if head[4:8] == b"ftyp" or magic == b"\x1aE\xdf\xa3":
        return None
    return probe_mp3(head, size)


def _probe_wav(head: bytes, size: int) -> AudioFacts | None:
    position, layout = 12, None
    while position + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, position)
        body = position + 8
        if name == b"fmt " and body + 16 <= len(head):
            layout = struct.unpack_from("<HHII", head, body)
        elif name == b"data" and layout is not None:
            _, channels, rate, bytes_per_second = layout
            if not (channels and rate and bytes_per_second):
                raise AudioUnreadable("a wav header with a rate or channel count of zero")
            # Streamed wav files state 0 or the largest number: the length was not known.
            stated = size - body if length in (0, 0xFFFFFFFF) else length
            present = min(stated, size - body)
            return AudioFacts(
                "wav", rate, channels, present / bytes_per_second, present == stated, False
            )
        position = body + length + length % 2
    if len(head) < size:
        return None
    raise AudioUnreadable("a wav file without format or samples")


def _probe_flac(head: bytes) -> AudioFacts:
    if len(head) < 26 or head[4] & 0x7F != 0:
        raise AudioUnreadable("a flac file without stream information")
    packed = int.from_bytes(head[18:26], "big")
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    if not rate or not samples:
        raise AudioUnreadable("a flac file that does not state its rate or length")
    return AudioFacts("flac", rate, channels, samples / rate, True, False)


def _probe_ogg(clip: bytes) -> AudioFacts:
    body = 27 + (clip[26] if len(clip) > 26 else 0)
    first = clip[body : body + 32]
    last = clip.rfind(b"OggS")
    if len(first) < 19 or last + 27 > len(clip):
        raise AudioUnreadable("an ogg file that ends in its first page")
    granule = int.from_bytes(clip[last + 6 : last + 14], "little", signed=True)
    # Bit 2 of the flags marks the last page of the stream: without it the file was cut.
    is_complete = bool(clip[last + 5] & 4)
    if first.startswith(b"OpusHead"):
        channels, skipped = first[9], int.from_bytes(first[10:12], "little")
        form, rate, samples = "opus", 48000, granule - skipped  # Opus counts in 48 kHz always
    elif first.startswith(b"\x01vorbis"):
        channels, rate = first[11], int.from_bytes(first[12:16], "little")
        form, samples = "ogg", granule
    else:
        raise AudioUnreadable("an ogg file with neither Opus nor Vorbis first")
    if not channels or not rate or samples < 0:
        raise AudioUnreadable(f"an {form} header with impossible numbers")
    return AudioFacts(form, rate, channels, samples / rate, is_complete, False)


def probe_container(stream: BinaryIO, size: int) -> AudioFacts:
    """The facts of a media container (mp4, m4a, webm), from its index: no picture is read.

    Args:
        stream: the whole clip, seekable, at its start.
        size: bytes of the clip.

    Raises:
        AudioUnreadable: not a container that PyAV knows, or one without audio.
        StageFailed: PyAV is not installed.
    """
    if size > MAX_CLIP_BYTES:
        raise AudioUnreadable(f"{size} bytes, more than any utterance has")
    try:
        import av  # not part of the core install: few corpora ship such files
    except ImportError as error:
        message = "mp4, m4a or webm needs PyAV to be read: install the extra `shards`"
        raise StageFailed(message) from error
    try:
        with av.open(stream, "r") as container:
            track = next(iter(container.streams.audio), None)
            if track is None or not track.rate or not track.channels:
                raise AudioUnreadable("a media file without audio")
            name, unit = container.format.name, track.time_base
            form = "m4a" if "mp4" in name else "webm" if "matroska" in name else name
            if form == "webm":
                # Browsers record webm with no length in it, or a wrong one: its packets tell.
                duration = _packets_s(container, track)
            elif track.duration is not None and unit is not None:
                duration = float(track.duration * unit)
            elif container.duration is not None:
                duration = container.duration / 1e6  # AV_TIME_BASE: microseconds
            else:
                raise AudioUnreadable("a media file that does not state its length")
            return AudioFacts(form, track.rate, track.channels, duration, True, False)
    except (av.FFmpegError, ValueError, OverflowError, AttributeError) as error:
        # AttributeError: PyAV's for a track of a codec that it does not know.
        raise AudioUnreadable(f"not audio of a known kind ({type(error).__name__})") from error


def _packets_s(container: InputContainer, track: AudioStream) -> float:
    """Seconds from the first packet's start to the last one's end; nothing is decoded."""
    unit, times = track.time_base, list[tuple[int, int]]()
    for packet in container.demux(track):
        if packet.pts is not None:
            times.append((packet.pts, packet.pts + (packet.duration or 0)))
    if unit is None or not times:
        raise AudioUnreadable("a media file whose sound track is empty")
    return float((max(end for _, end in times) - min(start for start, _ in times)) * unit)
