"""r_llm: a model that hears says whether speech follows its instruction (FlexiVoice 3.2.3).

Asked through any server that speaks OpenAI's chat protocol with audio, such as vLLM with
Kimi-Audio-7B-Instruct, the paper's judge. One call a rollout, many at a time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from trainer.errors import DataError, UsageError
from trainer.rewards.base import RewardBase
from trainer.rewards.judge_prompt import YES_NO, Question, as_wav, message
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.rewards.settings import JudgeSettings

_LONGEST_REPLY = 1 << 20  # bytes; a verdict is a hundred
_LONGEST_WAIT_S = 60.0
_MENDABLE = {401: "the key", 403: "the key", 404: "judge.base_url and judge.model"}
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}


class JudgeReward(RewardBase):
    """1 for yes, 0 for no, None for anything else and for a server that fails.

    Asked another question, such as InstructTTSEval's, it is that benchmark's judge.
    """

    needs_speech, needs_reference = True, False
    silence: float | None = 0.0  # nothing follows no instruction

    def __init__(
        self, settings: JudgeSettings, name: str = "llm", question: Question = YES_NO
    ) -> None:
        """Takes where the server is; nothing is connected before the first score."""
        super().__init__(name)
        self._settings = settings
        self._question = question
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def identity(self) -> Mapping[str, object]:
        """The judge and the version of the question."""
        return {"judge": self._settings.model, "prompt": self._question.version}

    def check(self, target: RewardTarget) -> None:
        """Checks that the row has an instruction.

        Raises:
            DataError: it has none.
        """
        if not (target.instruction or "").strip():
            raise DataError(f"row {target.key} asks for {self.name} and has no instruction")

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The verdicts, in order.

        Raises:
            UsageError: the server refuses the key, or does not know the model.
        """
        session = self._open()
        free = asyncio.Semaphore(self._settings.max_in_flight)

        async def ask(request: RewardRequest) -> float | None:
            async with free:
                return await self._verdict(session, request)

        return list(await asyncio.gather(*(ask(request) for request in requests)))

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:  # a session lives in one loop
            key = os.environ.get(self._settings.key_variable)
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                headers={"Authorization": f"Bearer {key}"} if key else {},
            )
            self._loop = loop
        return self._session

    async def _verdict(
        self, session: aiohttp.ClientSession, request: RewardRequest
    ) -> float | None:
        instruction = request.target.instruction
        assert request.speech is not None and instruction is not None
        settings = self._settings
        wav = await asyncio.to_thread(as_wav, request.speech)
        body = {
            "model": settings.model,
            "messages": [message(instruction, wav, settings.audio_part, self._question)],
            "temperature": 0.0,
            "max_tokens": settings.max_tokens,
        }
        cause = "server"
        for attempt in range(settings.attempts):
            reply, cause, wait_s = await self._call(session, body)
            if reply is not None:
                verdict = self._question.verdict(reply)
                if verdict is None:
                    self.causes[self._question.neither] += 1
                return verdict
            if wait_s is None:
                break
            if attempt + 1 < settings.attempts:
                await asyncio.sleep(min(max(wait_s, settings.wait_s * 2**attempt), _LONGEST_WAIT_S))
        self.causes[cause] += 1
        return None

    async def _call(
        self, session: aiohttp.ClientSession, body: Mapping[str, Any]
    ) -> tuple[str | None, str, float | None]:
        """The reply's text; else why there is none, and seconds to wait; None: ask no more."""
        url = self._settings.base_url.rstrip("/") + "/chat/completions"
        try:
            async with session.post(url, json=body, allow_redirects=False) as response:
                if response.status in _MENDABLE:
                    raise UsageError(
                        f"the judge at {url} answered HTTP {response.status}: see to "
                        f"{_MENDABLE[response.status]} ({self._settings.key_variable}, "
                        f"{self._settings.model})"
                    )
                if response.status != 200:
                    again = _seconds(response.headers.get("Retry-After", ""))
                    retry = again if response.status in _AGAIN else None
                    return None, f"http_{response.status}", retry
                content = bytearray()
                async for chunk in response.content.iter_chunked(1 << 16):
                    content += chunk
                    if len(content) > _LONGEST_REPLY:
                        return None, "malformed_reply", None
                return read_reply(bytes(content)), "malformed_reply", 0.0
        except TimeoutError:
            return None, "timeout", 0.0
        except aiohttp.ClientError:
            return None, "connection", 0.0


def read_reply(content: bytes) -> str | None:
    """The text of a chat completion; None if these bytes are none.

    >>> read_reply(b'{"choices": [{"message": {"content": "yes"}}]}')
    'yes'
    >>> read_reply(b'{"error": {}}') is None
    True
    """
    import orjson

    try:
        text = orjson.loads(content)["choices"][0]["message"]["content"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return None
    return text if isinstance(text, str) else None


def _seconds(retry_after: str) -> float:
    """What a server asks to wait; 0 where it names a date or nothing."""
    return float(retry_after) if retry_after.isdigit() else 0.0
