"""From results to the page."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest

from benchmarks import collect
from benchmarks.__main__ import BENCHMARKS, show
from benchmarks.results import GROWTH, Claim, Result, Series, finish, read_result


def result(name: str) -> Result:
    """One benchmark whose second claim is missed."""
    return Result(
        benchmark=name,
        title=f"All about {name}",
        setting="Both read the same file.",
        claims=(
            Claim("4,000 rows, against peer", 25.0, "x", 20.0),
            Claim("memory", 350.0, "MB", 300.0, at_least=False, reason="the table is kept"),
            Claim("against another", None, "x", 2.0, reason="it cannot be installed"),
        ),
        series=tuple(
            Series(program, 1000 * times, "rows", "rows/s", (rate, 1.2 * rate))
            for times in GROWTH
            for program, rate in (("ours", 5000.0 * times), ("peer", 200.0))
        ),
        versions={"peer": "1.2"},
        notes=("The peer has two processes.",),
    )


def write(folder: Path, name: str, *, without_peers: bool = False) -> int:
    """As a benchmark ends."""
    arguments = argparse.Namespace(output=folder, growth=list(GROWTH), without_peers=without_peers)
    return finish(result(name), arguments, time.monotonic())


def test_a_result_survives_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write(tmp_path, "one") == 1
    said = capsys.readouterr().out
    assert "16,000 rows: ours 88,000 ±9%, peer 220 ±9% rows/s" in said
    assert "MISSED   350 MB  bar <= 300 MB  memory (the table is kept)" in said
    found, facts = read_result(tmp_path / "one.json")
    assert found == result("one")
    assert facts["complete"] and set(facts["machine"]) >= {"cores", "memory", "python"}


def test_the_page_has_every_claim_and_why_it_is_missed(tmp_path: Path) -> None:
    for name in BENCHMARKS:
        write(tmp_path, name)
    page = tmp_path / "page.md"
    assert collect.main(["--input", str(tmp_path), "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    name = BENCHMARKS[0]
    assert f"| `python -m benchmarks.{name}` | memory | 350 MB | ≤ 300 MB | **missed** |" in text
    assert f"| `python -m benchmarks.{name}` | against another | – | ≥ 2x | **missed** |" in text
    assert "- memory: the table is kept." in text
    assert "| 16,000 rows | 88,000 ±9% (16x) | 220 ±9% (1x) |" in text
    assert text.count("\n## ") == len(BENCHMARKS) + 1
    assert "\n\n\n" not in text


def test_a_part_of_a_run_makes_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in BENCHMARKS:
        write(tmp_path, name, without_peers=name == "grpo_speed")
    with pytest.raises(SystemExit):
        collect.main(["--input", str(tmp_path), "--output", str(tmp_path / "page.md")])
    assert "grpo_speed.json: not of a whole run; run `python -m" in capsys.readouterr().err
    (tmp_path / "mclp_speed.json").unlink()
    with pytest.raises(SystemExit):
        collect.main(["--input", str(tmp_path), "--output", str(tmp_path / "page.md")])
    assert "mclp_speed.json: not there" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_the_end_of_a_run_shows_each_claim(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "one")
    capsys.readouterr()
    assert show(["one"], tmp_path) == 1
    said = capsys.readouterr().out
    assert said.count("MISSED") == 2 and said.endswith("missed: 2\n")


def test_every_benchmark_is_a_module_with_help() -> None:
    folder = Path(collect.__file__).parent
    ours = {path.stem for path in folder.glob("*.py") if "make_parser(" in path.read_text("utf-8")}
    assert ours - {"results"} == set(BENCHMARKS)
