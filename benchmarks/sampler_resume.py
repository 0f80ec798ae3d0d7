"""Going on in the middle of an epoch of 12,000 cuts: ``python -m benchmarks.sampler_resume``.

Ours is `trainer.data`: rows of FlexiVoice (reference speech included), 64 a batch. The time is from
nothing to the first batch after the checkpoint: folder, vocabulary check, state, rows. The peers
are lhotse 1.33's DynamicBucketingSampler over the same shards, codes attached, batches of as many
tokens, which replays the epoch; and that of 2.0a7, from an environment of its own, over the same
shards unpacked and indexed, which restores its state, the buffer of waiting cuts included (up to
20,000, its default). Their time is from the state to the first batch. All take turns, warm, in CPU
seconds, so that what else runs on the machine does not count.

Bars: exact, that is the next 20 batches are those of a run without a break, and under 1 s. Whether
lhotse's are those of its own unbroken run is printed; it has no bar.

    python -m benchmarks.sampler_resume
    python -m benchmarks.sampler_resume --rounds 1 --growth 1 4
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers import versions
from benchmarks.results import Claim, Result, finish, make_parser, version
from benchmarks.tokenized import CARDINALITY, write_tokenized
from benchmarks.turns import (
    Found,
    Peer,
    Program,
    Round,
    fewer,
    installed,
    rounds_text,
    take_turns,
    to_series,
)
from trainer.data.settings import DataSettings
from trainer.data.stream import BatchStream
from trainer.tiny import tiny_tokenizer
from trainer.tokens.append import AppendLayout
from trainer.vocab import SpeechVocab, flexivoice

BAR_S = 1.0
AT = 12_000  # cuts
ROWS = 64  # a batch
SECONDS = ROWS * 5.0  # a batch of lhotse: an utterance is of 5 s on average
COMPARED = 20  # batches


def main(argv: list[str] | None = None) -> int:
    """Prints the times; exit status 1 when a bar is missed."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--cuts", type=int, default=3000, help="of the smallest epoch")
    arguments = parser.parse_args(argv)
    sizes = [arguments.cuts * times for times in sorted(arguments.growth)]
    current = f"lhotse {version('lhotse')}"
    found_versions = {"lhotse": version("lhotse")}
    rounds = fewer(sizes, arguments.rounds, AT)
    missing: list[str] = []
    following = None if arguments.without_peers else installed("lhotse_next", missing)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        for size in sizes:
            write_tokenized(folder / str(size), size)
        programs: dict[str, Program] = {"ours": Ours(folder)}
        told = (folder, str(SECONDS), str(COMPARED))
        if not arguments.without_peers:
            replaying = Peer(sys.executable, "lhotse_resume", *told)
            programs[current] = stack.enter_context(replaying)
        if following is not None:
            newest = versions("lhotse_next", "lhotse")["lhotse"]
            found_versions["lhotse, restoring"] = newest
            restoring = Peer(following, "lhotse_resume", *told, "indexed")
            programs[f"lhotse {newest}"] = stack.enter_context(restoring)
        found = take_turns(programs, sizes, rounds)
    result = Result(
        benchmark="sampler_resume",
        title="Going on in the middle of an epoch",
        setting=(
            f"A checkpoint after half of the epoch, batches of {ROWS} utterances of 2 to 8 s with "
            "their codes. Timed is the way from the state to the first batch, in a process that "
            "has read the same files before; ours also reads references, lhotse's batches have "
            "none. lhotse is given the durations between its buckets, found beforehand. "
            + rounds_text(rounds)
        ),
        claims=claims(found),
        series=to_series(found, "cuts"),
        versions=found_versions,
        notes=(*exactness(found), *missing),
    )
    return finish(result, arguments, started)


def claims(found: Found) -> tuple[Claim, ...]:
    """The time at PEERS.md's size, and exactness at every size."""
    ours = [one for (program, _), rounds in found.items() if program == "ours" for one in rounds]
    exact = sum(one.values[0] for one in ours) / len(ours)
    time_text = f"{AT:,} cuts, from nothing to the next batch in the middle of the epoch"
    exact_text = (
        f"resuming, share of rounds whose next {COMPARED} batches are those of an unbroken run"
    )
    series = {one.size: one for one in to_series(found, "cuts") if one.program == "ours"}
    seconds = series[AT].median if AT in series else None
    absent = "this size was not run" if seconds is None else ""
    return (
        Claim(time_text, seconds, "CPU s", BAR_S, at_least=False, reason=absent),
        Claim(exact_text, exact, "", 1.0),
    )


def exactness(found: Found) -> list[str]:
    """Whether the peers went on where they were."""
    lines = []
    for peer in dict.fromkeys(program for program, _ in found if program != "ours"):
        of_peer = {size: rounds for (program, size), rounds in found.items() if program == peer}
        rounds = [one for some in of_peer.values() for one in some]
        exact = sum(one.values[0] for one in rounds)
        lines.append(
            f"{peer}: {exact:.0f} of {len(rounds)} rounds gave the batches of its own unbroken run."
        )
    return lines


class Ours:
    """`trainer.data`; a `turns.Program` over cuts."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder that has one of every size."""
        names = flexivoice(CARDINALITY)
        tokenizer = tiny_tokenizer(names)
        self._layout = AppendLayout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
        self._folder = folder
        self._broken: dict[int, tuple[str, list[list[str]]]] = {}

    def __call__(self, size: int) -> Round:
        """One resumption; found is 1 where it is exact, else 0."""
        if size not in self._broken:
            self._broken[size] = self._break_off(size)
        state, expected = self._broken[size]
        started = time.process_time()
        resumed = self._stream(size)
        resumed.load_state_dict(json.loads(state))
        found = iter(resumed)
        first = next(found)
        seconds = time.process_time() - started
        after = [first, *itertools.islice(found, COMPARED - 1)]
        exact = [[row.id for row in rows] for rows in after] == expected
        return Round(seconds, (float(exact),))

    def _break_off(self, size: int) -> tuple[str, list[list[str]]]:
        """The state after half of the cuts, and the ids that come behind it."""
        unbroken = self._stream(size)
        batches = iter(unbroken)
        for _ in range(size // 2 // ROWS):
            next(batches)
        state = json.dumps(unbroken.state_dict())
        return state, [[row.id for row in next(batches)] for _ in range(COMPARED)]

    def _stream(self, size: int) -> BatchStream:
        settings = {
            "layout": "append",
            "sources": [{"folder": str(self._folder / str(size)), "references": [{}]}],
            "rows_per_batch": ROWS,
        }
        return BatchStream(DataSettings.model_validate_json(json.dumps(settings)), self._layout)


if __name__ == "__main__":
    sys.exit(main())
