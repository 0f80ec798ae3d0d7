"""Videos that are not what they should be, made of a good one."""

from __future__ import annotations

from pathlib import Path

import av


def remuxed(video: Path, path: Path, kinds: tuple[str, ...], *, index_first: bool = True) -> Path:
    """The same packets in a new file, of some kinds of stream, with the index first or last."""
    options = {"movflags": "faststart"} if index_first else {}
    with av.open(str(video)) as source, av.open(str(path), "w", options=options) as target:
        streams = {
            stream.index: target.add_stream_from_template(stream)
            for stream in source.streams
            if stream.type in kinds
        }
        for packet in source.demux([source.streams[index] for index in streams]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path


def without_picture(video: Path, path: Path) -> Path:
    """Sound alone."""
    return remuxed(video, path, ("audio",))


def cut_off(video: Path, path: Path, share: float) -> Path:
    """The first bytes of a video whose index comes first: it plays until it ends."""
    whole = remuxed(video, path.with_suffix(".whole.mp4"), ("video", "audio")).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def without_index(video: Path, path: Path) -> Path:
    """The first half of a video whose index comes last: nothing of it plays."""
    source = path.with_suffix(".whole.mp4")
    whole = remuxed(video, source, ("video", "audio"), index_first=False).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def damaged(video: Path, path: Path) -> Path:
    """A video with noise over some of its packets."""
    whole = remuxed(video, path.with_suffix(".whole.mp4"), ("video",)).read_bytes()
    middle = len(whole) // 2
    noise = bytes((7 * place) % 251 for place in range(2000))
    path.write_bytes(whole[:middle] + noise + whole[middle + len(noise) :])
    return path
