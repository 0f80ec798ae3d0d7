"""Sentences a second from episodes to their scenes: ``python -m benchmarks.scene_speed``.

Ours is timed from columns to the plan of the scenes, as ``pipelines.cut_scenes`` runs it, and from
`Sentence` records to `Scene` records. The peer is the planning of NeMo Curator's speech pipeline,
its nearest thing to a scene, from dicts to dicts with the same two limits: it takes out empty
segments, finds those that overlap, which its packing would get wrong, and packs the rest. Ours
takes overlapped sentences as they are; the recordings here have none, so that all must find the
same scenes. Recordings have as many sentences as a drama episode of WenetSpeech: fixed costs count
as they would.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.peer_programs.fastest import fastest
from benchmarks.results import Claim, Result, Series, finish, make_parser, ratio, version
from pipelines.stages.microseconds import span_columns
from pipelines.stages.scenes import ScenePlan, cut_scenes, plan_scenes
from schemas.episode import Scene, Sentence

Columns = tuple[NDArray[np.float64], NDArray[np.float64], list[str]]

BAR = 2.0
RATE_BAR = 400_000.0
HELD_AT = 44_000  # sentences
PEER = "NeMo Curator"
PACKING = "NeMo Curator, packing alone"
SENTENCES_PER_EPISODE = 481  # the mean of WenetSpeech's drama
SETTING = (
    f"Episodes of {SENTENCES_PER_EPISODE} sentences without overlaps. Ours from columns of "
    "times and ids to order, cuts and lengths, which is what the command does, and from `Sentence` "
    "to `Scene` records; NeMo Curator's `filter_empty_segments`, `find_overlapping_indices` and "
    "`plan_snippets`, which is what its pipeline does with segments before it reads audio, from "
    "dicts to dicts. CPU time of one thread, in the process, without imports; a round is the "
    "fastest run of half a second's. All find the same scenes."
)
RECORDS_REASON = (
    "of ours, two fifths are the rule, which is all that columns cost, and the rest takes times "
    "out of records and makes new ones; NeMo Curator 1.4.0 does seven times the 189,000/s that "
    "the bar was set by"
)
NOTE = "Packing alone puts overlapped segments into wrong snippets; it is no scene cutting."


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 below a bar."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--episodes", type=int, default=23, help="at 1x (default: %(default)s)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    sizes = [times * arguments.episodes for times in arguments.growth]
    corpora = [[make_episode(number) for number in range(size)] for size in sizes]
    versions = {"numpy": version("numpy")}
    missing = "run without peers" if arguments.without_peers else ""
    try:
        versions |= {} if missing else peers.versions("nemo_curator", "nemo-curator")
    except peers.PeerMissing as error:
        missing = str(error)
    series = measure(corpora, arguments.rounds, bool(missing))
    result = Result(
        benchmark="scene_speed",
        title="Scene cutting: the function",
        setting=SETTING,
        claims=claims_of(series, missing),
        series=tuple(series),
        versions=versions,
        notes=(NOTE,),
    )
    return finish(result, arguments, started)


def measure(corpora: list[list[list[Sentence]]], rounds: int, alone: bool) -> list[Series]:
    """Sentences a second of every program at every size; the rounds take turns."""
    rates: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = [write(one, Path(name) / f"{len(one)}.json") for one in corpora]
        for _ in range(rounds):
            found = [fastest(partial(partial, cut, one)) for one in corpora]
            plans = [fastest(partial(partial, plan, one)) for one in map(columns_of, corpora)]
            lengths = [[[len(one.sentences) for one in of] for of in scenes] for _, scenes in found]
            check("columns", [[lengths_of(one) for one in of] for _, of in plans], lengths)
            seconds = {
                "ours, columns": [took for took, _ in plans],
                "ours, records": [took for took, _ in found],
            }
            if not alone:
                answer = peers.run("nemo_curator", "plan_nemo_curator", *files)
                seconds |= {PEER: answer["whole"], PACKING: answer["packing"]}
                check(PEER, answer["snippets"], lengths)
            for program, taken in seconds.items():
                for took, corpus in zip(taken, corpora, strict=True):
                    size = sum(map(len, corpus))
                    rates.setdefault((program, size), []).append(size / took)
    return [
        Series(program, size, "sentences", "sentences/s", tuple(values))
        for (program, size), values in sorted(rates.items(), key=lambda item: item[0][1])
    ]


def claims_of(series: list[Series], missing: str) -> tuple[Claim, ...]:
    """The ratio at the size of the bar, and our own rate at the largest."""
    found = {(one.program, one.size): one for one in series}
    sizes = sorted({one.size for one in series})
    claims = []
    held = min(sizes, key=lambda size: abs(size - HELD_AT))
    theirs = found.get((PEER, held))
    for what, reason in (("columns", ""), ("records", RECORDS_REASON)):
        value = ratio(found[f"ours, {what}", held].values, theirs.values) if theirs else None
        text = f"{held:,.0f} sentences to scenes, {what}, against {PEER}"
        claims.append(Claim(text, value, "x", BAR, reason=missing or reason))
    largest = found["ours, records", sizes[-1]]
    text = f"{largest.size:,.0f} sentences to scenes, records"
    claims.append(Claim(text, largest.median, "sentences/s", RATE_BAR))
    return tuple(claims)


def check(program: str, found: list[list[list[int]]], right: list[list[list[int]]]) -> None:
    """Fails where a program puts other numbers of sentences into scenes."""
    if found != right:
        raise SystemExit(f"{program}: not the same scenes as our records")


def make_episode(number: int) -> list[Sentence]:
    """Sentences of 1 to 4 s with short pauses and, one time in 25, a silence above 5 s.

    Times are whole 64ths of a second, exact in a float: how programs round decides nothing.
    """
    chance = random.Random(number)
    sentences = []
    now = 2.0
    for index in range(SENTENCES_PER_EPISODE):
        duration = chance.randint(64, 256) / 64
        sentences.append(
            Sentence(
                id=f"E{number}_S{index:05d}",
                start=now,
                duration=duration,
                text="你说什么租店面的钱是哪儿来的",
                confidence=1.0,
                speaker="A",
                overlap_ratio=1.0,
                margin=1.0,
                flags=(),
            )
        )
        now += duration + (6.5 if chance.random() < 0.04 else chance.randint(1, 96) / 64)
    return sentences


def write(episodes: list[list[Sentence]], path: Path) -> Path:
    """The episodes as the peer's program reads them."""
    content = [
        [(one.start, one.start + one.duration, one.text) for one in episode] for episode in episodes
    ]
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def cut(episodes: list[list[Sentence]]) -> list[tuple[Scene, ...]]:
    """Ours, for each episode, to records."""
    return [cut_scenes("E", episode) for episode in episodes]


def columns_of(episodes: list[list[Sentence]]) -> list[Columns]:
    """Starts, durations and ids, as the stage has them from Parquet."""
    return [
        (
            np.array([one.start for one in episode]),
            np.array([one.duration for one in episode]),
            [one.id for one in episode],
        )
        for episode in episodes
    ]


def plan(episodes: list[Columns]) -> list[ScenePlan]:
    """Ours, for each episode, to order, cuts and lengths."""
    return [
        plan_scenes(*span_columns(starts, durations), ids) for starts, durations, ids in episodes
    ]


def lengths_of(found: ScenePlan) -> list[int]:
    """How many sentences each scene has."""
    firsts = [cut.first for cut in found.cuts]
    return [end - first for first, end in pairwise([*firsts, len(found.order)])]


if __name__ == "__main__":
    sys.exit(main())
