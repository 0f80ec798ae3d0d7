from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.chat.errors import MissingApiKey, TransportError
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.request import RawReply
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import KEY, Label, ask, request, settings


def _complete(model: OpenAIChatModel, *faults: str) -> RawReply:
    async def once() -> RawReply:
        try:
            return await model.complete(request(1, *faults).messages, Label, 77)
        finally:
            await model.close()

    return asyncio.run(once())


def test_the_body_is_what_the_server_expects(server: ServerThread, journal: Path) -> None:
    ask(
        server.base_url,
        journal,
        [request(1)],
        extra_body={"thinking": {"type": "disabled"}},
        temperature=0.25,
        max_tokens=77,
    )
    (body,) = server.state.bodies
    assert body == {
        "model": "mock",
        "messages": [dict(message) for message in request(1).messages],
        "response_format": {"type": "json_object"},
        "temperature": 0.25,
        "max_tokens": 77,
        "thinking": {"type": "disabled"},
    }
    assert server.state.headers[0]["Content-Type"] == "application/json"


def test_the_bound_of_a_request_goes_before_that_of_the_settings(
    server: ServerThread, journal: Path
) -> None:
    ask(server.base_url, journal, [request(1, max_tokens=12), request(2)])
    assert {body["max_tokens"] for body in server.state.bodies} == {12, 4096}


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({"CHAT_API_KEY": "a", "DEEPSEEK_API_KEY": "b", "OPENAI_API_KEY": "c"}, "a"),
        ({"CHAT_API_KEY": "", "DEEPSEEK_API_KEY": "b", "OPENAI_API_KEY": "c"}, "b"),
        ({"OPENAI_API_KEY": "c\n"}, "c"),
    ],
)
def test_the_first_variable_that_holds_a_key_counts(
    server: ServerThread, variables: dict[str, str], key: str
) -> None:
    _complete(OpenAIChatModel(settings(server.base_url), variables))
    assert server.state.headers[0]["Authorization"] == f"Bearer {key}"


def test_without_a_key_there_is_no_call() -> None:
    with pytest.raises(MissingApiKey):
        _complete(OpenAIChatModel(settings(), {"CHAT_API_KEY": " "}))


def test_errors_and_repr_do_not_tell_the_key(server: ServerThread) -> None:
    model = OpenAIChatModel(settings(server.base_url), {"CHAT_API_KEY": KEY})
    assert KEY not in repr(model)
    assert KEY not in str(model.identity)
    refused = _complete(model, "401")
    assert refused.status == 401
    assert KEY not in refused.text
    with pytest.raises(TransportError) as raised:
        _complete(OpenAIChatModel(settings(), {"CHAT_API_KEY": KEY}))
    assert KEY not in str(raised.value)


def test_a_timeout_says_how_long_it_waited(server: ServerThread) -> None:
    model = OpenAIChatModel(settings(server.base_url, timeout_s=0.2), {"CHAT_API_KEY": KEY})
    with pytest.raises(TransportError, match=r"no reply in 0\.2 s"):
        _complete(model, "hang")


def test_headers_are_found_in_lower_case(server: ServerThread) -> None:
    model = OpenAIChatModel(settings(server.base_url), {"CHAT_API_KEY": KEY})
    assert _complete(model, "429:17").headers.get("retry-after") == "17"


def test_importing_the_engine_does_not_import_the_client() -> None:
    code = (
        "import sys, pipelines.chat.engine, pipelines.chat.openai_model; "
        "assert not {'openai', 'aiohttp', 'httpx2', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
