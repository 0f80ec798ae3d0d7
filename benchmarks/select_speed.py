"""Filtering annotated utterances against py-data-juicer: ``python -m benchmarks.select_speed``.

Whole commands, start-up included, over the same descriptions: ``python -m pipelines.select`` with
two rules (no letter, too many words) and with its whole audit of seven, and py-data-juicer's
``dj-process`` with two filters (text length, word count; np=2). With two rules both must keep the
same rows; the audit keeps none of what these drop.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from benchmarks import peers
from benchmarks.processes import Usage, measured, module
from benchmarks.results import Claim, Result, Series, finish, make_parser, ratio, version
from benchmarks.select_corpus import Corpus, write_corpus
from schemas import StageFacts

BAR = 20.0
PEER = "py-data-juicer"
TWO, SEVEN = "ours, two rules", "ours, seven rules"
MAX_WORDS, MAX_CHARACTERS = 60, 400
_HELD_AT = 4  # times the smallest input: the 200,000 rows of the bar
_PEER_UP_TO = 4  # times the smallest input: at 16 times a run of the peer takes some five minutes
TWO_RULES = {  # of `select` in params.yaml: nothing of the others can be found
    "keep_values": ["high", "medium", "low"],
    "max_words": MAX_WORDS,
    "max_characters": MAX_CHARACTERS,
    "min_script_share": 0.0,
    "max_opening_share": 1.0,
    "max_same": 10**9,
    "min_repeats": 10**9,
}
WHY_LESS = (
    "a quarter of our CPU time at 200,000 rows is start-up (NumPy, PyArrow, the settings), on one "
    "of the two cores"
)
SETTING = (
    "Whole commands as processes, start-up included, by the clock, over the same descriptions: "
    "`python -m pipelines.select` with no runner flags, Parquet in and out, and `dj-process` with "
    "`text_length_filter` and `words_num_filter`, np=2, JSON lines in and out. The two rules are "
    "the like of the two filters and keep the same rows; the seven are the whole audit, which "
    "counts every wording of the corpus first. Both have two cores: `select` works with a thread "
    "a core (at most four) in one process, the peer with two processes."
)
NOTES = (
    "select writes all 36 columns of its rows, the peer the two that it was given and its "
    "statistics.",
    "The peer's start takes some ten seconds, which weighs less the larger the corpus is; it is "
    f"run up to {_PEER_UP_TO}x.",
)


def main(argv: list[str] | None = None) -> int:
    """Measures and writes the result; 1 below a bar."""
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--rows", type=int, default=50_000, help="at 1x (default: %(default)s)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    versions = {name: version(name) for name in ("pyarrow", "numpy")}
    missing = "run without peers" if arguments.without_peers else ""
    if not missing:
        try:
            versions |= peers.versions("data_juicer", PEER)
        except peers.PeerMissing as error:
            missing = str(error)
    used: dict[tuple[str, int], list[Usage]] = {}
    with tempfile.TemporaryDirectory() as name:
        for times in arguments.growth:
            folder = Path(name) / f"{times}x"
            corpus = write_corpus(folder, times * arguments.rows)
            with_peer = not missing and times <= _PEER_UP_TO
            for _ in range(arguments.rounds if times <= _PEER_UP_TO else 1):
                for program, usage in one_round(corpus, folder, with_peer):
                    used.setdefault((program, corpus.rows), []).append(usage)
            shutil.rmtree(folder)
    result = Result(
        benchmark="select_speed",
        title="Filtering descriptions",
        setting=SETTING,
        claims=tuple(claims_of(used, _HELD_AT * arguments.rows, missing)),
        series=tuple(series_of(used)),
        versions=versions,
        notes=NOTES,
    )
    return finish(result, arguments, started)


def one_round(corpus: Corpus, work: Path, with_peer: bool) -> Iterator[tuple[str, Usage]]:
    """Every program once, and that they agree."""
    few = run_ours(corpus.nameless, work / "two", TWO_RULES)
    yield TWO, few
    kept = kept_by_ours(work / "two", corpus.rows, {"description_empty", "description_overlong"})
    yield SEVEN, run_ours(corpus.annotate, work / "seven", {})
    if strange := kept_by_ours(work / "seven", corpus.rows) - kept:
        raise SystemExit(f"the audit keeps {len(strange)} rows that two of its rules drop")
    if with_peer:
        yield PEER, run_peer(corpus, work)
        check_same(kept, kept_by_peer(work / "peer"))


def run_ours(annotate: Path, output: Path, rules: dict[str, object]) -> Usage:
    """``pipelines.select`` with the project's parameters, some changed."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["select"] |= rules
    file = output.with_suffix(".params.json")
    file.write_text(json.dumps(params, default=str), encoding="utf-8")  # JSON is YAML
    flags = ["--source", "game_voice", "--params", str(file)]
    folders = ["--input", str(annotate), "--output", str(output)]
    return measured(module("pipelines.select", *flags, *folders))


