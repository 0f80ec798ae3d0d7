"""Sentences a second from speech turns to speakers: ``python -m benchmarks.assign_speed``.

One synthetic recording per size, with as many sentences as turns, drama-like: turns of 1 to 4 s,
short pauses, one change in ten with both speaking. Every program gets its own records ready-made
and is timed from there to its own result: ours from `Sentence` and `SpeechTurn` records to columns
of speaker, ratio, margin and flags ("ours, columns"), and to new `Sentence` records ("ours,
records"); whisperX from its data frame to the speaker in its segments; lhotse from a cut with
supervisions over `index_supervisions` and an overlap query a sentence to the label with the most
overlap. The labels must be the same.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import peers
from benchmarks.peer_programs.fastest import fastest
from benchmarks.results import Claim, Result, Series, finish, make_parser, ratio, version
from pipelines.stages.assign import assign, assign_speakers
from pipelines.stages.microseconds import spans
from schemas.episode import Sentence, SpeechTurn

BARS = {"whisperX": 20.0, "lhotse": 5.0}
SETTING = (
    "One recording a size, as many sentences as speech turns, eight speakers. Timed from each "
    "program's own records to its own result, in the process, without imports: whisperX's "
    "`assign_word_speakers` without words, lhotse's `index_supervisions` and one query a sentence. "
    "CPU time of one thread; a round is the fastest run of half a second's. The labels agree (99 "
    "in 100: peers know no ties and no limit for gaps)."
)
RECORDS_REASON = (
    "a new record of ten fields takes 0.7 us, as much as deciding its speaker; at 750 turns the "
    "fixed cost of numpy's calls is an eighth besides"
)
_SPEAKERS = 8
_AGREE = 0.99  # of the sentences
Labels = list[str | None]


@dataclass(frozen=True)
class Recording:
    """One synthetic recording."""

    sentences: list[Sentence]
    turns: list[SpeechTurn]


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 below a bar."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--turns", type=int, default=750, help="at 1x (default: %(default)s)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    recordings = [make_recording(times * arguments.turns) for times in arguments.growth]
    versions = {"numpy": version("numpy")}
    missing = dict.fromkeys(BARS, "run without peers") if arguments.without_peers else {}
    for peer in [one for one in BARS if one not in missing]:
        try:
            versions |= peers.versions(peer.lower(), peer.lower())
        except peers.PeerMissing as error:
            missing[peer] = str(error)
    series = measure(recordings, [peer for peer in BARS if peer not in missing], arguments.rounds)
    result = Result(
        benchmark="assign_speed",
        title="Sentence to speaker",
        setting=SETTING,
        claims=claims_of(series, missing),
        series=tuple(series),
        versions=versions,
    )
    return finish(result, arguments, started)


def measure(recordings: list[Recording], beside: list[str], rounds: int) -> list[Series]:
    """Sentences a second of every program at every size; the rounds take turns."""
    rates: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = [write(one, Path(name) / f"{len(one.turns)}.json") for one in recordings]
        for _ in range(rounds):
            found: dict[str, tuple[list[float], list[Labels]]] = {
                "ours, columns": run_ours(recordings, columns),
                "ours, records": run_ours(recordings, records),
            }
            for peer in beside:
                program = f"assign_{peer.lower()}"
                answer = peers.run(peer.lower(), program, *files)
                found[peer] = answer["seconds"], answer["speakers"]
            right = found["ours, columns"][1]
            for program, (seconds, speakers) in found.items():
                for took, labels, one in zip(seconds, speakers, right, strict=True):
                    check(program, labels, one)
                    rates.setdefault((program, len(one)), []).append(len(one) / took)
    return [
        Series(program, size, "sentences", "sentences/s", tuple(values))
        for (program, size), values in sorted(rates.items(), key=lambda item: item[0][1])
    ]


def claims_of(series: list[Series], missing: dict[str, str]) -> tuple[Claim, ...]:
    """Columns and records against each peer, at every size."""
    found = {(one.program, one.size): one.values for one in series}
    claims = []
    for peer, bar in BARS.items():
        for size in sorted({one.size for one in series}):
            for what, reason in (("columns", ""), ("records", RECORDS_REASON)):
                theirs = found.get((peer, size))
                value = ratio(found[f"ours, {what}", size], theirs) if theirs else None
                text = f"{size:,.0f} turns to {what}, against {peer}"
                claims.append(Claim(text, value, "x", bar, reason=missing.get(peer, reason)))
    return tuple(claims)


def check(program: str, labels: Labels, right: Labels) -> None:
    """Fails where a program finds other speakers: fast and wrong is not fast."""
    same = sum(one == other for one, other in zip(labels, right, strict=True))
    if same < _AGREE * len(right):
        raise SystemExit(f"{program} agrees on {same} of {len(right)} sentences only")


def make_recording(turns: int) -> Recording:
    """So many turns, and as many sentences whose times enclose them with a little air."""
    chance = random.Random(turns)
    spoken: list[SpeechTurn] = []
    sentences: list[Sentence] = []
    now = 1.0
    for number in range(turns):
        duration = round(chance.uniform(1.0, 4.0), 3)
        speaker = f"SPEAKER_{chance.randrange(_SPEAKERS):02d}"
        spoken.append(SpeechTurn(start=round(now, 3), duration=duration, speaker=speaker))
        air = chance.uniform(0.02, 0.09)
        sentences.append(
            Sentence(
                id=f"S{number:05d}",
                start=round(now - air, 3),
                duration=round(duration + 2 * air, 3),
                text="你说什么租店面的钱是哪儿来的",
                confidence=1.0,
                speaker=None,
                overlap_ratio=None,
                margin=None,
                flags=(),
            )
        )
        now += duration + (-0.3 if chance.random() < 0.1 else chance.uniform(0.1, 1.5))
    return Recording(sentences, spoken)


def write(recording: Recording, path: Path) -> Path:
    """The recording as the peers' programs read it."""
    content = {
        "turns": [(one.start, one.start + one.duration, one.speaker) for one in recording.turns],
        "sentences": [(s.start, s.start + s.duration, s.text) for s in recording.sentences],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def run_ours(
    recordings: list[Recording], find: Callable[[Recording], Callable[[], Labels]]
) -> tuple[list[float], list[Labels]]:
    """Seconds and labels of each recording, as a peer's program gives them."""
    found = [fastest(partial(partial, find, one)) for one in recordings]
    return [took for took, _ in found], [labels() for _, labels in found]


def columns(recording: Recording) -> Callable[[], Labels]:
    """This project's assignment, to columns; then, untimed, the labels it found."""
    found = assign(*spans(recording.sentences), recording.turns)
    return lambda: found.speaker


def records(recording: Recording) -> Callable[[], Labels]:
    """This project's assignment, to records; then, untimed, the labels it found."""
    found = assign_speakers(recording.sentences, recording.turns)
    return lambda: [sentence.speaker for sentence in found]


if __name__ == "__main__":
    sys.exit(main())
