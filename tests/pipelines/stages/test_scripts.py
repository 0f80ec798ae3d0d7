"""Scripts of episodes, whole and in pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.scripts import (
    MIN_PIECE,
    fullest_pieces,
    segments,
    speakers_of,
    split_script,
)
from schemas.episode import Sentence
from tests.pipelines.stages.drama import sentence

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=120) | st.text('"\\\n\x00', max_size=90)


@st.composite
def scripts(draw: st.DrawFn) -> list[Sentence]:
    """Sentences in order of start, with overlaps, silences, any text, and lines of nobody."""
    lines, start = [], 0.0
    for number in range(draw(st.integers(0, 60))):
        start += draw(st.sampled_from([0.0, 0.4, 1.0, 2.5, 4.0, 30.0]))
        lines.append(
            sentence(
                start,
                start + draw(st.sampled_from([0.1, 1.0, 6.0])),
                id=f"S{number}",
                text=draw(_TEXTS),
                speaker=draw(st.sampled_from([None, "SPEAKER_00", "SPEAKER_01", "SPEAKER_02"])),
            )
        )
    return lines


def _length(piece: object) -> int:
    return len(json.dumps(piece, ensure_ascii=False))


@given(scripts(), st.integers(MIN_PIECE, 1500))
def test_pieces_are_the_script_in_order_and_none_is_too_long(
    lines: list[Sentence], limit: int
) -> None:
    pieces = split_script(lines, limit)
    assert [line for piece in pieces for line in piece] == lines
    assert all(pieces)
    sent = [segments(piece, limit) for piece in pieces]
    assert all(_length(piece) <= limit for piece in sent)
    for line, segment in zip(lines, (one for piece in sent for one in piece), strict=True):
        text = " ".join(line.text.split())
        assert segment["speaker_id"] == line.speaker
        # Only a sentence that no piece could hold is cut short.
        whole = _length({"text": text, "speaker_id": line.speaker}) + 2 <= limit
        assert segment["text"] == text if whole else text.startswith(str(segment["text"]))


@given(scripts(), st.integers(400, 1500))
def test_pieces_are_few(lines: list[Sentence], limit: int) -> None:
    short = [line for line in lines if _length(segments([line], limit)) < limit // 4]
    total = sum(_length(segments([line], limit)) for line in short)
    pieces = split_script(short, limit)
    # At the worst every piece is filled to a half: sentences do not fit together exactly.
    assert len(pieces) <= max(1, 2 * -(-total // limit)) if short else not pieces


def _even(count: int, gaps: dict[int, float]) -> list[Sentence]:
    """Sentences of 100 characters each, half a second apart but for ``gaps`` before some."""
    lines, start = [], 0.0
    for number in range(count):
        start += gaps.get(number, 0.5)
        text = "好" * (100 - len('{"text": "", "speaker_id": "SPEAKER_00"}, '))
        lines.append(sentence(start, start + 1, id=f"S{number}", text=text, speaker="SPEAKER_00"))
        start += 1
    return lines


@pytest.mark.parametrize(
    ("count", "gaps", "limit", "sizes"),
    [
        (10, {}, 1000, [10]),  # it fits exactly
        (12, {5: 6.0}, 1000, [5, 7]),  # at the silence, not in the middle
        (12, {7: 6.0}, 1000, [7, 5]),
        (12, {1: 60.0}, 1000, [5, 7]),  # too far from the middle; of equal silences the first
        (12, {6: 3.0, 7: 4.0}, 1000, [7, 5]),  # the longest
        (20, {}, 1000, [10, 10]),  # as few as there can be
        (30, {11: 9.0, 19: 9.0}, 1300, [11, 8, 11]),
        (1, {}, 200, [1]),
    ],
)
def test_cuts_are_at_the_longest_silence_near_an_even_share(
    count: int, gaps: dict[int, float], limit: int, sizes: list[int]
) -> None:
    assert [len(piece) for piece in split_script(_even(count, gaps), limit)] == sizes


def test_a_silence_runs_from_the_latest_end() -> None:
    lines = _even(12, {5: 6.0, 6: 5.0})
    # The first sentence of all is still spoken when the fifth begins.
    first = sentence(0.5, lines[5].start, id="S0", text=lines[0].text, speaker=lines[0].speaker)
    assert [len(piece) for piece in split_script([first, *lines[1:]], 1000)] == [6, 6]


def test_a_limit_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200 characters"):
        split_script([], MIN_PIECE - 1)


def test_lines_of_nobody_are_in_the_script_and_in_nobodys_count() -> None:
    lines = [
        sentence(at, at + 1, text="好" * size, speaker=who)
        for at, (who, size) in enumerate([("B", 3), (None, 9), ("A", 2), ("B", 3), ("A", 5)])
    ]
    assert speakers_of(lines) == ["B", "A"]
    assert segments(lines, 1000)[1] == {"text": "好" * 9, "speaker_id": None}
    assert fullest_pieces([lines[:2], lines[2:4], lines[4:]]) == {"B": 0, "A": 2}
    assert fullest_pieces([]) == {}
