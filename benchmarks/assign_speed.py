"""Sentences a second from speech turns to speakers: ``python -m benchmarks.assign_speed``.

One synthetic recording per size, with as many sentences as turns, drama-like: turns of 1 to 4 s,
short pauses, one change in ten with both speaking. Every program gets its own records ready-made
and is timed from there to its own result: ours from `Sentence` and `SpeechTurn` records to columns
of speaker, ratio, margin and flags ("ours"), and to new `Sentence` records ("records"); whisperX
from its data frame to the speaker in its segments; lhotse from a cut with supervisions over
`index_supervisions` and an overlap query a sentence to the label with the most overlap. Rounds
alternate, and the fastest of each program counts: what else runs on the machine only ever adds.

Bars at the largest size, for the columns, since both peers give labels only: 20 times whisperX, 5
times lhotse. Making the records costs as much again. A peer that is not installed is named and left
out (see `benchmarks.peers`); with ``--require-peers`` that is a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers import PeerMissing, load
from pipelines.stages.assign import assign, assign_speakers
from pipelines.stages.microseconds import spans
from schemas.episode import Sentence, SpeechTurn

BARS = {"whisperx": 20.0, "lhotse": 5.0}
_SPEAKERS = 8
Labels = list[str | None]
Run = Callable[[], Callable[[], Labels]]  # what is timed; then, untimed, the labels it found


@dataclass(frozen=True)
class Recording:
    """One synthetic recording."""

    sentences: list[Sentence]
    turns: list[SpeechTurn]


def main(argv: list[str] | None = None) -> int:
    """Prints the rates and ratios; exit status 1 below a bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--turns", type=int, nargs="+", default=[700, 3_000, 12_000])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--require-peers", action="store_true")
    arguments = parser.parse_args(argv)
    programs: dict[str, Callable[[Recording], Run]] = {
        "ours": prepare_columns,
        "records": prepare_records,
    }
    for name, find in (("whisperx", find_whisperx), ("lhotse", find_lhotse)):
        try:
            programs[name] = find()
        except PeerMissing as missing:
            print(f"{name}: left out, {missing}")
    ratios: dict[str, float] = {}
    for count in arguments.turns:
        recording = make_recording(count)
        rates = measure(programs, recording, arguments.rounds)
        print(f"{count:>6} turns: " + ", ".join(f"{n} {r:,.0f}/s" for n, r in rates.items()))
        ratios = {name: rates["ours"] / rates[name] for name in BARS if name in rates}
        for name, ratio in ratios.items():
            records = rates["records"] / rates[name]
            print(f"{'':14}ours / {name}: {ratio:.1f} ({records:.1f} to records)")
    for name, ratio in ratios.items():
        print(f"ours / {name} at the largest size: {ratio:.1f}, the bar is {BARS[name]:g}")
    missing_peers = arguments.require_peers and len(ratios) < len(BARS)
    return int(missing_peers or any(ratio < BARS[name] for name, ratio in ratios.items()))


def measure(
    programs: dict[str, Callable[[Recording], Run]],
    recording: Recording,
    rounds: int,
) -> dict[str, float]:
    """Sentences a second by program, in its fastest round; all must agree on who speaks."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    right: Labels = []
    for _ in range(rounds):
        for name, prepare in programs.items():
            run = prepare(recording)
            started = time.perf_counter()
            answer = run()
            seconds[name].append(time.perf_counter() - started)
            labels = answer()
            right = right or labels
            # Peers know no ties and no limit for gaps; where somebody speaks they must agree.
            same = sum(one == other for one, other in zip(labels, right, strict=True))
            if same < 0.99 * len(right):
                raise SystemExit(f"{name} agrees on {same} of {len(right)} sentences only")
    return {name: len(right) / min(times) for name, times in seconds.items()}


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


def prepare_columns(recording: Recording) -> Run:
    """This project's assignment, to columns."""

    def run() -> Callable[[], Labels]:
        found = assign(*spans(recording.sentences), recording.turns)
        return lambda: found.speaker

    return run


def prepare_records(recording: Recording) -> Run:
    """This project's assignment, to records."""

    def run() -> Callable[[], Labels]:
        found = assign_speakers(recording.sentences, recording.turns)
        return lambda: [sentence.speaker for sentence in found]

    return run


def find_whisperx() -> Callable[[Recording], Run]:
    """The assignment of speakers to segments in whisperX, without words."""
    assign = load(
        "whisperx",
        "whisperx.diarize",
        "assign_word_speakers",
        unused=("pyannote", "pyannote.audio", "torch"),
    )
    import pandas as pd

    def prepare(recording: Recording) -> Run:
        frame = pd.DataFrame(
            [(t.start, t.start + t.duration, t.speaker) for t in recording.turns],
            columns=["start", "end", "speaker"],
        )
        segments = [
            {"start": s.start, "end": s.start + s.duration, "text": s.text}
            for s in recording.sentences
        ]

        def run() -> Callable[[], Labels]:
            found = assign(frame, {"segments": segments})
            return lambda: [segment.get("speaker") for segment in found["segments"]]

        return run

    return prepare


def find_lhotse() -> Callable[[Recording], Run]:
    """Lhotse's interval index of a cut's supervisions, asked once for each sentence."""
    try:
        from lhotse import CutSet, MonoCut, SupervisionSegment
    except ImportError as error:
        raise PeerMissing(f"not installed: pip install lhotse ({error})") from error

    def prepare(recording: Recording) -> Run:
        supervisions = [
            SupervisionSegment(
                id=str(number),
                recording_id="R",
                start=turn.start,
                duration=turn.duration,
                speaker=turn.speaker,
            )
            for number, turn in enumerate(recording.turns)
        ]
        last = recording.turns[-1]
        cut = MonoCut(
            id="R",
            start=0.0,
            duration=last.start + last.duration + 10.0,
            channel=0,
            supervisions=supervisions,
        )
        cuts = CutSet.from_cuts([cut])

        def run() -> Callable[[], Labels]:
            tree = cuts.index_supervisions()["R"]
            labels: Labels = []
            for sentence in recording.sentences:
                end = sentence.start + sentence.duration
                totals: dict[str, float] = {}
                for interval in tree.overlap(sentence.start, end):
                    shared = min(interval.end, end) - max(interval.begin, sentence.start)
                    speaker = interval.data.speaker
                    totals[speaker] = totals.get(speaker, 0.0) + shared
                labels.append(max(totals, key=totals.__getitem__) if totals else None)
            return lambda: labels

        return run

    return prepare


if __name__ == "__main__":
    sys.exit(main())
