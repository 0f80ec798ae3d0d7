"""Chat completions over HTTP: DeepSeek's API, OpenAI's, and every server that speaks the same.

Uses the ``openai`` client over its aiohttp transport, as a connection that knows the protocol:
the body is serialised here and the reply is taken raw, because the client's typed models cost
more time than everything else a call needs. Its own retries are off; the engine retries.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import orjson
import pydantic

from pipelines.chat.errors import MissingApiKey, TransportError
from pipelines.chat.parts import PictureSource, with_pictures
from pipelines.chat.request import Message, RawReply
from pipelines.chat.settings import ChatSettings

if TYPE_CHECKING:
    import httpx2
    import openai

KEY_VARIABLES = ("CHAT_API_KEY", "DEEPSEEK_API_KEY", "OPENAI_API_KEY")
_SHORTEST_SECRET = 12  # keys of real services are longer
_CONNECT_TIMEOUT_S = 30.0  # a server that is up accepts within seconds
_HEADERS = {"Content-Type": "application/json"}


class OpenAIChatModel:
    """One model of one server. The key is read at the first call and kept nowhere else."""

    def __init__(
        self,
        settings: ChatSettings,
        environ: Mapping[str, str] | None = None,
        pictures: PictureSource | None = None,
    ) -> None:
        """Opens no connection, and needs no key until one is made.

        Args:
            settings: the ``chat:`` section of ``params.yaml``.
            environ: where the key is looked for; the process's environment by default.
            pictures: makes the pictures that messages refer to; needed where any do.
        """
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._pictures = pictures
        self._parameters: dict[str, object] = {
            "model": settings.model,
            "temperature": settings.temperature,
            "response_format": {"type": "json_object"},
            **settings.extra_body,
        }
        self._client: openai.AsyncOpenAI | None = None
        self._response_type: type[httpx2.Response]
        self._failures: tuple[type[Exception], ...] = ()
        self._status_error: type[openai.APIStatusError]
        self._key = ""

    def __repr__(self) -> str:
        """Model and server, never the key."""
        return f"OpenAIChatModel({self._settings.model!r} at {self._settings.base_url!r})"

    @property
    def name(self) -> str:
        """Configured model name."""
        return self._settings.model

    @property
    def identity(self) -> Mapping[str, object]:
        """What belongs into the key: server and everything of the body but the messages."""
        return {"base_url": self._settings.base_url, **self._parameters}

    def require_key(self) -> str:
        """The API key, from the first variable that holds one.

        Raises:
            MissingApiKey: none does.
        """
        for variable in KEY_VARIABLES:
            key = self._environ.get(variable, "").strip()
            if key:
                return key
        first, *others = KEY_VARIABLES
        raise MissingApiKey(f"no API key: set {first} (or {', '.join(others)})")

    async def complete(
        self,
        messages: Sequence[Message],
        reply_schema: type[pydantic.BaseModel],  # not used: JSON mode knows no schema
        max_tokens: int,
    ) -> RawReply:
        """One POST to ``/chat/completions``; any HTTP status is a reply.

        Raises:
            TransportError: no complete reply within ``timeout_s``.
            MissingApiKey: no variable holds a key.
            UnreadablePicture: a picture of the messages cannot be decoded.
        """
        client = self._client or self._connect()
        sent: Sequence[Mapping[str, object]] = messages
        if self._pictures is not None:
            sent = await asyncio.to_thread(with_pictures, messages, self._pictures)
        body = orjson.dumps(
            {**self._parameters, "max_tokens": max_tokens, "messages": sent}, default=dict
        )
        try:
            # Over all of the call: keep-alive lines reset every timeout of a single read.
            async with asyncio.timeout(self._settings.timeout_s):
                response = await client.post(
                    "/chat/completions",
                    cast_to=self._response_type,
                    content=body,
                    options={"headers": _HEADERS},
                )
        except self._status_error as error:
            response = error.response
        except TimeoutError as error:
            raise TransportError(f"no reply in {self._settings.timeout_s:g} s") from error
        except self._failures as error:
            cause = error.__cause__ or error
            detail = f"{type(cause).__name__} {cause}".strip()
            raise TransportError(self._without_key(f"connection failed: {detail}")) from error
        # A server may repeat what it was sent: the key must not get into the journal that way.
        text = self._without_key(response.content.decode("utf-8", errors="replace"))
        return RawReply(response.status_code, response.headers, text)

    def _connect(self) -> openai.AsyncOpenAI:
        self._key = self.require_key()
        # Imported here: it takes a second, and a run that finds all in the journal needs none.
        import aiohttp
        import httpx2
        import openai

        self._response_type = httpx2.Response
        self._status_error = openai.APIStatusError
        # The transport lets some of aiohttp's and the socket's own errors through.
        self._failures = (openai.APIError, httpx2.HTTPError, aiohttp.ClientError, OSError)
        timeout_s = self._settings.timeout_s
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._settings.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            http_client=openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=self._settings.max_in_flight),
                # A redirect turns a POST into a GET and would hide a wrong base URL.
                follow_redirects=False,
            ),
        )
        return self._client

    def _without_key(self, text: str) -> str:
        # Servers of one's own take any word for a key: a short one may be in honest text.
        secret = len(self._key) >= _SHORTEST_SECRET
        return text.replace(self._key, "[key]") if secret else text

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()
