"""Audio of a kind that no shard carries (AAC in mp4 or m4a, webm), decoded once and kept as FLAC.

Lhotse decodes audio in memory with libsndfile, which reads no such container. FLAC keeps what the
decoder gives, sample for sample, at the rate and with the channels the clip has.
"""

from __future__ import annotations

import io

import av
import numpy as np
import soundfile

from manifests.audio import AudioUndecodable

FORMAT = "flac"


def as_flac(audio: bytes) -> bytes:
    """The first sound track of a media file as 16-bit FLAC; the same bytes for the same file.

    Raises:
        AudioUndecodable: PyAV does not read it, or it has no sound.
    """
    blocks = []
    try:
        with av.open(io.BytesIO(audio), "r") as container:
            track = next(iter(container.streams.audio), None)
            if track is None:
                raise AudioUndecodable("a media file without sound")
            rate = track.rate
            to_16_bit = av.AudioResampler(format="s16", layout=track.layout, rate=rate)
            for frame in container.decode(track):
                blocks += [part.to_ndarray() for part in to_16_bit.resample(frame)]
            blocks += [part.to_ndarray() for part in to_16_bit.resample(None)]
            channels = track.channels
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise AudioUndecodable(f"does not decode: {type(error).__name__}") from error
    if not blocks:
        raise AudioUndecodable("decodes to nothing")
    samples = np.concatenate(blocks, axis=1).reshape(-1, channels)  # packed: channels alternate
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
