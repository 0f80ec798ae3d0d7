"""What a run may cost: dry runs, caps, an empty balance, no key, and a kill in the middle."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.workplace import KEY, SOURCES, Workplace, contents


@pytest.mark.parametrize("source", SOURCES)
def test_a_dry_run_calls_nothing_writes_nothing_and_reads_no_audio(
    workplace: Workplace,
    server: AnnotationServer,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workplace.done("ingest", source)
    shutil.rmtree(workplace.folder / "samples")  # all audio there is
    monkeypatch.delenv("CHAT_API_KEY")
    before = contents(workplace.folder)  # the journals' folder too
    ended = workplace.done("annotate", source, "--dry-run")
    assert ended.out.startswith(f"dry run of annotate {source} with openai:mock: ")
    assert re.search(r"; (\d+) calls to make, about \d+ prompt", ended.out)
    assert server.calls == 0
    assert contents(workplace.folder) == before
    assert len(ended.out.splitlines()) == 1


def test_a_dry_run_foresees_the_calls_exactly(
    workplace: Workplace, server: AnnotationServer
) -> None:
    workplace.done("ingest", "emilia")
    assert " 45 calls to make" in workplace.done("annotate", "emilia", "--dry-run").out
    workplace.done("annotate", "emilia", "--limit", "5")
    assert server.calls == 10
    out = workplace.done("annotate", "emilia", "--dry-run").out
    assert "10 answered in the journal" in out and " 35 calls to make" in out
    workplace.done("annotate", "emilia")
    assert " 0 calls to make" in workplace.done("annotate", "emilia", "--dry-run").out
    assert server.calls == 45


def test_a_dry_run_of_a_game_takes_every_character_for_known(
    workplace: Workplace, server: AnnotationServer
) -> None:
    workplace.done("ingest", "game_voice")
    out = workplace.done("annotate", "game_voice", "--dry-run").out
    foreseen = int(re.findall(r"(\d+) calls to make", out)[0])
    workplace.done("annotate", "game_voice")
    unknown = workplace.facts("game_voice", "annotate")["rejected"]["character_unknown"]
    assert (unknown, foreseen - server.calls) == (16, 16 + 2)  # lines and profiles
    assert " 0 calls to make" in workplace.done("annotate", "game_voice", "--dry-run").out


def test_max_cost_stops_keeps_everything_and_going_on_pays_the_rest(
    workplace: Workplace, server: AnnotationServer
) -> None:
    workplace.done("ingest", "emilia")
    cap = 0.0012
    ended = workplace.run("annotate", "emilia", "--max-cost", str(cap))
    assert ended.status == 1
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ") and "run the same command again" in line
    assert "every reply is kept in the journal" in line
    assert 0 < server.calls < 45
    cost_usd = (900 * 0.003 + 100 * 0.15 + 50 * 0.6) / 1e6
    assert server.calls * cost_usd <= cap
    assert len(workplace.journalled("emilia")) == server.calls
    assert not (workplace.data / "emilia" / "annotate" / "stage.json").exists()
    assert workplace.run("select", "emilia").status == 2
    workplace.done("annotate", "emilia")
    assert server.calls == 45
    assert max(server.arrivals.values()) == 1
    assert workplace.facts("emilia", "annotate")["out"] == 48


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_balance_stops_with_everything_paid_for_kept(
    workplace: Workplace, server: AnnotationServer, source: str
) -> None:
    workplace.done("ingest", source)
    server.balance = 20
    ended = workplace.run("annotate", source)
    assert ended.status == 1
    (line,) = ended.err.splitlines()
    assert "402" in line or "balance" in line.lower()
    assert "run the same command again" in line
    assert len(workplace.journalled(source)) == 20
    refused = server.calls - 20
    assert refused <= 16  # those in flight
    server.balance = None
    server.forget()
    workplace.done("annotate", source)
    assert server.calls == {"emilia": 45, "game_voice": 91}[source] - 20


def test_a_missing_key_is_one_line_and_status_2_and_harms_nothing(
    workplace: Workplace, server: AnnotationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia", "--limit", "1")
    before, calls = contents(workplace.data), server.calls
    monkeypatch.delenv("CHAT_API_KEY")
    ended = workplace.run("annotate", "emilia", "--chat-backend", "openai")
    (line,) = ended.err.splitlines()
    assert line == "error: no API key: set CHAT_API_KEY (or DEEPSEEK_API_KEY, OPENAI_API_KEY)"
    assert (ended.status, ended.out, server.calls) == (2, "", calls)
    assert contents(workplace.data) == before


@pytest.mark.parametrize("source", SOURCES)
def test_no_key_is_needed_where_the_journal_has_every_reply(
    workplace: Workplace, server: AnnotationServer, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.done("ingest", source)
    workplace.done("annotate", source)
    calls = server.calls
    monkeypatch.delenv("CHAT_API_KEY")
    workplace.done("annotate", source)
    assert server.calls == calls


def test_the_command_line_chooses_server_and_model(
    workplace: Workplace, server: AnnotationServer
) -> None:
    base_url = _base_url(workplace)
    workplace.change({"chat.backend": "embedded", "chat.base_url": "http://127.0.0.1:9/v1"})
    workplace.done("ingest", "emilia")
    flags = ["--chat-backend", "openai", "--chat-base-url", base_url, "--chat-model", "another"]
    journal = workplace.folder / "elsewhere" / "replies.sqlite"
    workplace.done("annotate", "emilia", *flags, "--journal", str(journal), "--max-in-flight", "2")
    assert server.calls == 45 and server.most_in_flight <= 2
    assert {body["model"] for body in server.bodies} == {"another"}
    assert journal.is_file() and not workplace.journals.exists()
    assert workplace.facts("emilia", "annotate")["backend"] == "openai:another"


def _base_url(workplace: Workplace) -> str:
    """The server that params.yaml names."""
    found = re.search(r"base_url: (\S+)", workplace.params_file.read_text(encoding="utf-8"))
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--chat-base-url", "ftp://x"], "not an http(s) URL"),
        (["--max-in-flight", "0"], "max_in_flight"),
        (["--max-cost", "-1"], "max_cost_usd"),
        (["--chat-model", "nameless", "--max-cost", "1"], "--max-cost needs the price"),
        (["--input", "a", "b"], "--input: one folder"),
        (["--input", "nowhere"], "run python -m pipelines.ingest --source emilia"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    workplace: Workplace, server: AnnotationServer, flags: list[str], message: str
) -> None:
    workplace.done("ingest", "emilia")
    ended = workplace.run("annotate", "emilia", *flags)
    assert ended.status == 2, ended
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ") and message in line
    assert server.calls == 0


@pytest.mark.parametrize("source", SOURCES)
def test_kill_9_half_way_and_run_again_buys_nothing_twice(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call whose reply was committed before the kill is made again."""
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    in_flight, needed = 4, {"emilia": 45, "game_voice": 91}[source]
    thread, server = annotation_server(delay_s=0.05)
    with thread:
        workplace = Workplace(tmp_path / "work", thread.base_url)
        workplace.change({"chat.max_in_flight": in_flight})
        workplace.done("ingest", source)
        process = workplace.start("annotate", source)
        _wait_for(process, server, needed // 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        thread.until_alone()
        sent, kept = set(server.replied), workplace.journalled(source)
        assert needed // 2 - in_flight <= len(kept) < needed
        assert len(sent - kept) <= in_flight
        assert not (workplace.data / source / "annotate" / "stage.json").exists()
        server.forget()
        server.delay_s = 0.0
        workplace.done("annotate", source)
    assert not set(server.arrivals) & kept
    assert server.calls == needed - len(kept)
    assert max(server.arrivals.values()) == 1
    whole = _uninterrupted(source, tmp_path / "whole", workplace)
    assert contents(workplace.data / source / "annotate") == whole


def _wait_for(process: subprocess.Popen[bytes], server: AnnotationServer, replies: int) -> None:
    until = time.monotonic() + 240
    while server.replied.total() < replies:
        assert process.poll() is None, "the command ended too early"
        assert time.monotonic() < until
        time.sleep(0.001)


def _uninterrupted(source: str, output: Path, workplace: Workplace) -> dict[str, bytes]:
    """What annotate writes when nothing happens to it, with a fresh journal and server."""
    thread, _ = annotation_server()
    journal = output / "journal.sqlite"
    with thread:
        flags = ["--chat-base-url", thread.base_url, "--journal", str(journal)]
        workplace.done("annotate", source, *flags, "--output", str(output / "annotate"))
    return contents(output / "annotate")
