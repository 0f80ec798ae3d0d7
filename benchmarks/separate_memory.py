"""Memory and speed of separating one long recording: ``python -m benchmarks.separate_memory``.

Repeats the sample's sound to recordings, stereo at 44.1 kHz, and separates each with the embedded
model in a process of its own: memory must not grow with the recording.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.long_recording import Run, claims_of, series_of
from benchmarks.peers import run_json
from benchmarks.processes import module
from benchmarks.results import Result, finish, make_parser, version
from pipelines.params import load_params

_SAMPLE = Path("samples/drama/videos")
_RATE_HZ = 44_100
# Measured: 657 MB at 30 s, 844 MB at 2 min, 835 MB at 4 min. From here on it should be flat.
_CHUNKS_HELD = 3
_CLOSE_S = 0.1  # of the vocals' length to the recording's
SETTING = (
    "The embedded separator on one recording (FLAC, 44.1 kHz, stereo), the sample's sound over and "
    "over, to vocals; a process of its own for each size. Peak of resident memory with imports, "
    "CPU seconds without. The vocals are as long as the recording. Whether memory grows is told by "
    "the recordings of three chunks (90 s) and more: shorter ones do not fill what is held."
)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 when a bar is missed."""
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("--minutes", type=float, default=1.0, help="at 1x (default: %(default)s)")
    parser.add_argument("--separate", type=Path, metavar="FILE", help="only separate this one")
    arguments = parser.parse_args(argv)
    if arguments.separate is not None:
        print(json.dumps(separate(arguments.separate)))
        return 0
    started = time.monotonic()
    from_minutes = _CHUNKS_HELD * load_params("params.yaml").separate.chunk_s / 60
    runs = []
    for times in arguments.growth:
        minutes = times * arguments.minutes
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording.flac"
            write_recording(path, minutes * 60)
            for _ in range(arguments.rounds):
                found = run_json(module("benchmarks.separate_memory", "--separate", path))
                if abs(found["vocals_seconds"] - minutes * 60) > _CLOSE_S:
                    raise SystemExit(f"{found['vocals_seconds']} s of vocals of {minutes} min")
                runs.append(Run(minutes, found["cpu_seconds"], found["peak_mb"]))
    result = Result(
        benchmark="separate_memory",
        title="Separation of a long recording",
        setting=SETTING,
        claims=claims_of(runs, from_minutes),
        series=series_of(runs),
        versions={name: version(name) for name in ("numpy", "onnxruntime")},
    )
    return finish(result, arguments, started)


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


def separate(recording: Path) -> dict[str, float]:
    """Separates a recording in this process: what it used and how long the vocals are."""
    from pipelines.backends.separator import make_separator
    from pipelines.stages.vocals import write_vocals

    settings = load_params("params.yaml").separate.model_copy(update={"backend": "embedded"})
    started, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryFile() as out:
        facts = write_vocals(
            str(recording), make_separator(settings), settings, out, lambda seconds: None
        )
    return {
        "vocals_seconds": facts.seconds,
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


if __name__ == "__main__":
    sys.exit(main())
