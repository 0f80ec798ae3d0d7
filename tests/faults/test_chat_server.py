"""A chat server at its worst, seen from ``pipelines.annotate``.

What tests/pipelines/chat/test_faults.py has, one call at a time at the level of the engine: 429,
5xx, 408, resets, orderly closes, half a body, a hang, a drip of keep-alives, HTML, an empty 200,
torn and wrong JSON, refusals, ``Retry-After``, replies without counts. tests/e2e/test_money.py has
the empty balance and the cap. Here the whole command runs on a server that does all of it, once to
every call, and on one that does nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.chat_server import ServerThread
from tests.e2e.annotation_server import AnnotationServer, call_name
from tests.e2e.workplace import KEY, Workplace, contents

UNPAID = ("reset", "cut", "hang", "503")  # no whole reply came


class Unreliable(AnnotationServer):
    """The first arrivals of every call fail, by turns; the next is answered as it should be."""

    def __init__(self, faults: tuple[str, ...], times: int) -> None:
        super().__init__()
        self._faults, self.times = faults, times
        self._seen: Counter[str] = Counter()  # by the call's name
        self.failed = 0

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body, failed = await request.json(), self.failed
        name = call_name(body["messages"])
        self._seen[name] += 1
        if self._seen[name] > self.times:
            return await super()._complete(request)
        self.failed += 1
        fault = self._faults[failed % len(self._faults)]
        return await self._answer(request, body, {"id": "1"}, fault)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    yield Workplace(tmp_path / "place")


def served(faults: tuple[str, ...], times: int) -> tuple[ServerThread, Unreliable]:
    thread, state = ServerThread(), Unreliable(faults, times)
    thread.state = state
    return thread, state


def test_every_call_fails_once_and_the_output_is_that_of_a_good_server(
    place: Workplace, server: AnnotationServer, workplace: Workplace
) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia")
    thread, state = served(UNPAID, 1)
    with thread:
        place.change({"chat.base_url": thread.base_url, "chat.timeout_s": 0.5})
        place.done("ingest", "emilia")
        place.done("annotate", "emilia")
    assert state.failed >= 20
    found = contents(place.data / "emilia" / "annotate")
    whole = contents(workplace.data / "emilia" / "annotate")
    assert found["stage.json"] == whole["stage.json"]
    assert len(found) == len(whole)
    assert state.replied.total() == server.replied.total() == 45  # paid for once each


@pytest.mark.parametrize("fault", ["reset", "html"])
def test_a_server_that_never_answers_is_one_clear_line_and_keeps_nothing_back(
    place: Workplace, fault: str
) -> None:
    thread, state = served((fault,), 1_000_000)
    with thread:
        changes = {"chat.base_url": thread.base_url, "chat.timeout_s": 0.2, "chat.max_retries": 1}
        place.change(changes)
        place.done("ingest", "emilia")
        ended = place.run("annotate", "emilia")
        assert ended.status == 1, ended
        (line,) = ended.err.splitlines()
        assert line.startswith("error: ") and KEY not in line, line
        assert "run the same command again" in line or "chat.max_dead_letter_share" in line, line
        assert not (place.data / "emilia" / "annotate" / "stage.json").exists()
        state.times = 0  # it is well again
        journal = str(place.folder / "again.sqlite")
        place.done("annotate", "emilia", "--journal", journal)
    assert place.facts("emilia", "annotate")["out"] == 48
