"""Memory and speed of diarizing one long recording: ``python -m benchmarks.diarize_memory``.

Makes a recording of the sample's two episodes over and over, each time begun elsewhere, and
diarizes it with the embedded diarizer in a process of its own, at a third of the length and at the
full one: memory must not grow with the recording. The target is below 2 GB for two hours.
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

import numpy as np

TARGET_MB = 2000
TRUE_SPEAKERS = 4  # in both episodes together
_RATE = 24_000  # of separated vocals
_SAMPLES = Path("samples/drama/audio")


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; 1 when memory misses the target."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--diarize", type=Path, help=argparse.SUPPRESS)  # the measured process
    arguments = parser.parse_args(argv)
    if arguments.diarize is not None:
        return _diarize(arguments.diarize)
    peaks = []
    for hours in (arguments.hours / 3, arguments.hours):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocals.flac"
            write_recording(path, hours * 3600)
            command = [sys.executable, "-m", "benchmarks.diarize_memory", "--diarize", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        facts = json.loads(done.stdout)
        peaks.append(facts["peak_mb"])
        print(
            f"{hours:.2f} h: {facts['cpu_seconds'] / hours / 3600:.3f} CPU-s a second of sound, "
            f"{facts['seconds']:.0f} s, {facts['peak_mb']:.0f} MB; {facts['turns']:,} turns of "
            f"{facts['speakers']} speakers ({TRUE_SPEAKERS} in truth)"
        )
    print(f"growth for 3 times the length: {peaks[1] - peaks[0]:+.0f} MB; target {TARGET_MB} MB")
    return int(max(peaks) >= TARGET_MB)


def write_recording(path: Path, seconds: float) -> None:
    """FLAC as ``separate`` writes it, of so many seconds."""
    import soundfile

    from pipelines.sound import load_sound

    episodes = [load_sound(str(one), _RATE, 1)[0] for one in sorted(_SAMPLES.rglob("*.opus"))]
    with soundfile.SoundFile(path, "w", _RATE, 1, "PCM_16", format="FLAC") as out:
        left, turn = round(seconds * _RATE), 0
        while left > 0:
            samples = np.roll(episodes[turn % len(episodes)], -turn * _RATE)[:left]
            out.write(samples)
            left, turn = left - len(samples), turn + 1


def _diarize(path: Path) -> int:
    from pipelines.backends.diarizer import make_diarizer
    from pipelines.params import load_params
    from pipelines.stages.speech_turns import diarize_file

    settings = load_params("params.yaml").diarize.model_copy(
        update={"backend": "embedded", "device": "cpu"}
    )
    started, used = time.monotonic(), time.process_time()
    turns = diarize_file(str(path), make_diarizer(settings), settings.chunk_s, lambda _: None)
    facts = {
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "turns": len(turns),
        "speakers": len({turn.speaker for turn in turns}),
    }
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