def run_peer(corpus: Corpus, work: Path) -> Usage:
    """``dj-process`` with its two filters."""
    shutil.rmtree(work / "peer", ignore_errors=True)
    recipe = {
        "project_name": "select_speed",
        "dataset_path": str(corpus.lines.resolve()),
        "export_path": str((work / "peer" / "kept.jsonl").resolve()),
        "np": 2,
        "open_tracer": False,
        "use_cache": False,
        "process": [
            {"text_length_filter": {"min_len": 1, "max_len": MAX_CHARACTERS}},
            {"words_num_filter": {"tokenization": False, "min_num": 1, "max_num": MAX_WORDS}},
        ],
    }
    file = work / "recipe.yaml"
    file.write_text(json.dumps(recipe, indent=1), encoding="utf-8")  # JSON is YAML
    program = peers.python("data_juicer").parent / "dj-process"
    return measured([str(program), "--config", str(file)])


def kept_by_ours(output: Path, rows: int, reasons: set[str] | None = None) -> set[str]:
    """The ids of the rows that stay; fails where rows are missing, or went for another reason."""
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    kept: set[str] = set()
    for path in sorted(output.glob("part-*.parquet")):
        kept.update(pq.read_table(path, columns=["id"]).column("id").to_pylist())
    if not facts.rows_in == rows == len(kept) + sum(facts.rejected.values()):
        raise SystemExit(f"select: {facts.rows_in} of {rows} rows in, {len(kept)} out")
    if reasons is not None and not facts.rejected.keys() <= reasons:
        raise SystemExit(f"select: more than two rules found something: {facts.rejected}")
    return kept


def check_same(ours: set[str], theirs: set[str]) -> None:
    """Fails where the peer keeps other rows: fast and wrong is not fast."""
    if ours != theirs:
        told = f"{len(ours ^ theirs)} rows are kept by one only"
        raise SystemExit(f"{PEER} keeps {len(theirs)}, ours {len(ours)}; {told}")


def kept_by_peer(folder: Path) -> set[str]:
    """The ids of the rows that stay."""
    with (folder / "kept.jsonl").open(encoding="utf-8") as stream:
        return {json.loads(line)["id"] for line in stream}


def claims_of(used: dict[tuple[str, int], list[Usage]], rows: int, missing: str) -> Iterator[Claim]:
    """Both of ours against the peer, at the size of the bar or the nearest that was run."""
    sizes = sorted({size for program, size in used if program in (PEER, TWO)})
    size = min(sizes, key=lambda one: abs(one - rows))
    theirs = used.get((PEER, size), [])
    for program, what in ((TWO, "two cheap filters"), (SEVEN, "all seven rules against its two")):
        ours = used[program, size]
        text = f"{size:,} rows, {what}, against {PEER}"
        if not theirs:
            yield Claim(text, None, "x", BAR, reason=missing)
            continue
        # Of rates: the seconds the other way.
        value = ratio([one.seconds for one in theirs], [one.seconds for one in ours])
        busy = ratio([one.cpu_seconds for one in theirs], [one.cpu_seconds for one in ours])
        yield Claim(text, value, "x", BAR, reason=f"{busy:.1f}x by CPU time; {WHY_LESS}")


def series_of(used: dict[tuple[str, int], list[Usage]]) -> Iterator[Series]:
    """Rows a second, CPU seconds and megabytes, by size."""
    for (program, size), found in used.items():
        yield Series(program, size, "rows", "rows/s", tuple(size / one.seconds for one in found))
    for (program, size), found in used.items():
        yield Series(program, size, "rows", "CPU-s", tuple(one.cpu_seconds for one in found))
        yield Series(program, size, "rows", "MB", tuple(one.peak_mb for one in found))


if __name__ == "__main__":
    sys.exit(main())
