"""Messages with pictures: the parts they are made of, their size, and the form servers take.

A picture is in a message as a *reference*: which video, which moment, how large. The reference is
what the journal's key hashes and what a dry run counts; the picture itself is decoded only when a
call is really made (ADR 0013).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from pipelines.chat.request import Message, Part

# Estimates hold for a picture of 16:9 and one token a 28 x 28 pixels, as Qwen2.5-VL has them; a
# budget reserves for 2.4:1, the widest film, and one token a 14 x 14 pixels, the smallest patch
# in use. Servers that bill a picture at more than its patches (gpt-4o-mini) pass the bound.
_WIDTH_OF_HEIGHT, _PIXELS_A_TOKEN = 16 / 9, 28
_WIDEST_OF_HEIGHT, _FEWEST_PIXELS = 2.4, 14


class PictureReference(NamedTuple):
    """A picture, before anybody has decoded it."""

    video_sha256: str
    time_us: int  # microseconds from the start of the video
    height_px: int  # larger pictures are scaled down to it
    quality: int  # of the JPEG, 1-95


class PictureSource(Protocol):
    """What makes the pictures of a call that is about to be sent."""

    def jpegs(self, references: Sequence[PictureReference]) -> Sequence[bytes]:
        """The pictures as JPEG files; may block for as long as decoding takes.

        Raises:
            UnreadablePicture: one of them cannot be decoded.
        """
        ...


def picture_part(reference: PictureReference) -> Part:
    """A picture in a message.

    >>> sorted(picture_part(PictureReference("ab", 5, 360, 85)))
    ['height_px', 'quality', 'time_us', 'type', 'video_sha256']
    """
    return {"type": "picture", **reference._asdict()}


def text_part(text: str) -> Part:
    """A text beside pictures."""
    return {"type": "text", "text": text}


def text_of(message: Message) -> str:
    """All the text of a message.

    >>> text_of({"role": "user", "content": (text_part("a"), text_part("b"))})
    'ab'
    """
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(str(part["text"]) for part in content if part["type"] == "text")


def pictures_of(message: Message) -> Iterator[PictureReference]:
    """The pictures of a message, in their order."""
    for part in () if isinstance(message["content"], str) else message["content"]:
        if part["type"] == "picture":
            yield PictureReference(
                video_sha256=str(part["video_sha256"]),
                time_us=int(part["time_us"]),
                height_px=int(part["height_px"]),
                quality=int(part["quality"]),
            )


def estimate_picture_tokens(message: Message) -> int:
    """Roughly how many tokens the pictures of a message come to.

    >>> estimate_picture_tokens({"role": "user", "content": "no picture"})
    0
    >>> reference = PictureReference("ab", 5, 360, 85)
    >>> estimate_picture_tokens({"role": "user", "content": (picture_part(reference),)})
    299
    """
    return sum(
        _tokens(p.height_px, _WIDTH_OF_HEIGHT, _PIXELS_A_TOKEN) for p in pictures_of(message)
    )


def most_picture_tokens(message: Message) -> int:
    """The most tokens that the pictures of a message can come to."""
    return sum(
        _tokens(p.height_px, _WIDEST_OF_HEIGHT, _FEWEST_PIXELS) for p in pictures_of(message)
    )


def with_pictures(messages: Sequence[Message], source: PictureSource) -> list[dict[str, object]]:
    """The messages in the form an OpenAI-compatible server takes, pictures decoded.

    Raises:
        UnreadablePicture: one of them cannot be decoded.
    """
    return [_sendable(message, source) for message in messages]


def _sendable(message: Message, source: PictureSource) -> dict[str, object]:
    content = message["content"]
    if isinstance(content, str):
        return dict(message)
    jpegs = iter(source.jpegs(list(pictures_of(message))))
    parts = [_image(next(jpegs)) if part["type"] == "picture" else part for part in content]
    return {**message, "content": parts}


def _image(jpeg: bytes) -> dict[str, object]:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    return {"type": "image_url", "image_url": {"url": url}}


def _tokens(height_px: int, width_of_height: float, pixels: int) -> int:
    return math.ceil(height_px / pixels) * math.ceil(height_px * width_of_height / pixels)
