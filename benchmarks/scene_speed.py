"""Sentences a second from an episode to its scenes: ``python -m benchmarks.scene_speed``.

Ours is timed from `Sentence` records to `Scene` records. The peer is the planning of NeMo
Curator's speech pipeline, its nearest thing to a scene, from dicts to dicts with the same two
limits: it takes out empty segments, finds those that overlap, which its packing would get wrong,
and packs the rest ("nemo curator"; "packing alone" is the last step). Ours takes overlapped
sentences as they are; the recordings here have none, so that all agree. Recordings have as many
sentences as a drama episode of WenetSpeech: fixed costs count as they would. Rounds alternate, and
the fastest of each counts: what else runs on the machine only ever adds.

The bar is 400,000 sentences a second on a core. The ratio to the peer is printed and has none. A
peer that is not installed is named and left out (see `benchmarks.peers`); with ``--require-peers``
that is a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers import PeerMissing, load
from pipelines.stages.scenes import cut_scenes
from schemas.episode import Sentence

BAR = 400_000
SENTENCES_PER_EPISODE = 481  # the mean of WenetSpeech's drama
_UNUSED = (
    "cosmos_xenna",
    "cosmos_xenna.ray_utils",
    "cosmos_xenna.ray_utils.cluster",
    "huggingface_hub",
    "loguru",
    "ray",
    "soundfile",
    "torch",
    "torchaudio",
    "torchaudio.functional",
    "transformers",
)


def main(argv: list[str] | None = None) -> int:
    """Prints the rates; exit status 1 below a bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--require-peers", action="store_true")
    arguments = parser.parse_args(argv)
    episodes = [make_episode(number) for number in range(arguments.episodes)]
    programs: dict[str, Callable[[], int]] = {"ours": lambda: _cut(episodes)}
    try:
        programs |= find_curator(episodes)
    except PeerMissing as missing:
        print(f"nemo curator: left out, {missing}")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    scenes: dict[str, int] = {}
    for _ in range(arguments.rounds):
        for name, run in programs.items():
            started = time.perf_counter()
            scenes[name] = run()
            seconds[name].append(time.perf_counter() - started)
    total = sum(map(len, episodes))
    rates = {name: total / min(times) for name, times in seconds.items()}
    for name, rate in rates.items():
        print(f"{name}: {total:,} sentences to {scenes[name]:,} scenes, {rate:,.0f} sentences/s")
    print(f"the bar is {BAR:,}")
    low = rates["ours"] < BAR
    if "nemo curator" in rates:
        ratio = rates["ours"] / rates["nemo curator"]
        print(f"ours / nemo curator: {ratio:.1f}")
        if len(set(scenes.values())) > 1:
            print("they do not agree on the number of scenes")
            low = True
    return int(low or (arguments.require_peers and len(rates) < 3))


def make_episode(number: int) -> list[Sentence]:
    """Sentences of 1 to 4 s with short pauses and, one time in 25, a silence above 5 s."""
    chance = random.Random(number)
    sentences = []
    now = 2.0
    for index in range(SENTENCES_PER_EPISODE):
        duration = round(chance.uniform(1.0, 4.0), 2)
        sentences.append(
            Sentence(
                id=f"E{number}_S{index:05d}",
                start=round(now, 2),
                duration=duration,
                text="你说什么租店面的钱是哪儿来的",
                confidence=1.0,
                speaker="A",
                overlap_ratio=1.0,
                margin=1.0,
                flags=(),
            )
        )
        now += duration + (6.5 if chance.random() < 0.04 else chance.uniform(0.02, 1.5))
    return sentences


def find_curator(episodes: list[list[Sentence]]) -> dict[str, Callable[[], int]]:
    """NeMo Curator's own functions over the same episodes."""
    module = "nemo_curator.stages.audio.alm.pretrain.planning"
    plan = load("nemo-curator", module, "plan_snippets", unused=_UNUSED)
    filter_empty = load("nemo-curator", module, "filter_empty_segments", unused=_UNUSED)
    overlapping = load("nemo-curator", module, "find_overlapping_indices", unused=_UNUSED)
    segments: list[list[dict[str, Any]]] = [
        [{"start": s.start, "end": round(s.start + s.duration, 2), "text": s.text} for s in episode]
        for episode in episodes
    ]

    def pack(episode: list[dict[str, Any]]) -> int:
        return len(plan(episode, 30.0, 0.0, 5.0)[0])

    def whole(episode: list[dict[str, Any]]) -> int:
        kept, _ = filter_empty(episode)
        found = overlapping(kept, 0.0)
        return pack([one for index, one in enumerate(kept) if index not in found])

    return {
        "nemo curator": lambda: sum(map(whole, segments)),
        "packing alone": lambda: sum(map(pack, segments)),
    }


def _cut(episodes: list[list[Sentence]]) -> int:
    return sum(len(cut_scenes("E", episode)) for episode in episodes)


if __name__ == "__main__":
    sys.exit(main())
