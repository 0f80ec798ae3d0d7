"""A chat server at its worst, seen from ``pipelines.annotate``: real HTTP, the real command.

What tests/pipelines/chat/test_faults.py has, one call at a time at the level of the engine: 429,
5xx, 408, resets, orderly closes, half a body, a hang, a drip of keep-alives, HTML, an empty 200,
torn and wrong JSON, refusals, ``Retry-After``, replies without counts. tests/e2e/test_money.py has
the empty balance and the cap. Here the whole command runs on a server that fails every call once,
and on one that goes to pieces in the middle of a run; then the server is well again, and the same
command goes on with the same journal.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.chat_server import ServerThread
from tests.e2e.annotation_server import AnnotationServer, call_name
from tests.e2e.workplace import KEY, Ended, Workplace, contents

UNPAID = ("reset", "cut", "hang", "503")  # no whole reply came
ARRIVED = ("half", "html", "empty")  # a reply came, with status 200, and is worth nothing
SOURCE = "emilia"
CALLS = 45  # that the sample takes
ROWS = 48
# A server that is down is believed to be sooner, and only hangs have to be waited for: a good reply
# that a slow machine brings later than this would be paid for and not be there.
IMPATIENT = {"chat.timeout_s": 60.0, "chat.max_retries": 1, "chat.stop_after_unanswered": 3}
HANGS = {"chat.timeout_s": 3.0}


class Failing(AnnotationServer):
    """Answers so many calls, then each question only after so many faults, by turns."""

    def __init__(self, faults: tuple[str, ...], times: int, good: int = 0) -> None:
        super().__init__()
        self._faults, self.times, self._good = faults, times, good
        self._seen: Counter[str] = Counter()  # by the question, whatever was said after it
        self.failed: Counter[str] = Counter()  # likewise

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = [one for one in body["messages"] if one["content"].startswith('{"speech')]
        name = call_name(asked[-1:])
        self._seen[name] += 1
        if self._seen.total() <= self._good or self._seen[name] > self.times:
            return await super()._complete(request)
        fault = self._faults[self.failed.total() % len(self._faults)]
        self.failed[name] += 1
        return await self._answer(request, body, {"id": "1"}, fault)

    def recover(self) -> None:
        """From now on every call is answered, and calls are counted from nought."""
        self.times = 0
        self.forget()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The sample, ingested, and annotated by a good server."""
    thread, state = ServerThread(), AnnotationServer()
    thread.state = state
    with thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_API_KEY", KEY)
        work = Workplace(tmp_path_factory.mktemp("whole"), thread.base_url)
        work.done("ingest", SOURCE)
        work.done("annotate", SOURCE)
    assert state.replied.total() == CALLS
    return work


@pytest.fixture
def place(tmp_path: Path, whole: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """The same sample, ingested; nothing annotated yet."""
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    place = Workplace(tmp_path / "place")
    shutil.copytree(whole.data / SOURCE / "ingest", place.data / SOURCE / "ingest")
    place.change({"chat.max_in_flight": 8, **IMPATIENT})
    return place


@contextlib.contextmanager
def serving(place: Workplace, state: Failing) -> Iterator[None]:
    """The server runs inside the block, and the workplace knows where."""
    thread = ServerThread()
    thread.state = state
    with thread:
        place.change({"chat.base_url": thread.base_url})
        yield


def as_of_a_good_server(place: Workplace, whole: Workplace) -> bool:
    """Whether all rows are there, as they would be without any fault."""
    assert place.facts(SOURCE, "annotate")["out"] == ROWS
    found, good = (contents(one.data / SOURCE / "annotate") for one in (place, whole))
    return found == good


def failed(place: Workplace, *flags: str) -> str:
    """Why annotate ends with status 1, in its one line."""
    ended: Ended = place.run("annotate", SOURCE, *flags)
    assert ended.status == 1, ended
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ") and KEY not in line, line
    assert not (place.data / SOURCE / "annotate" / "stage.json").exists()
    return line


@pytest.mark.parametrize("faults", [UNPAID, ARRIVED], ids=["no reply", "no use"])
def test_every_call_fails_once_and_the_rows_are_all_there(
    place: Workplace, whole: Workplace, faults: tuple[str, ...]
) -> None:
    state = Failing(faults, 1)
    with serving(place, state):
        place.change({"chat.max_retries": 3, "chat.stop_after_unanswered": 1000, **HANGS})
        place.done("annotate", SOURCE)
    assert place.facts(SOURCE, "annotate")["out"] == ROWS
    assert place.facts(SOURCE, "annotate")["rejected"] == {}
    assert len(state.failed) == state.failed.total() == CALLS
    assert state.replied.total() == CALLS  # good replies, paid for once each
    run = place.run_facts(SOURCE, "annotate")
    if faults is UNPAID:
        assert as_of_a_good_server(place, whole)
        assert (run["replies"], run["invalid_replies"]) == (CALLS, 0)
    else:
        assert (run["replies"], run["invalid_replies"]) == (2 * CALLS, CALLS)


@pytest.mark.parametrize(("fault", "good"), [("hang", 20), ("reset", 0), ("cut", 20)])
def test_a_server_that_gives_no_reply_stops_the_run_and_the_next_asks_the_rest(
    place: Workplace, whole: Workplace, fault: str, good: int
) -> None:
    state = Failing((fault,), 1_000_000, good)
    place.change(HANGS if fault == "hang" else {})
    with serving(place, state):
        assert "run the same command again" in failed(place)
        replied = set(state.replied)
        assert len(replied) == good and place.journalled(SOURCE) == replied
        state.recover()
        place.done("annotate", SOURCE)
    assert as_of_a_good_server(place, whole)
    assert not replied & set(state.arrivals)  # nothing is asked again whose reply arrived
    assert state.arrivals.total() == state.replied.total() == CALLS - good


@pytest.mark.parametrize(("fault", "good"), [("half", 20), ("html", 0), ("empty", 20)])
def test_a_server_whose_replies_are_worth_nothing_fails_the_run_and_nothing_is_paid_twice(
    place: Workplace, whole: Workplace, fault: str, good: int
) -> None:
    state = Failing((fault,), 1_000_000, good)
    with serving(place, state):
        line = failed(place)
        assert "chat.max_dead_letter_share" in line and "--replay-dead-letters" in line
        replied, bought = set(state.replied), state.failed.total()
        assert len(replied) == good
        (dead,) = re.findall(r"(\d+) of \d+ requests got no valid reply", line)
        # An attempt and two corrections each; where the first part fails, no other one is begun.
        assert bought == 3 * (CALLS - good if good else int(dead))
        state.recover()
        assert failed(place).endswith(line.partition("the last: ")[2])
        assert not state.arrivals  # bad replies are kept and paid for: nothing is asked again
        place.done("annotate", SOURCE, "--replay-dead-letters")
    assert as_of_a_good_server(place, whole)
    assert not replied & set(state.arrivals)
    assert state.arrivals.total() == state.replied.total() == CALLS - good
