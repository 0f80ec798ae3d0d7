"""Memory and speed of diarizing one long recording: ``python -m benchmarks.diarize_memory``.

Makes recordings of the sample's two episodes over and over, each time begun elsewhere, and
diarizes each with the embedded diarizer in a process of its own: memory must not grow with the
recording.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.long_recording import Run, claims_of, series_of
from benchmarks.peers import run_json
from benchmarks.processes import module
from benchmarks.results import Claim, Result, finish, make_parser, version
from pipelines.params import load_params

TRUE_SPEAKERS = 4  # in both episodes together
_RATE = 24_000  # of separated vocals
_SAMPLES = Path("samples/drama/audio")
SETTING = (
    "The embedded diarizer on one recording as `separate` writes it (FLAC, 24 kHz, mono), the "
    "sample's two episodes over and over, in chunks of 10 min as in params.yaml; a process of its "
    "own for each size. Peak of resident memory with imports, CPU seconds without. Whether memory "
    "grows is told by the recordings that are longer than a chunk."
)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 when a bar is missed."""
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("--minutes", type=float, default=4.0, help="at 1x (default: %(default)s)")
    parser.add_argument("--diarize", type=Path, metavar="FILE", help="only diarize this one")
    arguments = parser.parse_args(argv)
    if arguments.diarize is not None:
        print(json.dumps(diarize(arguments.diarize)))
        return 0
    started = time.monotonic()
    from_minutes = load_params("params.yaml").diarize.chunk_s / 60
    runs = []
    for times in arguments.growth:
        minutes = times * arguments.minutes
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocals.flac"
            write_recording(path, minutes * 60)
            for _ in range(arguments.rounds):
                found = run_json(module("benchmarks.diarize_memory", "--diarize", path))
                runs.append(Run(minutes, found["cpu_seconds"], found["peak_mb"]))
    linked = Claim(
        f"speakers linked over {minutes:g} min", found["speakers"], "speakers", TRUE_SPEAKERS
    )
    result = Result(
        benchmark="diarize_memory",
        title="Diarization of a long recording",
        setting=SETTING,
        claims=(*claims_of(runs, from_minutes), linked),
        series=series_of(runs),
        versions={name: version(name) for name in ("numpy", "onnxruntime")},
    )
    return finish(result, arguments, started)


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


def diarize(path: Path) -> dict[str, float]:
    """Diarizes a recording in this process: what it used and found."""
    from pipelines.backends.diarizer import make_diarizer
    from pipelines.stages.speech_turns import diarize_file

    settings = load_params("params.yaml").diarize.model_copy(
        update={"backend": "embedded", "device": "cpu"}
    )
    started, used = time.monotonic(), time.process_time()
    turns = diarize_file(str(path), make_diarizer(settings), settings.chunk_s, lambda _: None)
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "turns": len(turns),
        "speakers": len({turn.speaker for turn in turns}),
    }


if __name__ == "__main__":
    sys.exit(main())
