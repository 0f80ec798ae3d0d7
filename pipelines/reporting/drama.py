"""What the report shows of a corpus of role-play scenes beyond what it shows of every corpus.

Table 1 and Figure 4 of MCLP from the run, the videos that could not be had, how sure the speakers
are, the splits, and a few scenes to read and to hear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import UsageError
from pipelines.fetching.ledger import PARQUET
from pipelines.reporting.distributions import read_lengths, read_styles
from pipelines.stage import StageOutput
from pipelines.stages.split_certificate import Certificate
from pipelines.stages.table1 import HEADER, CorpusCounts, format_table1, table1_row, turn_histogram
from schemas import StageFacts

VERBS = (  # the stages of a corpus of recordings, in order
    "ingest",
    "fetch",
    "separate",
    "diarize",
    "annotate",
    "cut_scenes",
    "caption",
    "select",
    "emit",
)
LAST_BAR = 20  # turns; the last bar stands for that many or more
LENGTH_STEP_S = 5.0  # of the bars of scene durations ...
LENGTH_BARS = 13  # ... of which the last one stands for a minute or more
SHOWN_VIDEOS = 12  # of the ledger
BINS = 10  # of a share from 0 to 1

Bars = tuple[tuple[str, int], ...]  # (label, how many)


@dataclass(frozen=True, kw_only=True)
class SceneBar:
    """Scenes of one kind, as cut and as kept."""

    label: str
    cut: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class LostVideo:
    """One line of the ledger. All text is the outside world's."""

    url: str
    cause: str
    detail: str
    hours: float


@dataclass(frozen=True, kw_only=True)
class LostVideos:
    """The ledger: how many videos could not be had, by cause."""

    by_cause: tuple[tuple[str, int, float], ...]  # cause, videos, hours
    shown: tuple[LostVideo, ...]
    videos: int


@dataclass(frozen=True, kw_only=True)
class DramaReport:
    """A corpus of role-play scenes."""

    table1_header: tuple[str, ...]
    table1: tuple[tuple[str, ...], ...]
    turns: tuple[SceneBar, ...]
    lengths: tuple[SceneBar, ...]  # by duration
    styles: Bars  # kept scenes by the style of their last turn, where a classifier heard it
    lost: LostVideos | None  # None before fetch
    overlap: Bars  # sentences by the share that their speaker speaks
    margin: Bars  # and by its distance to the runner-up's
    flags: Bars  # and by what is to be known about the assignment
    splits: tuple[tuple[str, int, int], ...]  # side, recordings, scenes
    test_lengths: tuple[tuple[int, int, int], ...]  # turns, available, chosen
    split_warnings: tuple[str, ...]
    reinforcement: Bars  # training scenes by what became of them for the RL subset


def gather_drama(root: str, source: str, outputs: Sequence[StageOutput]) -> DramaReport:
    """Everything of one corpus, from its finished stages, its ledger and its certificate.

    Raises:
        UsageError: the ledger or the certificate is damaged.
        StageFailed: a part with scenes is damaged.
    """
    finished = {output.facts.stage: output for output in outputs}
    facts = {stage: output.facts for stage, output in finished.items()}
    diarized = facts["diarize"].counts if "diarize" in facts else {}
    certificate = _certificate(files.join(root, source, "select", "certificate.json"))
    selected = facts["select"].counts if "select" in facts else {}
    sides = certificate.sides.items() if certificate else ()
    return DramaReport(
        table1_header=HEADER,
        table1=tuple(format_table1(table1_row(*row) for row in corpus_counts(facts))),
        turns=turn_bars(facts),
        lengths=length_bars(finished.get("cut_scenes"), finished.get("select")),
        styles=read_styles(finished.get("select")),
        lost=_ledger(files.join(root, source, "media", PARQUET)) if "fetch" in facts else None,
        overlap=_bins(diarized, "overlap."),
        margin=_bins(diarized, "margin."),
        flags=_named(diarized, "assign."),
        splits=tuple((side, found.recordings, found.scenes) for side, found in sides),
        test_lengths=tuple(
            (row.turns, row.available, row.chosen)
            for row in (certificate.test_table if certificate else ())
        ),
        split_warnings=tuple(certificate.warnings) if certificate else (),
        reinforcement=_named(selected, "rl."),
    )


