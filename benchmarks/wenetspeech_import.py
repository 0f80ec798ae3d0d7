"""Reading WenetSpeech.json against Lhotse: ``python -m benchmarks.wenetspeech_import``.

Writes a synthetic WenetSpeech.json (2,000 recordings of 220 sentences, 165 MB, indent 4) into a
temporary folder and reads it in processes of their own: with ``read_episodes``, which gives whole
checked episodes, and with Lhotse's ``prepare_wenet_speech``, which gives manifests in memory (it
opens no audio; neither writes anything). They alternate, and the ratio of their medians is the
figure: rates by themselves only say how fast the machine is, and how busy. Ours reads a file of
three times the size, too. Bars: 5 times the rate, less than 300 MB, and no growth at three times
the size (of less than a tenth).

The wall clock counts everything after the imports, which is to Lhotse's favour: its import takes
longer.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_SENTENCES = 220
_RATIO_BAR, _MEMORY_BAR_MB, _GROWTH_BAR = 5.0, 300, 1.1
_TEXT = "怎么样这些日子住得还习惯吧你昨天说的那件事我不同意可是我已经把店面租下来了"
_PEAK = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"

_OURS = f"""
import json, resource, sys, time
from pipelines.sources.wenetspeech import read_episodes
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
started, sentences = time.monotonic(), 0
wanted = WenetSpeechSettings(kind="wenetspeech")
for one in read_episodes(sys.argv[1] + "/WenetSpeech.json", "wenetspeech", wanted):
    sentences += len(one.episode.sentences)
seconds = time.monotonic() - started
print(json.dumps([sentences, seconds, {_PEAK}]))
"""
# The manifests of a part without sentences make Lhotse fail, so only the part that has them.
_LHOTSE = f"""
import json, resource, sys, time
from lhotse.recipes import prepare_wenet_speech
started = time.monotonic()
manifests = prepare_wenet_speech(sys.argv[1], dataset_parts=["L"])
seconds = time.monotonic() - started
print(json.dumps([len(manifests["L"]["supervisions"]), seconds, {_PEAK}]))
"""


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--audios", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        size = write_corpus(small, arguments.audios)
        write_corpus(large, 3 * arguments.audios)
        sentences = arguments.audios * _SENTENCES
        print(f"{arguments.audios:,} recordings, {sentences:,} sentences, {size / 1e6:.0f} MB")
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(_measure("ours", _OURS, small, sentences))
            theirs.append(_measure("lhotse", _LHOTSE, small, sentences))
        tripled = _measure("ours at 3x", _OURS, large, 3 * sentences)
    rates = [statistics.median(rate for rate, _ in measured) for measured in (ours, theirs)]
    ratio, peak = rates[0] / rates[1], max(peak for _, peak in ours)
    growth = tripled[1] / peak
    print(f"ratio {ratio:.1f} (bar {_RATIO_BAR:g}), peak {max(peak, tripled[1]):.0f} MB ", end="")
    print(f"(bar {_MEMORY_BAR_MB}), growth at 3x {growth:.2f} (bar {_GROWTH_BAR:g})")
    met = ratio >= _RATIO_BAR and max(peak, tripled[1]) < _MEMORY_BAR_MB and growth < _GROWTH_BAR
    return int(not met)


def write_corpus(folder: Path, audios: int) -> int:
    """A WenetSpeech.json of YouTube dramas as the corpus has it; returns its bytes."""
    chance = random.Random(1)
    folder.mkdir(parents=True)
    path = folder / "WenetSpeech.json"
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{\n    "audios": [')
        for number in range(audios):
            body = json.dumps(_recording(number, chance), indent=4, ensure_ascii=False)
            indented = body.replace("\n", "\n        ")
            stream.write(f"{',' if number else ''}\n        {indented}")
        stream.write("\n    ]\n}")
    return path.stat().st_size


def _recording(number: int, chance: random.Random) -> dict[str, object]:
    video_id = f"{number:011d}"
    aid = f"Y{number:010d}_{video_id}"
    time_s, segments = 2.0, []
    for serial in range(_SENTENCES):
        begin = round(time_s + chance.random(), 2)
        time_s = round(begin + 1 + 2.6 * chance.random(), 2)
        segments.append(
            {
                "sid": f"{aid}_S{serial:05d}",
                "confidence": 1.0,
                "begin_time": begin,
                "end_time": time_s,
                "subsets": ["L"],
                "text": _TEXT[: chance.randint(4, 20)],
            }
        )
    return {
        "aid": aid,
        "duration": round(time_s + 5, 2),
        "md5": f"{number:032x}",
        "path": f"audio/train/youtube/B00000/{aid}.opus",
        "source": "youtube",
        "tags": ["drama"],
        "url": f"https://www.youtube.com/watch?v={video_id}",
        "segments": segments,
    }


def _measure(label: str, code: str, folder: Path, sentences: int) -> tuple[float, float]:
    """Sentences a second and the peak of resident memory in MB, of a process of its own."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found, seconds, peak_kb = json.loads(done.stdout.splitlines()[-1])
    if found != sentences:
        raise SystemExit(f"{label}: {found} sentences, expected {sentences}")
    whole = time.monotonic() - started
    rate, peak_mb = sentences / seconds, peak_kb / 1024
    print(f"{label}: {rate:,.0f} sentences/s, {peak_mb:,.0f} MB, {whole:.1f} s with imports")
    return rate, peak_mb


if __name__ == "__main__":
    sys.exit(main())
