"""Pictures in messages: what the key sees, what a call costs, what a server gets."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.keys import KeyMaker
from pipelines.chat.parts import (
    PictureReference,
    estimate_picture_tokens,
    most_picture_tokens,
    picture_part,
    pictures_of,
    text_of,
    text_part,
    with_pictures,
)
from pipelines.chat.request import Message


class Reply(pydantic.BaseModel):
    caption: str


REFERENCE = PictureReference("ab" * 32, 1_500_000, 360, 85)
STATIC: Message = {"role": "system", "content": "Look."}


def asked(*references: PictureReference, text: str = "{}") -> Message:
    return {"role": "user", "content": (*map(picture_part, references), text_part(text))}


def key(*messages: Message) -> bytes:
    return KeyMaker({"model": "m"}).key(messages, Reply, 10, 0)


def test_every_field_of_a_reference_is_in_the_key() -> None:
    keys = {key(STATIC, asked(REFERENCE))}
    for changed in (
        REFERENCE._replace(video_sha256="cd" * 32),
        REFERENCE._replace(time_us=1_500_001),
        REFERENCE._replace(height_px=361),
        REFERENCE._replace(quality=86),
    ):
        keys.add(key(STATIC, asked(changed)))
    keys.add(key(STATIC, asked(REFERENCE, REFERENCE)))
    keys.add(key(STATIC, asked(REFERENCE, text="[]")))
    keys.add(key(asked(REFERENCE), STATIC))  # pictures in the first message, too
    assert len(keys) == 8
    assert key(STATIC, asked(REFERENCE)) in keys
    assert key(asked(REFERENCE), STATIC) in keys


def test_a_picture_and_a_text_that_reads_like_one_have_different_keys() -> None:
    text: Message = {"role": "user", "content": str(asked(REFERENCE)["content"])}
    assert key(STATIC, text) != key(STATIC, asked(REFERENCE))


references = st.builds(
    PictureReference,
    st.text("0123456789abcdef", min_size=4, max_size=8),
    *(st.integers(0, 10**12), st.integers(1, 4320), st.integers(1, 95)),
)


@given(st.lists(references, max_size=5), st.text(max_size=20))
def test_what_goes_into_a_message_comes_out_of_it(
    pictures: list[PictureReference], text: str
) -> None:
    message = asked(*pictures, text=text)
    assert list(pictures_of(message)) == pictures
    assert text_of(message) == text
    assert 0 <= estimate_picture_tokens(message) <= most_picture_tokens(message)


def test_a_server_gets_data_urls_in_their_places_and_text_untouched() -> None:
    class Source:
        def jpegs(self, references: Sequence[PictureReference]) -> list[bytes]:
            return [str(reference.time_us).encode() for reference in references]

    later = REFERENCE._replace(time_us=7)
    static, sent = with_pictures([STATIC, asked(REFERENCE, later, text="{1}")], Source())
    assert static == STATIC
    content = sent["content"]
    assert isinstance(content, list)
    urls = [part["image_url"]["url"] for part in content[:2]]
    assert [base64.b64decode(url.split(",")[1]) for url in urls] == [b"1500000", b"7"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    assert content[2] == {"type": "text", "text": "{1}"}


@pytest.mark.parametrize(("height_px", "tokens"), [(28, 2), (360, 299), (720, 26 * 46)])
def test_tokens_of_a_picture_are_patches_of_28_pixels(height_px: int, tokens: int) -> None:
    message = asked(REFERENCE._replace(height_px=height_px))
    assert estimate_picture_tokens(message) == tokens
