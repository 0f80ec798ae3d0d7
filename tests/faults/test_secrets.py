"""Secrets stay in the environment: no file, message, log or database row ever has one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests import postgres_server
from tests.e2e.annotation_server import call_name
from tests.e2e.workplace import KEY, Ended, Workplace, contents
from tests.faults.corpus import (
    SOURCE,
    WillingServer,
    both,
    chain,
    conserved,
    encoded,
    name_of,
    page_of,
    rejections,
    rows,
    serving,
    tone,
    workplace_of,
)
from tests.pipelines.sources.archives import Member

PASSWORD = "correct-horse-battery-staple"
CLIP = encoded(tone(1.0))
TITLES = {number: f"Talk number {number}" for number in range(4)}
DEAD = {name_of(2): "dead_letter"}


class EchoingServer(WillingServer):
    """Repeats the key in whatever place it is told to, for one of the titles or for all."""

    def __init__(self, place: str, title: str = "") -> None:
        super().__init__()
        self.place, self.title = place, title

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        told = request.headers["Authorization"]
        if not any(self.title in message["content"] for message in body["messages"]):
            return await super()._complete(request)
        self.arrivals[call_name(body["messages"])] += 1
        self.headers.append(request.headers)
        headers = {"X-Your-Key": told}
        if self.place == "redirect":
            headers["Location"] = f"https://elsewhere.invalid/?key={told}"
            return web.Response(status=307, text=f"Moved: {told}", headers=headers)
        if self.place.isdigit():
            error = {"error": {"message": f"no use for {told}"}}
            return web.json_response(error, status=int(self.place), headers=headers)
        if self.place == "broken reply":
            return web.Response(body=f"<html>{told}</html>".encode(), headers=headers)
        words = {"description": f"Say it calmly, as {told} would.", "value": "high"}
        reply: dict[str, Any] = orjson.loads(self._reply(body, {}, orjson.dumps(words).decode()))
        reply |= {"model": f"model-{told}", "system_fingerprint": told}
        return web.json_response(reply, headers=headers)


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    return [member for number in TITLES for member in both(number, CLIP, 1.0)]


def _nowhere(secret: str, work: Workplace, log: str, *ended: Ended) -> None:
    """No file of the workplace has the secret, and nothing that was printed or logged has."""
    for path, content in contents(work.folder).items():
        assert secret.encode() not in content, path
    for one in ended:
        assert secret not in one.out + one.err
    assert secret not in log


@pytest.mark.parametrize(
    ("place", "lost"),
    [
        ("reply", {}),
        ("broken reply", {name_of(2): "dead_letter"}),
        ("400", {name_of(2): "dead_letter"}),
    ],
)
def test_a_server_that_repeats_the_key_for_one_row(
    tmp_path: Path,
    members: list[Member],
    place: str,
    lost: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    state = EchoingServer(place, "Talk number 2")
    with serving(state) as url:
        work = workplace_of(tmp_path, url, members, TITLES)
        chain(work, "ingest", "annotate")
    assert state.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert {r.record_id: r.reason.value for r in rejections(work, "annotate")} == lost
    kept = {row["id"]: row for row in rows(work, "annotate")}
    assert set(kept) == {name_of(n) for n in TITLES} - set(lost)
    if not lost:
        assert "as Bearer [key] would" in kept[name_of(2)]["instruction"]
    chain(work, "select", "emit")
    page_of(work)
    _nowhere(KEY, work, caplog.text)


@pytest.mark.parametrize("place", ["redirect", "401", "403"])
def test_a_server_that_repeats_the_key_and_stops_the_run(
    tmp_path: Path, members: list[Member], place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    state = EchoingServer(place)
    with serving(state) as url:
        work = workplace_of(tmp_path, url, members, TITLES)
        chain(work, "ingest")
        stopped = work.run("annotate", SOURCE)
    assert stopped.status == 1
    assert len(stopped.err.splitlines()) == 1
    assert "[key]" in stopped.err and "To go on, " in stopped.err
    page_of(work)
    _nowhere(KEY, work, caplog.text, stopped)
    with serving(WillingServer()) as url:  # nothing was lost by it
        again = work.done("annotate", SOURCE, "--chat-base-url", url)
    assert conserved(work, "annotate")["out"] == len(TITLES)
    _nowhere(KEY, work, caplog.text, again)


@pytest.mark.parametrize(
    "location",
    [
        f"postgresql://me:{PASSWORD}@db.invalid/chat",
        f"postgresql://db.invalid/chat?user=me&password={PASSWORD}",
        f"postgresql://db.invalid/chat?user=me&sslpassword={PASSWORD}",
    ],
)
def test_a_password_in_the_journals_address_is_refused_and_not_repeated(
    tmp_path: Path, members: list[Member], location: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(WillingServer()) as url:
        work = workplace_of(tmp_path, url, members, TITLES)
        chain(work, "ingest")
        work.change({"journals": location})
        refused = work.run("annotate", SOURCE)
    assert refused.status == 2
    assert "PGPASSWORD" in refused.err
    work.params_file.unlink()  # where the person wrote it
    _nowhere(PASSWORD, work, caplog.text, refused)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if postgres_server.programs() is None:
        pytest.skip("no PostgreSQL server is installed here")
    with postgres_server.server() as location:
        yield location


def test_the_password_of_the_journals_server_is_written_nowhere(
    tmp_path: Path,
    members: list[Member],
    cluster: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    wrong = cluster.replace("/postgres?", "/nowhere?")
    with serving(EchoingServer("400", "Talk number 2")) as url:
        work = workplace_of(tmp_path, url, members, TITLES)
        chain(work, "ingest")
        work.change({"journals": wrong})
        refused = work.run("annotate", SOURCE)
        assert (refused.status, "nowhere" in refused.err) == (2, True)
        work.change({"journals": cluster})
        chain(work, "annotate")
    page_of(work)
    _nowhere(PASSWORD, work, caplog.text, refused)
    _nowhere(KEY, work, caplog.text, refused)
    for table, text in _tables(cluster):
        assert PASSWORD not in text and KEY not in text, table


def _tables(location: str) -> Iterator[tuple[str, str]]:
    """What each table of the journal holds, as the server prints it."""
    import psycopg

    with contextlib.closing(psycopg.connect(location)) as db:
        for table in ("chat_replies", "chat_dead_letters", "chat_replays"):
            found = db.execute(f"SELECT * FROM {table}").fetchall()
            yield table, repr(found)
