from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server import ServerThread
from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.workplace import KEY, Workplace


@pytest.fixture
def running() -> Iterator[tuple[ServerThread, AnnotationServer]]:
    thread, state = annotation_server()
    with thread:
        yield thread, state


@pytest.fixture
def server(running: tuple[ServerThread, AnnotationServer]) -> AnnotationServer:
    return running[1]


@pytest.fixture
def workplace(
    running: tuple[ServerThread, AnnotationServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workplace:
    """Both sources, nothing done yet, a key set, and a server that answers."""
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    return Workplace(tmp_path / "work", running[0].base_url)
