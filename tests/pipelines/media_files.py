"""Media files for tests, made on the spot: any container, sound that begins late, has holes, ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
SAMPLE_VIDEOS = [
    ROOT / "samples" / "drama" / "videos" / name for name in ("-Kd8wPq3ZtE.mp4", "c7_Xm2RvLs0.mp4")
]
SAMPLE_AUDIO = sorted((ROOT / "samples" / "drama" / "audio").rglob("*.opus"))
# The first 26 s of the first episode's speech without its music; 16 kHz.
TRUE_VOCALS = ROOT / "tests" / "golden" / "drama" / "Y0000000000_-Kd8wPq3ZtE.vocals.flac"
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def noise(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> NDArray[np.float32]:
    """White noise [channels, frames], peak 0.5."""
    generator = np.random.default_rng(seed)
    shape = (channels, round(seconds * rate))
    return (generator.uniform(-0.5, 0.5, shape)).astype(np.float32)


def burst(seconds: float, rate: int, at: float, channels: int = 1) -> NDArray[np.float32]:
    """Silence with 20 ms of a 400 Hz tone around ``at`` seconds."""
    time = np.arange(round(seconds * rate)) / rate - at
    tone = 0.5 * np.cos(2 * np.pi * 400 * time) * np.exp(-0.5 * (time / 0.005) ** 2)
    return np.repeat(tone[None].astype(np.float32), channels, axis=0)


def centre(samples: NDArray[np.float32], rate: int) -> float:
    """Where the energy is, in seconds."""
    energy = (samples.astype(np.float64) ** 2).sum(axis=0)
    return float((energy * np.arange(len(energy))).sum() / energy.sum() / rate)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int, subtype: str = "FLOAT") -> Path:
    """A WAV file of samples [channels, frames]."""
    soundfile.write(path, samples.T, rate, subtype=subtype)
    return path


def write_media(
    path: Path,
    samples: NDArray[np.float32],
    rate: int,
    codec: str = "pcm_f32le",
    *,
    picture: bool = False,
    change: Callable[[Any], Any | None] = lambda packet: packet,
    container: str | None = None,
) -> Path:
    """Sound [channels, frames] in a container, with a black picture from 0 s on or without.

    Args:
        path: of the file; its ending tells the container.
        samples: the sound.
        rate: its sample rate in Hz.
        codec: FFmpeg's encoder.
        picture: whether there is a video track, one second long.
        change: gets every packet of sound; gives what is written instead, None to leave it out.
        container: FFmpeg's name of it, where the ending does not tell.
    """
    # Times are written as they are: by default FFmpeg moves those before 0 to 0.
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(path), "w", format=container, options=options) as out:
        video: Any = out.add_stream("mpeg4", rate=5) if picture else None
        sound: Any = out.add_stream(codec, rate=rate)
        sound.layout = _LAYOUTS[len(samples)]
        if video is not None:
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            for _ in range(5):
                black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                out.mux(video.encode(black))
            out.mux(video.encode(None))
        form = sound.format.name
        for packet in [*_encoded(sound, samples, rate, form), *sound.encode(None)]:
            changed = change(packet)
            if changed is not None:
                out.mux(changed)
    return path


def later(seconds: float, after: float = 0.0) -> Callable[[Any], Any]:
    """A change that moves packets from ``after`` on by so many seconds, in the file's clock."""

    def move(packet: Any) -> Any:  # noqa: ANN401
        if packet.pts is not None and float(packet.pts * packet.time_base) >= after - 1e-6:
            ticks = round(seconds / packet.time_base)
            packet.pts += ticks
            packet.dts += ticks
        return packet

    return move


def _encoded(sound: Any, samples: NDArray[np.float32], rate: int, form: str) -> Sequence[Any]:  # noqa: ANN401
    packets: list[Any] = []
    size = sound.codec_context.frame_size or 1024
    converter = av.AudioResampler(form, _LAYOUTS[len(samples)], rate)
    for begin in range(0, samples.shape[1], size):
        block = np.ascontiguousarray(samples[:, begin : begin + size].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, "flt", _LAYOUTS[len(samples)])
        frame.sample_rate, frame.pts = rate, begin
        for one in converter.resample(frame):
            one.pts = begin
            packets += sound.encode(one)
    return packets
