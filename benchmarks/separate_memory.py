"""Speed and memory of separation: ``python -m benchmarks.separate_memory --minutes 120``.

Repeats the sample's sound to a recording of that length, stereo at 44.1 kHz, and separates it with
the embedded model in a process of its own, at a third of the length and at the full length: memory
must not grow with the recording. Prints seconds of CPU a second of sound, and the peak of resident
memory. The target is below 2 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET_MB = 2000
MAX_GROWTH = 0.1  # of the peak, for three times the length
_SAMPLE = Path("samples/drama/videos")
_RATE_HZ = 44_100


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; 1 when memory misses the target or grows."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=6.0, help="of the longer recording")
    parser.add_argument("--separate", type=Path, help=argparse.SUPPRESS)  # the measured process
    arguments = parser.parse_args(argv)
    if arguments.separate is not None:
        return _separate(arguments.separate)
    peaks = []
    for minutes in (arguments.minutes / 3, arguments.minutes):
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / "recording.flac"
            write_recording(recording, minutes * 60)
            command = [sys.executable, "-m", "benchmarks.separate_memory", "--separate"]
            done = subprocess.run(
                [*command, str(recording)], check=True, stdout=subprocess.PIPE, text=True
            )
        facts = json.loads(done.stdout)
        peaks.append(facts["peak_mb"])
        print(
            f"{minutes:,.1f} min: {facts['cpu_seconds'] / (minutes * 60):.3f} CPU-s a second of "
            f"sound, {facts['seconds'] / 60:.1f} min, {facts['peak_mb']:.0f} MB",
            flush=True,
        )
    print(f"growth for 3 times the length: {peaks[1] - peaks[0]:+.0f} MB; target {TARGET_MB} MB")
    return int(max(peaks) >= TARGET_MB or peaks[1] > (1 + MAX_GROWTH) * peaks[0])


def write_recording(path: Path, seconds: float) -> None:
    """The sample's first video's sound, over and over, as FLAC of 16 bits."""
    import soundfile

    from pipelines.sound import load_sound

    sound = load_sound(str(sorted(_SAMPLE.glob("*.mp4"))[0]), _RATE_HZ, 2).T
    left = round(seconds * _RATE_HZ)
    with soundfile.SoundFile(path, "w", _RATE_HZ, 2, "PCM_16", format="FLAC") as flac:
        while left > 0:
            flac.write(sound[:left])
            left -= len(sound)


def _separate(recording: Path) -> int:
    from pipelines.backends.separator import make_separator
    from pipelines.params import load_params
    from pipelines.stages.vocals import write_vocals

    settings = load_params("params.yaml").separate.model_copy(update={"backend": "embedded"})
    started, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryFile() as out:
        facts = write_vocals(
            str(recording), make_separator(settings), settings, out, lambda seconds: None
        )
    figures = {
        "vocals_seconds": facts.seconds,
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
