"""What every labelled corpus has in common, on a layout that gives any lines at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources.base import Refusal, Shard
from pipelines.sources.labelled.clips import Clips
from pipelines.sources.labelled.line import Layout, Line, RefusedLine
from pipelines.sources.labelled.settings import LabelledSettings
from pipelines.sources.labelled.source import LabelledSource
from pipelines.sources.labelled.text_file import decode
from pipelines.sources.registry import LAYOUTS
from prompts import load_templates
from schemas import Label, Reason, Rejection, Utterance
from tests.pipelines.sources.labelled.tones import tone, write_wav


class Given:
    """A layout of lines in memory."""

    def __init__(self, lines: Sequence[Line | RefusedLine], end: Refusal | None = None) -> None:
        self.given, self.end, self.prepared = lines, end, 0

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        return [Shard(uri, "given") for uri in inputs]

    def prepare(self) -> None:
        self.prepared += 1

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        yield from self.given
        if self.end is not None:
            raise self.end


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("clips")
    write_wav(home / "inside" / "a.wav", tone("a"))
    write_wav(home / "secret.wav", tone("b"))
    return home / "inside"


def line(folder: Path, **changes: Any) -> Line:  # noqa: ANN401
    fields: dict[str, Any] = {
        "key": "a",
        "location": "table:1",
        "audio": "a.wav",
        "folder": str(folder),
        "text": "Good morning.",
        "speaker": "me",
        "language": "English",
        "labels": (),
    }
    return Line(**{**fields, **changes})


def read(*lines: Line | RefusedLine, end: Refusal | None = None) -> list[Utterance | Rejection]:
    source = LabelledSource("c", LabelledSettings(licence="CC0-1.0"), Given(lines, end))
    return list(source.read(Shard("table", "given")))


def reason(folder: Path, **changes: Any) -> Reason:  # noqa: ANN401
    (found,) = read(line(folder, **changes))
    assert isinstance(found, Rejection)
    assert found.location == "table:1" and found.stage == "ingest"
    return found.reason


def test_a_good_line(folder: Path) -> None:
    twice = (Label("gender", "male"), Label("emotion", "sad"), Label("emotion", "angry"))
    (found,) = read(
        line(folder, text=" Good \n morning. ", labels=(*twice, Label("emotion", "sad")))
    )
    assert isinstance(found, Utterance)
    assert (found.text, found.text_raw) == ("Good morning.", " Good \n morning. ")
    assert found.labels == (Label("emotion", "angry"), Label("emotion", "sad"), twice[0])
    assert (found.language, found.licence, found.source_id) == ("en", "CC0-1.0", "a")
    assert found.duration == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": None}, Reason.TRANSCRIPT_MISSING),
        ({"text": ""}, Reason.TEXT_EMPTY),
        ({"text": "…—!"}, Reason.TEXT_EMPTY),
        ({"text": "half \ud83d"}, Reason.FIELD_INVALID),
        ({"speaker": None}, Reason.SPEAKER_MISSING),
        ({"speaker": " "}, Reason.SPEAKER_MISSING),
        ({"language": "Klingon"}, Reason.LANGUAGE_UNKNOWN),
        ({"language": ""}, Reason.LANGUAGE_UNKNOWN),
        ({"key": ""}, Reason.FIELD_INVALID),
        ({"audio": "b.wav"}, Reason.AUDIO_MISSING),
        ({"audio": "../secret.wav"}, Reason.MEMBER_UNSAFE),
        ({"audio": "/etc/passwd"}, Reason.MEMBER_UNSAFE),
        ({"audio": "file:///etc/passwd"}, Reason.MEMBER_UNSAFE),
        ({"audio": "gs://elsewhere/a.wav"}, Reason.MEMBER_UNSAFE),
        ({"audio": "a\0.wav"}, Reason.FIELD_INVALID),
    ],
)
def test_what_can_be_wrong(folder: Path, changes: dict[str, Any], expected: Reason) -> None:
    assert reason(folder, **changes) is expected


def test_an_id_that_was_rejected_may_come_again(folder: Path) -> None:
    found = read(line(folder, text=None), line(folder), line(folder))
    assert [type(record) for record in found] == [Rejection, Utterance, Rejection]
    assert isinstance(found[2], Rejection) and found[2].reason is Reason.DUPLICATE_ID


def test_a_shard_that_breaks_off_keeps_what_came_before(folder: Path) -> None:
    end = Refusal(Reason.TRANSCRIPT_INVALID, "damaged from here on")
    refused = RefusedLine("b", "table:2", Refusal(Reason.LABEL_UNKNOWN, "word"))
    found = read(line(folder), refused, end=end)
    assert isinstance(found[0], Utterance)
    assert [(r.record_id, r.reason) for r in found[1:] if isinstance(r, Rejection)] == [
        ("b", Reason.LABEL_UNKNOWN),
        ("table", Reason.TRANSCRIPT_INVALID),
    ]


def test_tables_are_loaded_once(folder: Path) -> None:
    layout = Given([line(folder)])
    source = LabelledSource("c", LabelledSettings(), layout)
    assert source.shards(["x"]) == [Shard("x", "given")]
    for _ in range(2):
        assert len(list(source.read(Shard("table", "given"), limit=1))) == 1
        assert list(source.read(Shard("table", "given"), limit=0)) == []
    assert layout.prepared == 1


_WORDS = st.none() | st.text(max_size=6)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "key": st.sampled_from(["a", "b", "c", ""]),
                "text": _WORDS,
                "speaker": _WORDS,
                "language": st.sampled_from(["en", "zh", "?"]),
                "audio": st.sampled_from(["a.wav", "a.mp3", "none.wav", "../secret.wav"]),
            }
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_line_comes_out_or_is_rejected_and_no_id_twice(
    folder: Path, changes: list[dict[str, Any]]
) -> None:
    found = read(*(line(folder, **change) for change in changes))
    assert len(found) == len(changes)
    ids = [record.id for record in found if isinstance(record, Utterance)]
    assert len(ids) == len(set(ids)) and "" not in ids
    assert found == read(*(line(folder, **change) for change in changes))


def test_every_kind_has_a_layout_with_everything_it_needs() -> None:
    for settings_type, layout_type in LAYOUTS.items():
        kind = settings_type.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
        made = settings_type(kind=kind)  # type: ignore[call-arg]
        layout: Layout = layout_type(made)
        assert all(hasattr(layout, name) for name in ("shards", "prepare", "lines")), kind
        assert made.licence != "unknown", kind
        for name, words in settings_type.WORDS.items():
            lower = [value for value in words.values() if value != value.lower()]
            assert not lower, (kind, name, lower)


def test_every_emotion_has_a_word_in_the_templates() -> None:
    emotions = {emotion for kind in LAYOUTS for emotion in kind.WORDS.get("emotion", {}).values()}
    assert {"neutral", "happy", "angry", "sad", "surprised"} < emotions
    for language, words in load_templates("emotion_templates", "v1").words.items():
        assert emotions <= words.keys(), language


def test_what_a_path_of_a_table_may_mean(tmp_path: Path) -> None:
    for path in ("x/1/a.wav", "x/2/a.wav", "x/2/b.flac", "notes.txt", ".hidden.wav", "c.d.wav"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    clips = Clips(str(tmp_path))
    assert clips.paths == ["c.d.wav", "x/1/a.wav", "x/2/a.wav", "x/2/b.flac"]
    assert clips.others == {"notes.txt"}
    assert clips.find("x/2/a.wav") == ["x/2/a.wav"]
    assert clips.find("elsewhere/2/a.mp3") == ["x/2/a.wav"]
    assert clips.find("b") == ["x/2/b.flac"]
    assert clips.find("c.d") == ["c.d.wav"]
    assert clips.find("a.wav") == ["x/1/a.wav", "x/2/a.wav"]
    assert clips.find("nobody") == []


@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
def test_what_was_encoded_is_decoded(text: str, name: str) -> None:
    try:
        content = text.encode(name)
    except UnicodeEncodeError:
        return
    found = decode(content, ["utf-8", "gb18030"])
    # Chinese bytes may be UTF-8 by chance; a mark leaves no doubt, and UTF-8 comes first.
    if name in ("utf-8-sig", "utf-16") or (name == "utf-8" and "\0" not in text):
        assert found is not None and found.lstrip("\ufeff") == text.lstrip("\ufeff")
    else:
        assert found is not None
