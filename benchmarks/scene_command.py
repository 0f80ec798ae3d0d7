"""The whole command that cuts scenes: ``python -m benchmarks.scene_command``.

Writes episodes of 481 sentences as ``annotate`` leaves them and runs ``python -m
pipelines.cut_scenes`` on them as a person would: start, Beam, Parquet in, Parquet out, facts. By
the clock, so a busy machine shows; CPU seconds are beside it.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import Usage, measured, module
from benchmarks.results import Claim, Result, Series, finish, make_parser, version
from benchmarks.scene_speed import SENTENCES_PER_EPISODE, make_episode
from schemas.episode import Episode

BAR_S, START_BAR_S, GROWTH_BAR = 10.0, 3.0, 1.25
_HELD_AT = 4  # times the smallest input: the 44,000 sentences of the bar
_EPISODES_PER_PART = 23
SETTING = (
    f"`python -m pipelines.cut_scenes` over episodes of {SENTENCES_PER_EPISODE} sentences, a part "
    f"of Parquet for {_EPISODES_PER_PART} of them, as one process with Beam's local runner: start, "
    "imports, scenes, Parquet and facts. By the clock; CPU seconds beside it. Ours alone: for as "
    "many segments NeMo Curator's pipeline, on Ray, is reported to take more than 7 minutes."
)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 when a bar is missed."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--episodes", type=int, default=23, help="at 1x (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="DIR", help="only write so many episodes")
    arguments = parser.parse_args(argv)
    if arguments.write is not None:
        write_annotated(arguments.write, arguments.episodes)
        return 0
    started = time.monotonic()
    used: dict[int, list[Usage]] = {times: [] for times in arguments.growth}
    starts: list[Usage] = []
    with tempfile.TemporaryDirectory() as name:
        for times in arguments.growth:
            written = ["--episodes", str(times * arguments.episodes)]
            write = ["--write", str(Path(name) / f"{times}x"), *written]
            measured(module("benchmarks.scene_command", *write))  # so that this process stays small
        for number in range(arguments.rounds):
            starts.append(measured(module("pipelines.cut_scenes", "--help")))
            for times in arguments.growth:
                output = Path(name) / f"{times}x-{number}"
                sentences = times * arguments.episodes * SENTENCES_PER_EPISODE
                used[times].append(cut(Path(name) / f"{times}x", output, sentences))
    result = Result(
        benchmark="scene_command",
        title="Scene cutting: the command",
        setting=SETTING,
        claims=claims_of(used, starts, arguments.episodes),
        series=tuple(series_of(used, starts, arguments.episodes)),
        versions={name: version(name) for name in ("apache-beam", "pyarrow")},
    )
    return finish(result, arguments, started)


def claims_of(
    used: dict[int, list[Usage]], starts: list[Usage], episodes: int
) -> tuple[Claim, ...]:
    """The command at the size of the bar (or the nearest that was run), its start, its memory."""
    held = min(used, key=lambda times: abs(times - _HELD_AT))
    size = f"{held * episodes * SENTENCES_PER_EPISODE:,} sentences"
    command = Series("ours", held, "x", "s", tuple(one.seconds for one in used[held])).median
    start = Series("ours", 0, "x", "s", tuple(one.seconds for one in starts)).median
    busy = "by the clock of a machine whose other work is in the load below"
    claims = [
        Claim(f"the whole command, {size}", command, "s", BAR_S, at_least=False, reason=busy),
        Claim("the command's start, --help", start, "s", START_BAR_S, at_least=False, reason=busy),
    ]
    smallest, largest = min(used), max(used)
    if smallest < largest:
        peaks = [max(one.peak_mb for one in used[times]) for times in (smallest, largest)]
        text = f"peak memory at {largest // smallest} times the sentences"
        claims.append(Claim(text, peaks[1] / peaks[0], "x", GROWTH_BAR, at_least=False))
    return tuple(claims)


def series_of(used: dict[int, list[Usage]], starts: list[Usage], episodes: int) -> Iterator[Series]:
    """Seconds, CPU seconds and megabytes by size; the start beside them as a size of 0."""
    for unit, pick in (("s", "seconds"), ("CPU-s", "cpu_seconds"), ("MB", "peak_mb")):
        for times, found in {0: starts, **used}.items():
            size = times * episodes * SENTENCES_PER_EPISODE
            values = tuple(getattr(one, pick) for one in found)
            yield Series("ours" if times else "ours, --help", size, "sentences", unit, values)


def cut(annotated: Path, output: Path, sentences: int) -> Usage:
    """Runs the command; fails when it did not find every sentence."""
    flags = ["--source", "wenetspeech", "--input", str(annotated), "--output", str(output)]
    usage = measured(module("pipelines.cut_scenes", *flags))
    facts = json.loads((output / "stage.json").read_text(encoding="utf-8"))
    if not facts["in"] == facts["out"] == sentences:
        raise SystemExit(f"{sentences} sentences, but in {facts['in']} and out {facts['out']}")
    return usage


def write_annotated(folder: Path, episodes: int) -> None:
    """Episodes as the finished output of annotate."""
    import pyarrow.parquet as pq

    from schemas import StageFacts, table_of

    folder.mkdir(parents=True)
    parts: dict[str, int] = {}
    sentences, seconds = 0, 0.0
    for number, first in enumerate(range(0, episodes, _EPISODES_PER_PART)):
        last = min(first + _EPISODES_PER_PART, episodes)
        part = [annotated_episode(one) for one in range(first, last)]
        path = folder / f"part-{number:05d}.parquet"
        pq.write_table(table_of(Episode, part), path)
        parts[path.name] = path.stat().st_size
        lines = list(itertools.chain.from_iterable(one.sentences for one in part))
        sentences += len(lines)
        seconds += sum(line.duration for line in lines)
    facts = StageFacts(
        stage="annotate",
        source="wenetspeech",
        unit="sentence",
        rows_in=sentences,
        rows_out=sentences,
        rejected={},
        hours_in=seconds / 3600,
        hours_out=seconds / 3600,
        rejected_hours={},
        speakers_in=episodes,
        speakers_out=episodes,
        backend=None,
        prompt_sha256={},
        counts={},
        parts=parts,
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")


def annotated_episode(number: int) -> Episode:
    """One episode with its sentences and paths; nobody is known by name."""
    sentences = make_episode(number)
    name = f"Y{number:010d}_{number:011d}"
    return Episode(
        id=name,
        source="wenetspeech",
        url=f"https://www.youtube.com/watch?v={number:011d}",
        video_id=f"{number:011d}",
        md5=f"{number:032x}",
        tags=("drama",),
        duration=sentences[-1].start + 10.0,
        audio_path=f"audio/train/youtube/B00000/{name}.opus",
        licence="CC-BY-4.0",
        sentences=tuple(sentences),
        audio_uri=None,
        video_uri=f"videos/{number:011d}.mp4",
        title=f"春风小巷 第{number}集",
        series="春风小巷",
        episode=str(number),
        vocals_uri=f"vocals/{name}.flac",
        speech_turns=(),
        profiles=(),
    )


if __name__ == "__main__":
    sys.exit(main())
