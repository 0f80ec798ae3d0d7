"""Reading WenetSpeech.json against Lhotse: ``python -m benchmarks.wenetspeech_import``.

Writes synthetic WenetSpeech.json files (500 recordings of 220 sentences, 41 MB, indent 4, and
multiples of it) into a temporary folder and reads each in a process of its own: with
``read_episodes``, which gives whole checked episodes one after the other, and with Lhotse's
``prepare_wenet_speech``, which gives manifests in memory (it opens no audio; neither writes
anything).
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.processes import module
from benchmarks.results import Claim, Result, Series, finish, make_parser, ratio, version

RATIO_BAR, MEMORY_BAR_MB, GROWTH_BAR = 5.0, 300.0, 1.1
LHOTSE_UP_TO = 4  # times the smallest input
HELD_AT = 4  # the 2,000 recordings of the bar
_SENTENCES = 220
_TEXT = "怎么样这些日子住得还习惯吧你昨天说的那件事我不同意可是我已经把店面租下来了"
SETTING = (
    f"A synthetic WenetSpeech.json, {_SENTENCES} sentences a recording, indented by 4. Ours is "
    "`read_episodes`: checked episodes, one after the other; lhotse's is `prepare_wenet_speech`: "
    "manifests in memory. By the clock, in a process of its own, without imports, which take "
    "lhotse longer; the peak of resident memory, with them. Both find the same sentences, "
    "characters and seconds of speech."
)
NOTE = (
    "Lhotse parses in one process and builds its records in a second (its `num_jobs=1`), ours does "
    "both in one; the second's memory is not counted. Lhotse holds the whole file and all "
    "manifests, several GB at 16 times the smallest input, so it is run up to 4 times. At 16 times "
    "ours is read in the first round alone."
)


@dataclass(frozen=True)
class Reading:
    """One reading of a file: seconds, the peak of memory in MB, and what was found."""

    seconds: float
    peak_mb: float
    content: tuple[int, int, float]  # sentences, characters, seconds of speech

    @classmethod
    def of(cls, found: dict[str, Any]) -> Reading:
        """As both sides print it."""
        content = found["sentences"], found["characters"], found["spoken_s"]
        return cls(found["seconds"], found["peak_mb"], content)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 when a bar is missed."""
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--audios", type=int, default=500, help="at 1x (default: %(default)s)")
    parser.add_argument("--read", type=Path, metavar="DIR", help="only read this one, ours")
    arguments = parser.parse_args(argv)
    if arguments.read is not None:
        print(json.dumps(read(arguments.read)))
        return 0
    started = time.monotonic()
    versions = {"ijson": version("ijson")}
    missing = "run without peers" if arguments.without_peers else ""
    try:
        versions |= {} if missing else peers.versions("lhotse", "lhotse")
    except peers.PeerMissing as error:
        missing = str(error)
    readings: dict[tuple[str, int], list[Reading]] = {}
    with tempfile.TemporaryDirectory() as name:
        for times in arguments.growth:
            write_corpus(Path(name) / str(times), times * arguments.audios)
        for number in range(arguments.rounds):
            for times in arguments.growth:
                folder = Path(name) / str(times)
                if number == 0 or times <= LHOTSE_UP_TO:
                    ours = peers.run_json(module("benchmarks.wenetspeech_import", "--read", folder))
                    readings.setdefault(("ours", times), []).append(Reading.of(ours))
                if times <= LHOTSE_UP_TO and not missing:
                    theirs = peers.run("lhotse", "wenetspeech_lhotse", folder)
                    readings.setdefault(("lhotse", times), []).append(Reading.of(theirs))
    for (program, times), found in readings.items():
        right = readings["ours", times][0].content
        wrong = [one.content for one in found if one.content != right]
        if wrong or right[0] != times * arguments.audios * _SENTENCES:
            raise SystemExit(f"{program} at {times}x: found {wrong or right}, ours {right}")
    result = Result(
        benchmark="wenetspeech_import",
        title="Import of WenetSpeech.json",
        setting=SETTING,
        claims=claims_of(readings, arguments.audios, missing),
        series=tuple(series_of(readings)),
        versions=versions,
        notes=(NOTE,),
    )
    return finish(result, arguments, started)


def claims_of(
    readings: dict[tuple[str, int], list[Reading]], audios: int, missing: str
) -> tuple[Claim, ...]:
    """The ratio at the size of the bar, the peak, and how it grows."""
    sizes = sorted(times for program, times in readings if program == "ours")
    held = min(sizes, key=lambda times: abs(times - HELD_AT))
    theirs = [1 / one.seconds for one in readings.get(("lhotse", held), [])]
    ours = [1 / one.seconds for one in readings["ours", held]]
    rate = ratio(ours, theirs) if theirs else None
    text = f"{held * audios:,} recordings, sentences a second, against lhotse"
    claims = [Claim(text, rate, "x", RATIO_BAR, reason=missing)]
    peaks = {times: max(one.peak_mb for one in readings["ours", times]) for times in sizes}
    text = f"peak memory, up to {sizes[-1] * audios:,} recordings"
    claims.append(Claim(text, max(peaks.values()), "MB", MEMORY_BAR_MB, at_least=False))
    if len(sizes) > 1:
        text = f"peak memory at {sizes[-1] // sizes[0]} times the recordings"
        value = peaks[sizes[-1]] / peaks[sizes[0]]
        claims.append(Claim(text, value, "x", GROWTH_BAR, at_least=False))
    return tuple(claims)


def series_of(readings: dict[tuple[str, int], list[Reading]]) -> list[Series]:
    """Sentences a second, then megabytes, by size."""
    rates, peaks = [], []
    for (program, _), found in sorted(readings.items(), key=lambda item: item[0][1]):
        size = found[0].content[0]
        speed = tuple(size / one.seconds for one in found)
        rates.append(Series(program, size, "sentences", "sentences/s", speed))
        held = tuple(one.peak_mb for one in found)
        peaks.append(Series(program, size, "sentences", "MB", held))
    return rates + peaks


def read(folder: Path) -> dict[str, float]:
    """Reads a corpus with this project's reader, in this process."""
    from pipelines.sources.wenetspeech import read_episodes
    from pipelines.sources.wenetspeech_settings import WenetSpeechSettings

    settings = WenetSpeechSettings(kind="wenetspeech")
    sentences, characters, spoken_s = 0, 0, 0.0
    started = time.monotonic()
    for one in read_episodes(str(folder / "WenetSpeech.json"), "wenetspeech", settings):
        if one.episode is None:
            raise SystemExit(f"{one.id}: no episode, {one.rejections[:1]}")
        sentences += len(one.episode.sentences)
        characters += sum(len(line.text) for line in one.episode.sentences)
        spoken_s += sum(line.duration for line in one.episode.sentences)
    return {
        "sentences": sentences,
        "characters": characters,
        "spoken_s": round(spoken_s, 1),
        "seconds": time.monotonic() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


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


if __name__ == "__main__":
    sys.exit(main())
