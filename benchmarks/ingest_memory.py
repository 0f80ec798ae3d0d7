"""Speed and memory of reading Emilia: ``python -m benchmarks.ingest_memory --utterances 1000000``.

Writes WebDataset tars and a metadata sidecar into a temporary folder, reads them in a process of
its own, and prints utterances a second and the peak of resident memory, at a third of the size and
at the full size: memory must not grow with the corpus. The target is below 500 MB.
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

from schemas import Utterance

TARGET_MB = 500
_UTTERANCES_PER_TAR = 50_000  # the largest tars of Emilia-YODAS hold so many
_UTTERANCES_PER_SOURCE = 10
_FRAMES = 8
# MPEG-2 layer III, 48 kb/s, 24 kHz, mono: 144 bytes and 576 samples a frame.
_FRAME = b"\xff\xf3\x64\xc4" + bytes(140)
_DURATION = _FRAMES * 576 / 24000


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; 1 when memory misses the target."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument(
        "--stage", choices=["reader", "ingest"], default="reader", help="what to measure"
    )
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)  # the measured process
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.read is not None:
        return _read(arguments.read)
    peaks = []
    for count in (arguments.utterances // 3, arguments.utterances):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_corpus(folder, count)
            facts = _measure(folder, arguments.stage)
        peaks.append(facts["peak_mb"])
        print(
            f"{arguments.stage}: {count:,} utterances, {count // _UTTERANCES_PER_SOURCE:,} rows of "
            f"metadata: {count / facts['seconds']:,.0f} utterances/s, "
            f"{count / facts['cpu_seconds']:,.0f} a second of CPU, {facts['peak_mb']:.0f} MB"
        )
    print(f"growth for 3 times the corpus: {peaks[1] - peaks[0]:+.0f} MB; target {TARGET_MB} MB")
    return int(max(peaks) >= TARGET_MB)


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


def _measure(folder: Path, stage: str) -> dict[str, float]:
    started, used = time.monotonic(), _cpu_of_children()
    if stage == "reader":
        command = [sys.executable, "-m", "benchmarks.ingest_memory", "--read", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return dict(json.loads(done.stdout))
    output = folder / "ingest"
    parameters = folder / "params.yaml"
    parameters.write_text(_with_metadata(folder / "metadata.jsonl"), encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.ingest", "--source", "emilia"]
    command += ["--input", str(folder), "--output", str(output), "--params", str(parameters)]
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - started
    facts = json.loads(Path(f"{output}.run.json").read_text(encoding="utf-8"))
    return {
        "seconds": seconds,
        "cpu_seconds": _cpu_of_children() - used,
        "peak_mb": facts["peak_rss_bytes"] / 1e6,
    }


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _with_metadata(sidecar: Path) -> str:
    """The project's parameters, with the sidecar of this corpus."""
    import yaml

    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["sources"]["emilia"]["metadata"] = [str(sidecar)]
    return str(yaml.safe_dump(params, allow_unicode=True))


def _read(folder: Path) -> int:
    from pipelines.sources.emilia import EmiliaSource
    from pipelines.sources.settings import EmiliaSettings

    settings = EmiliaSettings(kind="emilia", metadata=(str(folder / "metadata.jsonl"),))
    source = EmiliaSource("emilia", settings)
    good, titled = 0, 0
    started, used = time.monotonic(), time.process_time()
    for shard in source.shards([str(folder)]):
        for record in source.read(shard):
            if isinstance(record, Utterance):
                good += 1
                titled += record.title is not None
    seconds = time.monotonic() - started
    if good != titled:
        raise SystemExit(f"{good} utterances, but only {titled} with a title")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    cpu_seconds = time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
