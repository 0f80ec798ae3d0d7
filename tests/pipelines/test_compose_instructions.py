"""`pipelines.compose --set s3` with a real HTTP chat server: counts, money, second runs, kills."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from manifests.validate import validate
from pipelines import compose, emit
from pipelines.stages.near_duplicates import normal_text
from tests.chat_server import ServerThread
from tests.pipelines.instruction_corpus import (
    PER_LANGUAGE,
    annotated_folder,
    small_params,
)
from tests.pipelines.instruction_server import InstructionServer, instruction_server


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "secret-of-the-test")


@pytest.fixture
def server() -> Iterator[tuple[ServerThread, InstructionServer]]:
    thread, state = instruction_server()
    with thread:
        yield thread, state


class Workplace:
    """One corpus, one journal, and the command on them."""

    def __init__(self, folder: Path, base_url: str, **changes: Any) -> None:  # noqa: ANN401
        self.folder = folder
        self.input = folder / "select"
        if not self.input.exists():
            annotated_folder(self.input)
        self.params = small_params(folder / "params.yaml", base_url, **changes)

    def run(self, output: str, *more: str) -> int:
        arguments = ["--set", "s3", "--params", str(self.params), "--input", str(self.input)]
        arguments += ["--output", str(self.folder / output)]
        arguments += ["--journal", str(self.folder / "journal.sqlite")]
        return compose.main([*arguments, *more])

    def emit(self, composed: str, output: str) -> int:
        arguments = ["--source", "s3", "--params", str(self.params)]
        arguments += ["--input", str(self.folder / composed)]
        return emit.main([*arguments, "--output", str(self.folder / output)])

    def rows(self, output: str) -> list[dict[str, Any]]:
        return parts(self.folder / output, "part-*.parquet")

    def facts(self, output: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / output / "stage.json").read_text())
        return found

    def spent(self, output: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{output}.run.json").read_text())
        return found


def parts(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_counts_are_exact_and_a_second_run_is_free_and_the_same(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url)
    assert place.run("first") == 0, capsys.readouterr().err
    calls = state.calls
    rows, facts = place.rows("first"), place.facts("first")
    wanted = {"sampled": 4, "dictionary": 8, "free": 9}
    wanted |= {"features_3": 3, "features_4": 2, "features_5": 2, "features_6": 2}
    for language in ("zh", "en"):
        of_language = [row for row in rows if row["language"] == language]
        assert len(of_language) == PER_LANGUAGE
        for label, count in wanted.items():
            assert facts["counts"][f"{language}.{label}"] == count
        origins = Counter(row["origin"] for row in of_language)
        assert origins == {"sampled": 4, "dictionary": 8, "features": 9, "free": 9}
        generated = [row for row in of_language if row["origin"] != "sampled"]
        assert len({normal_text(row["instruction"]) for row in generated}) == len(generated)
        numbers = Counter(len(r["attributes"]) for r in generated if r["origin"] == "features")
        assert numbers == {3: 3, 4: 2, 5: 2, 6: 2}
    assert len({row["id"] for row in rows}) == len(rows) == facts["out"]
    assert facts["in"] == facts["out"] + sum(facts["rejected"].values())
    rejected = parts(tmp_path / "first" / "rejected", "part-*.parquet")
    assert Counter(row["reason"] for row in rejected) == facts["rejected"]
    assert facts["rejected"].keys() >= {
        *("instruction_repeated", "instruction_similar", "features_wrong", "language_wrong"),
        *("text_overlong", "description_empty", "example_copied"),
    }
    assert place.spent("first")["calls"] == calls > place.spent("first")["invalid_replies"] > 0

    assert place.run("second") == 0
    assert state.calls == calls and place.spent("second")["calls"] == 0
    assert contents(tmp_path / "second") == contents(tmp_path / "first")


def test_a_dry_run_calls_nothing_and_foresees_the_first_round(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url)
    assert place.run("out", "--dry-run") == 0
    said = capsys.readouterr().out
    assert state.calls == 0 and not (tmp_path / "out").exists()
    assert not (tmp_path / "journal.sqlite").exists()
    # A language: 3 of dictionaries, 1 of each number of features, 3 of free ones (3 items each).
    assert "20 requests: 0 answered in the journal; 20 calls to make" in said
    assert " USD (at most " in said
    assert place.run("out") == 0
    capsys.readouterr()
    assert place.run("out", "--dry-run") == 0
    assert " 0 calls to make" in capsys.readouterr().out


def test_what_follows_from_the_set_is_shards_of_prompts(
    tmp_path: Path, server: tuple[ServerThread, InstructionServer]
) -> None:
    place = Workplace(tmp_path, server[0].base_url)
    assert place.run("composed") == 0 and place.emit("composed", "emitted") == 0
    report = validate(str(tmp_path / "emitted"))
    assert report.ok and report.cuts == 2 * PER_LANGUAGE
    facts = place.facts("emitted")
    assert (facts["unit"], facts["in"], facts["out"]) == ("prompt", 60, 60)
    assert facts["counts"]["origin.features"] == 18
    assert place.emit("composed", "again") == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "emitted")


def test_a_run_that_is_stopped_goes_on_and_pays_nothing_twice(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url)
    state.fail_after = 9
    assert place.run("out") == 1
    assert "then run the same command again" in capsys.readouterr().err
    assert not (tmp_path / "out" / "stage.json").exists()
    paid = sum(state.replied.values())
    assert paid == 9
    state.fail_after = None
    assert place.run("out") == 0
    assert max(state.replied.values()) == 1
    whole = Workplace(tmp_path / "whole", thread.base_url)
    assert whole.run("out") == 0
    assert contents(tmp_path / "whole" / "out") == contents(tmp_path / "out")


def test_too_few_after_all_rounds_say_what_is_missing(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    state.same = True
    place = Workplace(tmp_path, thread.base_url, max_rounds=2)
    assert place.run("out") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: s3: after 2 rounds there are only ") and error.count("\n") == 1
    assert ".free" in error and "instruction_repeated" in error
    assert "no reply is paid for twice" in error
    assert not (tmp_path / "out" / "stage.json").exists()


def test_dead_letters_are_counted_and_made_up_for(tmp_path: Path) -> None:
    thread, state = instruction_server(honest=True, muted=frozenset({2}))
    with thread:
        place = Workplace(tmp_path, thread.base_url)
        assert place.run("out") == 0
    facts = place.facts("out")
    # Request 2 of dictionaries and of free ones, of each language, three items each.
    assert facts["rejected"]["dead_letter"] == 12
    assert facts["out"] == 2 * PER_LANGUAGE


def test_a_cap_on_money_is_not_passed(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url)
    assert place.run("out", "--max-cost", "0.0065") == 1
    assert 0 < state.calls < 20
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("openai", "said"),
    [
        (
            {"counts": {"sampled": 7, "dictionary": 1, "features": {}, "free": 0}},
            "6 of en, 6 of zh",
        ),
        ({"prompts": {"s3_dictionary": "v9", "s3_features": "v1", "s3_free": "v1"}}, "no prompt"),
        ({"languages": ["en", "en"]}, "a language is there twice"),
        ({"counts": {"sampled": 1, "dictionary": 1, "features": {13: 1}, "free": 0}}, "features"),
    ],
)
def test_bad_usage_is_found_before_any_call(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
    openai: dict[str, Any],
    said: str,
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url, openai=openai)
    assert place.run("out") == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert state.calls == 0 and not (tmp_path / "out").exists()


def test_without_input_it_reads_what_emit_would_pack(
    tmp_path: Path,
    server: tuple[ServerThread, InstructionServer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of labelled corpora nothing is selected: their annotated rows are sampled."""
    params = small_params(tmp_path / "params.yaml", server[0].base_url, sources=["emilia", "esd"])
    content = yaml.safe_load(params.read_text(encoding="utf-8"))
    params.write_text(yaml.safe_dump(content | {"root": str(tmp_path / "data")}))
    run = ["--set", "s3", "--params", str(params), "--journal", str(tmp_path / "j"), "--dry-run"]
    annotated_folder(tmp_path / "data" / "emilia" / "select")
    assert compose.main(run) == 2
    assert "esd/annotate: no finished stage there" in capsys.readouterr().err
    annotated_folder(tmp_path / "data" / "esd" / "annotate")
    assert compose.main(run) == 0


def test_every_request_is_another_one(
    tmp_path: Path, server: tuple[ServerThread, InstructionServer]
) -> None:
    thread, state = server
    place = Workplace(tmp_path, thread.base_url)
    assert place.run("out") == 0
    first = {json.dumps(question, sort_keys=True) for question in state.questions}
    corrections = sum(
        len(body["messages"]) % 2 == 0 and len(body["messages"]) > 6 for body in state.bodies
    )
    assert len(first) >= len(state.questions) - corrections
    seeds = [
        (seed["who"], seed["where"], seed["mood"])
        for question in map(json.loads, first)
        for seed in question["seeds"]
    ]
    assert len(set(seeds)) > 0.99 * len(seeds)
    assert {body["temperature"] for body in state.bodies} == {1.0}
    assert {body["max_tokens"] for body in state.bodies} == {4096}