def corpus_counts(facts: Mapping[str, StageFacts]) -> list[tuple[str, CorpusCounts]]:
    """The rows of Table 1 that the finished stages give, as the paper names them."""
    rows: list[tuple[str, CorpusCounts]] = []
    if "ingest" in facts:
        ingest = facts["ingest"]
        rows.append(
            ("WenetSpeech", _counts(ingest, "audios_in", ingest.rows_in, ingest.hours_in)),
        )
        rows.append(("YouTube drama", _counts_out(ingest)))
    if "fetch" in facts:
        rows.append(("YouTube drama (video available)", _counts_out(facts["fetch"])))
    if "caption" in facts:
        rows.append(("Scene and character annotated", _counts_out(facts["caption"])))
    if "select" in facts:
        rows.append(("Filtered", _counts_out(facts["select"])))
    return rows


def turn_bars(facts: Mapping[str, StageFacts]) -> tuple[SceneBar, ...]:
    """Figure 4, for the scenes as they were cut and as they were kept."""
    cut, kept = (
        dict(turn_histogram(_counts_out(facts[verb]), LAST_BAR)) if verb in facts else {}
        for verb in ("cut_scenes", "select")
    )
    return tuple(
        SceneBar(
            label=f"{turns}+" if turns == LAST_BAR else str(turns),
            cut=cut.get(turns, 0),
            kept=kept.get(turns, 0),
        )
        for turns in range(1, max([*cut, *kept], default=0) + 1)
    )


def length_bars(cut: StageOutput | None, kept: StageOutput | None) -> tuple[SceneBar, ...]:
    """Durations of the scenes as they were cut and as they were kept, up to the longest."""
    found = [read_lengths(output, LENGTH_STEP_S, LENGTH_BARS) for output in (cut, kept)]
    bars = [
        SceneBar(
            label=f"{number * LENGTH_STEP_S:g}" + ("+" if number == LENGTH_BARS - 1 else ""),
            cut=one,
            kept=other,
        )
        for number, (one, other) in enumerate(zip(*found, strict=True))
    ]
    while bars and not bars[-1].cut and not bars[-1].kept:
        bars.pop()
    return tuple(bars)


def _counts_out(facts: StageFacts) -> CorpusCounts:
    return _counts(facts, "audios_out", facts.rows_out, facts.hours_out)


def _counts(facts: StageFacts, audios: str, sentences: int, hours: float) -> CorpusCounts:
    counts = facts.counts
    return CorpusCounts(
        audios=counts.get(audios, 0),
        microseconds=round(hours * 3.6e9),
        sentences=sentences,
        scenes=counts.get("scenes"),
        scene_speakers=counts.get("scene_speakers"),
        turns=Counter(
            {int(key.removeprefix("turns.")): n for key, n in counts.items() if _is_turns(key)}
        ),
    )


def _is_turns(key: str) -> bool:
    return key.startswith("turns.") and key.removeprefix("turns.").isdigit()


def _bins(counts: Mapping[str, int], prefix: str) -> Bars:
    """Ten bins of a share, from the counts `<prefix>0` to `<prefix>9`; none counted, no bars."""
    if not any(key.startswith(prefix) for key in counts):
        return ()
    return tuple(
        (f"{low / BINS:.1f}–{(low + 1) / BINS:.1f}", counts.get(f"{prefix}{low}", 0))
        for low in range(BINS)
    )


def _named(counts: Mapping[str, int], prefix: str) -> Bars:
    found = [(key.removeprefix(prefix), n) for key, n in counts.items() if key.startswith(prefix)]
    return tuple(sorted(found, key=lambda bar: (-bar[1], bar[0])))


def _certificate(path: str) -> Certificate | None:
    if not files.exists(path):
        return None
    try:
        return Certificate.from_json(files.read_text(path))
    except ValueError as error:
        raise UsageError(f"{path}: {error}; run select again") from error


def _ledger(path: str) -> LostVideos:
    if not files.exists(path):  # fetch writes one even when nothing was lost; media may be gone
        return LostVideos(by_cause=(), shown=(), videos=0)
    with files.open_read(path) as stream:
        rows = pq.read_table(stream).to_pylist()
    videos = Counter(row["cause"] for row in rows)
    hours = dict.fromkeys(videos, 0.0)
    for row in rows:
        hours[row["cause"]] += row["duration"] / 3600
    return LostVideos(
        by_cause=tuple(
            (cause, videos[cause], hours[cause])
            for cause in sorted(videos, key=lambda cause: (-videos[cause], cause))
        ),
        shown=tuple(_shown(rows)),
        videos=len(rows),
    )


def _shown(rows: Sequence[Mapping[str, object]]) -> Iterator[LostVideo]:
    for row in rows[:SHOWN_VIDEOS]:
        yield LostVideo(
            url=str(row["url"]),
            cause=str(row["cause"]),
            detail=str(row["detail"]),
            hours=float(str(row["duration"])) / 3600,
        )
