"""``pipelines.annotate`` on episodes: the real command over real HTTP."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.chat_server import ServerThread
from tests.e2e.workplace import KEY, ROOT, contents
from tests.pipelines.episode_workshop import COST_USD, IN_FLIGHT, EpisodeServer, Workshop
from tests.pipelines.stages.diarized import diarized


@pytest.fixture
def serving() -> Iterator[ServerThread]:
    thread = ServerThread()
    thread.state = EpisodeServer()
    with thread:
        yield thread


@pytest.fixture
def workshop(serving: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    assert isinstance(serving.state, EpisodeServer)
    return Workshop(tmp_path, serving.base_url, serving.state)


def test_titles_then_characters_in_one_run(workshop: Workshop) -> None:
    assert workshop.run() == 0
    assert [(one.series, one.episode, len(one.profiles)) for one in workshop.episodes] == [
        ("春风小巷", "1", 4),
        ("春风小巷", "2", 3),
    ]
    facts, used = workshop.facts, workshop.used
    assert (facts.unit, facts.rows_in, facts.rows_out, facts.rejected) == ("sentence", 51, 51, {})
    assert facts.backend == "openai:mock"
    assert set(facts.prompt_sha256) == {"episode_title/v1", "episode_characters/v1"}
    assert facts.counts["profiles"] == 7 and facts.counts["title.with_episode"] == 2
    assert (used["calls"], used["cached_calls"], used["dead_letters"]) == (4, 0, 0)
    assert used["cost_usd"] == pytest.approx(4 * COST_USD)
    assert used["prompt_tokens"] == 4000
    scripts = [question for question in workshop.server.questions if "segments" in question]
    assert sorted(question["episode"] for question in scripts) == ["1", "2"]
    assert workshop.journal.is_file()


def test_a_second_run_calls_nothing_and_writes_the_same_bytes(workshop: Workshop) -> None:
    assert workshop.run() == 0
    first, calls = contents(workshop.output), workshop.server.calls
    assert workshop.run() == 0
    assert contents(workshop.output) == first
    assert workshop.server.calls == calls
    assert (workshop.used["calls"], workshop.used["cached_calls"]) == (0, 4)


def test_workers_change_no_byte(workshop: Workshop) -> None:
    assert workshop.run() == 0
    first = contents(workshop.output)
    workshop.output = workshop.folder / "again"
    flags = ["--journal", str(workshop.folder / "fresh.sqlite"), "--max-in-flight", "1"]
    assert workshop.run(*flags, "--", "--direct_num_workers=2") == 0
    assert contents(workshop.output) == first


def _ids(ids: Callable[[list[str]], list[str]]) -> Callable[[dict[str, Any]], object]:
    """Replies about the first episode for ``ids`` of the speakers asked about."""

    def wrong(question: dict[str, Any]) -> object:
        if question.get("episode") != "1":
            return None
        speakers = question["speakers"]
        profile = {"identity": "一位母亲", "character": "性情温和"}
        return {"characters": [{"speaker_id": s, **profile} for s in ids(speakers)]}

    return wrong


@pytest.mark.parametrize(
    "ids",
    [
        lambda ids: ids[:-1],
        lambda ids: [*ids, "SPEAKER_09"],
        lambda ids: [*ids, ids[0]],
        lambda ids: [f"GLOBAL_{name}" for name in ids],
    ],
    ids=["missing", "extra", "twice", "other"],
)
def test_wrong_ids_are_corrected_then_a_dead_letter_and_replayed_on_request(
    workshop: Workshop, ids: Callable[[list[str]], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.server.wrong = _ids(ids)
    assert workshop.run() == 0
    first = diarized(0)
    assert workshop.server.calls == 2 + 3 + 1  # two titles, three attempts, one good script
    assert workshop.facts.rejected == {"dead_letter": len(first.sentences)}
    assert workshop.facts.rows_in == workshop.facts.rows_out + len(first.sentences)
    assert workshop.facts.counts["lost.dead_letter"] == 1
    assert "dead_letter 24" in capsys.readouterr().out
    (rejected,) = [
        table
        for path in (workshop.output / "rejected").glob("*.parquet")
        if (table := pq.read_table(path)).num_rows
    ]
    assert rejected.column("record_id").to_pylist() == [s.id for s in first.sentences]

    assert workshop.run() == 0  # the dead letter is kept, nothing is asked again
    assert workshop.server.calls == 6 and workshop.facts.rejected
    workshop.server.wrong = lambda question: None
    assert workshop.run("--replay-dead-letters") == 0
    assert workshop.server.calls == 7
    assert workshop.facts.rejected == {} and len(workshop.episodes) == 2


def test_one_correction_is_enough_where_it_is_heeded(workshop: Workshop) -> None:
    once = Counter[str]()

    def wrong(question: dict[str, Any]) -> object:
        once.update(["asked"] if question.get("episode") == "1" else [])
        return {"characters": []} if once.total() == 1 else None

    workshop.server.wrong = wrong
    assert workshop.run() == 0
    assert (workshop.used["invalid_replies"], workshop.used["dead_letters"]) == (1, 0)
    assert len(workshop.episodes[0].profiles) == 4
    (corrected,) = [
        body["messages"]
        for body in workshop.server.bodies
        if "not usable" in body["messages"][-1]["content"]
    ]
    assert corrected[-2] == {"role": "assistant", "content": '{"characters": []}'}
    assert "missing: 'SPEAKER_00'" in corrected[-1]["content"]


def test_a_dry_run_foresees_calls_tokens_and_money_and_leaves_nothing_behind(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    before = contents(workshop.folder)
    assert workshop.run("--dry-run") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("dry run of annotate wenetspeech with openai:mock: 4 requests: ")
    found = re.search(r"; 4 calls to make, about (\d+) prompt and (\d+) completion tokens", line)
    assert found and int(found[1]) > 2000
    # Seven profiles of a hundred characters each, not a quarter of max_tokens.
    assert 400 < int(found[2]) < 900
    assert workshop.server.calls == 0 and contents(workshop.folder) == before
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    assert workshop.run() == 0
    assert workshop.run("--dry-run") == 0
    assert "4 answered in the journal; 0 calls to make" in capsys.readouterr().out
    monkeypatch.delenv("CHAT_API_KEY")  # no key is needed where the journal has every reply
    assert workshop.run() == 0


def test_a_missing_key_is_found_before_any_work(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    assert workshop.run() == 2
    assert capsys.readouterr().err.startswith("error: no API key: set CHAT_API_KEY")
    assert not workshop.output.exists()


def test_max_cost_stops_and_going_on_pays_the_rest(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    # A call reserves the longest reply it may have; what titles reserve is far less than scripts.
    assert workshop.run("--max-cost", "0.004") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "run the same command again" in line
    paid = workshop.server.calls
    assert 0 < paid < 4 and not (workshop.output / "stage.json").exists()
    assert workshop.run() == 0
    assert workshop.server.calls == 4 and max(workshop.server.arrivals.values()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "xx"}, "annotate_episodes.openai.language in params.yaml: xx: not one of"),
        (
            {"prompts": {"episode_title": "v9", "episode_characters": "v1"}},
            "annotate_episodes.openai.prompts in params.yaml: no prompt prompts/episode_title/v9",
        ),
        (
            {"prompts": {"episode_title": "v1", "episode_characters": "v1.small"}},
            "episode_characters/v1.small describes one speaker a call, in English",
        ),
        ({"script_characters": 100}, "annotate_episodes.openai.script_characters"),
        ({"pieces_asked": "some"}, "annotate_episodes.openai.pieces_asked"),
    ],
)
def test_settings_that_cannot_work_are_named(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    message: str,
) -> None:
    workshop.change(changes)
    assert workshop.run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not workshop.output.exists()


def test_before_diarize_it_says_what_to_run(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workshop.run("--input", str(workshop.folder)) == 2
    assert "run python -m pipelines.diarize --source wenetspeech" in capsys.readouterr().err


def test_a_source_that_is_not_there_is_told_all_that_are(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workshop.run("--source", "nothing") == 2
    assert "it has: emilia, esd, game_voice, wenetspeech" in capsys.readouterr().err


def test_kill_9_in_the_middle_and_run_again_buys_nothing_twice(
    serving: ServerThread, workshop: Workshop
) -> None:
    workshop.change({"speakers_per_call": 1, "script_characters": 600})
    server = workshop.server
    command = [sys.executable, "-m", "pipelines.annotate", *workshop.arguments()]
    server.delay_s = 0.1
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 240
    while server.replied.total() < 8:
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    serving.until_alone()
    assert not (workshop.output / "stage.json").exists()
    paid = set(server.replied)
    server.delay_s = 0.0
    server.forget()
    assert workshop.run() == 0
    # Only what was in flight when it died may be asked again: its reply had nobody to keep it.
    assert len(set(server.arrivals) & paid) <= IN_FLIGHT
    assert max(server.arrivals.values()) == 1
    assert workshop.used["cached_calls"] >= 8 - IN_FLIGHT
    resumed = contents(workshop.output)
    workshop.output = workshop.folder / "whole"
    assert workshop.run("--journal", str(workshop.folder / "fresh.sqlite")) == 0
    assert contents(workshop.output) == resumed
