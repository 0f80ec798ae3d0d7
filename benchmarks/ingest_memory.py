"""Speed and memory of ingesting Emilia: ``python -m benchmarks.ingest_memory``.

Writes WebDataset tars and a metadata sidecar into a temporary folder and runs ``python -m
pipelines.ingest`` on them as a person would: memory must not grow with the corpus.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.processes import Usage, measured, module
from benchmarks.results import Claim, Result, Series, finish, make_parser, version

MEMORY_BAR_MB = 500.0
_UTTERANCES_PER_TAR = 50_000  # the largest tars of Emilia-YODAS hold so many
_UTTERANCES_PER_SOURCE = 10
_FRAMES = 8
# MPEG-2 layer III, 48 kb/s, 24 kHz, mono: 144 bytes and 576 samples a frame.
_FRAME = b"\xff\xf3\x64\xc4" + bytes(140)
_DURATION = _FRAMES * 576 / 24000
SETTING = (
    "`python -m pipelines.ingest` over WebDataset tars as Emilia ships them, clips of 0.2 s, with "
    "a sidecar of titles that every utterance finds its row in; one process with Beam's local "
    "runner, start and imports included."
)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 when the bar is missed."""
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument(
        "--utterances", type=int, default=62_500, help="at 1x (default: %(default)s)"
    )
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    used: dict[int, list[Usage]] = {}
    for times in arguments.growth:
        count = times * arguments.utterances
        with tempfile.TemporaryDirectory() as name:
            write_corpus(Path(name), count)
            for number in range(arguments.rounds):
                usage = ingest(Path(name), Path(name) / f"ingest{number}", count)
                used.setdefault(count, []).append(usage)
    peak = max(usage.peak_mb for found in used.values() for usage in found)
    text = f"peak memory, up to {max(used):,} utterances"
    result = Result(
        benchmark="ingest_memory",
        title="Ingest of Emilia",
        setting=SETTING,
        claims=(Claim(text, peak, "MB", MEMORY_BAR_MB, at_least=False),),
        series=tuple(series_of(used)),
        versions={name: version(name) for name in ("apache-beam", "pyarrow")},
    )
    return finish(result, arguments, started)


def series_of(used: dict[int, list[Usage]]) -> list[Series]:
    """Utterances a second by the clock and of CPU, then megabytes, by size."""
    rates, costs, peaks = [], [], []
    for count, found in sorted(used.items()):
        rate = tuple(count / one.seconds for one in found)
        rates.append(Series("ours", count, "utterances", "utterances/s", rate))
        cost = tuple(one.cpu_seconds / count * 1e6 for one in found)
        costs.append(Series("ours", count, "utterances", "CPU-us an utterance", cost))
        held = tuple(one.peak_mb for one in found)
        peaks.append(Series("ours", count, "utterances", "MB", held))
    return rates + costs + peaks


def ingest(corpus: Path, output: Path, utterances: int) -> Usage:
    """Runs the command; fails when it did not pass on every utterance, with its title."""
    parameters = corpus / "params.yaml"
    parameters.write_text(with_metadata(corpus / "metadata.jsonl"), encoding="utf-8")
    flags = ["--source", "emilia", "--input", str(corpus), "--output", str(output)]
    usage = measured(module("pipelines.ingest", *flags, "--params", parameters))
    facts = json.loads((output / "stage.json").read_text(encoding="utf-8"))
    if not facts["in"] == facts["out"] == utterances:
        raise SystemExit(f"{utterances} utterances, but in {facts['in']} and out {facts['out']}")
    return usage


def with_metadata(sidecar: Path) -> str:
    """The project's parameters, with the sidecar of this corpus."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["sources"]["emilia"]["metadata"] = [str(sidecar)]
    return str(yaml.safe_dump(params, allow_unicode=True))


def write_corpus(folder: Path, utterances: int) -> None:
    """A corpus of that many good utterances in as few tars as Emilia would use."""
    clip = _FRAME * _FRAMES
    for first in range(0, utterances, _UTTERANCES_PER_TAR):
        shard = first // _UTTERANCES_PER_TAR
        with (folder / f"EN-B{shard:06d}.tar").open("wb") as tar:
            for number in range(first, min(first + _UTTERANCES_PER_TAR, utterances)):
                source = f"EN_B{shard:05d}_S{number // _UTTERANCES_PER_SOURCE:07d}"
                key = f"{source}_W{number:07d}"
                row = (
                    f'{{"id": "{key}", "wav": "{source}/mp3/{key}.mp3", "text": " And line {number}'
                    f' is what is said in here, as far as anyone can tell.", "duration": '
                    f'{_DURATION}, "speaker": "{source}", "language": "en", "dnsmos": 3.2}}'
                ).encode()
                tar.write(_member(f"{key}.json", row) + _member(f"{key}.mp3", clip))
            tar.write(bytes(1024))
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as sidecar:
        for number in range(0, utterances, _UTTERANCES_PER_SOURCE):
            shard = number // _UTTERANCES_PER_TAR
            source = f"EN_B{shard:05d}_S{number // _UTTERANCES_PER_SOURCE:07d}"
            row_object = {
                "source_id": source,
                "title": f"The title of video {number}, which is about as long as titles are",
                "tags": ["talk", "interview", f"tag {number}"],
            }
            sidecar.write(json.dumps(row_object) + "\n")


def _member(name: str, payload: bytes) -> bytes:
    header = bytearray(512)
    header[: len(name)] = name.encode()
    header[100:108] = b"0000644\0"
    header[108:124] = b"0000000\0" * 2
    header[124:136] = b"%011o\0" % len(payload)
    header[136:148] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[156:157] = b"0"
    header[257:265] = b"ustar\x0000"
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + payload + bytes(-len(payload) % 512)


if __name__ == "__main__":
    sys.exit(main())
