"""The stream of elements against json.loads, wherever chunks are cut and whatever is in them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import PipelineError
from pipelines.sources.json_array import DamagedJson, Element, array_elements

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        '"',
        "\\",
        '\\"',
        "}",
        "]}",
        "\n    }",
        '{"a": [',
        "\\u0022",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "怎么样",
    ]  # noqa: E501
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)  # noqa: E501
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=25,
)
STYLES: list[dict[str, object]] = [
    {"indent": 4, "ensure_ascii": False},
    {"indent": 4},
    {"indent": "\t"},
    {"indent": 0},
    {"separators": (",", ":")},
    {},
]


def read(content: bytes, chunk_bytes: int = 1 << 20, limit: int = 1 << 26) -> list[Element]:
    """All elements under ``audios``."""
    return list(
        array_elements(
            io.BytesIO(content),
            "x.json",
            "audios",
            element_limit_bytes=limit,
            chunk_bytes=chunk_bytes,
        )
    )


@given(
    elements=st.lists(VALUE, max_size=6),
    around=st.dictionaries(TEXT.filter(lambda key: key != "audios"), VALUE, max_size=2),
    first=st.booleans(),
    style=st.sampled_from(STYLES),
    chunk_bytes=st.integers(1, 80),
    spaces=st.sampled_from(["", " ", "\r\n", "\ufeff"]),
)
def test_elements_are_those_of_json_loads(
    elements: list[object],
    around: dict[str, object],
    first: bool,
    style: dict[str, object],
    chunk_bytes: int,
    spaces: str,
) -> None:
    document = {"audios": elements, **around} if first else {**around, "audios": elements}
    text = json.dumps(document, **style)  # type: ignore[arg-type]
    content = (spaces + text + spaces.strip("\ufeff")).encode()
    found = read(content, chunk_bytes)
    assert [element.value for element in found] == json.loads(text)["audios"]
    decoder = json.JSONDecoder()
    for element in found:
        at = content[element.offset :].decode()
        assert decoder.raw_decode(at)[0] == element.value


@given(
    elements=st.lists(VALUE, min_size=1, max_size=4),
    keep=st.floats(0, 1),
    style=st.sampled_from(STYLES),
)  # noqa: E501
def test_a_cut_file_is_one_error_that_names_file_and_byte(
    elements: list[object], keep: float, style: dict[str, object]
) -> None:
    content = json.dumps({"audios": elements}, **style).encode()  # type: ignore[arg-type]
    cut = content[: int(len(content) * min(keep, 0.999))]
    with pytest.raises(DamagedJson, match=r"^x\.json: byte \d+: "):
        read(cut, 16)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_random_bytes_raise_the_projects_own_errors_only(noise: bytes, chunk_bytes: int) -> None:
    for content in (noise, b'{"audios": [' + noise, b'{"audios": [{"a": "' + noise + b'"}]}'):
        try:
            read(content, chunk_bytes)
        except PipelineError as error:
            assert str(error).startswith("x.json: byte ")


@given(st.data())
def test_a_changed_byte_changes_nothing_or_is_an_error_or_is_still_json(
    data: st.DataObject,
) -> None:
    content = bytearray(
        json.dumps({"audios": [{"a": ["x", {"b": 1}], "c": "}"}, 2]}, indent=4).encode()
    )
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    try:
        expected = json.loads(bytes(content))
    except ValueError:
        expected = None
    try:
        found = [element.value for element in read(bytes(content), 7)]
    except DamagedJson:
        assert not isinstance(expected, dict) or "audios" not in expected or expected is None
    else:
        assert expected is not None
        assert found == expected["audios"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "byte 0: expected an object (the file ends here)"),
        (b"[1]", "byte 0: expected an object"),
        (b"{}", 'an object without "audios"'),
        (b'{"audio": []}', 'an object without "audios"'),
        (b'{"audios": {}}', 'byte 11: expected a list under "audios"'),
        (b'{"audios": []} x', "byte 15: the JSON ends here"),
        (b'{"audios": [], "audios": []}', 'a second "audios"'),
        (b'{"audios": [1 2]}', "byte 14: expected a comma or ]"),
        (b'{"audios": [1,]}', "byte 14: expected a value"),
        (b'{"audios": [{"a": 1]}]}', "byte 19: not JSON"),
        (b'{"audios": [{"a": "\xff"}]}', "not JSON"),
        (
            b'{"audios": [{"a": "b',
            "byte 20: the file ends in the middle of the value that begins at byte 12",
        ),  # noqa: E501
        (b'{"audios": ["' + b"x" * 3000, "one value of more than 1024 bytes"),
        (b'{"audios": [' + b"[" * 900 + b"x", "more than|in the middle"),
    ],
)
def test_messages(content: bytes, message: str) -> None:
    with pytest.raises(DamagedJson) as caught:
        read(content, 64, 1024)
    assert any(part in str(caught.value) for part in message.split("|"))


def test_nesting_beyond_what_parsers_take_is_an_error() -> None:
    deep = b'{"audios": [' + b"[" * 200_000 + b"]" * 200_000 + b"]}"
    with pytest.raises(DamagedJson, match="byte"):
        read(deep)


def test_half_a_character_is_for_the_caller_to_judge() -> None:
    assert read(rb'{"audios": [{"text": "\ud800"}, 1]}')[0].value == {"text": "\ud800"}


@pytest.mark.parametrize("style", STYLES)
def test_objects_of_the_corpus_in_every_style(style: dict[str, object]) -> None:
    path = Path(__file__).parents[3] / "samples" / "drama" / "WenetSpeech.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    content = json.dumps(document, **style).encode()  # type: ignore[arg-type]
    for chunk_bytes in (1, 100, 1 << 20):
        assert [e.value for e in read(content, chunk_bytes)] == document["audios"]


def test_one_object_a_line_is_not_mistaken_for_indentation() -> None:
    lines = ",\n".join(json.dumps({"aid": n, "segments": [{}]}) for n in range(500))
    content = ('{"audios": [\n' + lines + "\n]}").encode()
    assert len(read(content, 256, limit=1024)) == 500
