"""A vision server over real HTTP: it decodes every picture it is sent, and captions by content."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from typing import Any

import orjson
from aiohttp import web
from PIL import Image

from tests.chat_server import MODEL, ChatServer, ServerThread

_URL = "data:image/jpeg;base64,"


class VisionServer(ChatServer):
    """Fails where a picture is not a JPEG; replies as told, then with a caption of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[list[Image.Image]] = []  # of every call
        self.questions: list[Any] = []
        self.replies: list[str] = []  # contents of the first replies

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.bodies.append(body)
        parts = body["messages"][-1]["content"]
        if isinstance(parts, str):  # a correction: the scene is that of the message before
            parts = next(m["content"] for m in body["messages"] if isinstance(m["content"], list))
        pictures = [
            base64.b64decode(part["image_url"]["url"].removeprefix(_URL), validate=True)
            for part in parts
            if part["type"] == "image_url"
        ]
        self.pictures.append([_decoded(picture) for picture in pictures])
        self.questions.append(json.loads(parts[-1]["text"]))
        name = hashlib.sha256(b"".join(pictures)).hexdigest()[:12]
        self.arrivals[name] += 1
        own = json.dumps({"caption": f"A room of its own kind,\n number {name}."})
        content = self.replies.pop(0) if self.replies else own
        message = {"role": "assistant", "content": content}
        reply = {
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 2700, "completion_tokens": 40, "total_tokens": 2740},
        }
        return web.json_response(reply)


def vision_server() -> tuple[ServerThread, VisionServer]:
    """The server, to be entered, and its state."""
    thread, state = ServerThread(), VisionServer()
    thread.state = state
    return thread, state


def _decoded(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG"
    picture.load()  # all of it, not the header alone
    return picture
