"""WenetSpeech: every sentence is kept or rejected with its reason, and every id is found right."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.sources.json_array import DamagedJson
from pipelines.sources.video_url import video_id_of
from pipelines.sources.wenetspeech import ReadEpisode, WenetSpeechSource, read_episodes
from pipelines.sources.wenetspeech_plain import plain_sentences
from pipelines.sources.wenetspeech_sentences import SentenceIds, SentenceJudge
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from schemas import Rejection, table_of
from schemas.episode import Episode

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "drama" / "WenetSpeech.json"
GOLDEN = ROOT / "tests" / "golden" / "drama_ingest.json"
SETTINGS = WenetSpeechSettings(kind="wenetspeech")


def segment(sid: str, begin: object = 1.0, end: object = 2.0, **fields: object) -> dict[str, Any]:
    """One sentence as the corpus writes it."""
    found = {
        "sid": sid,
        "confidence": 1.0,
        "begin_time": begin,
        "end_time": end,
        "subsets": ["L"],
        "text": "你怎么才来啊",
    }
    return {**found, **fields}


def audio(aid: str = "Y1_abcdefghijk", *segments: object, **fields: object) -> dict[str, Any]:
    """One recording as the corpus writes it."""
    found = {
        "aid": aid,
        "duration": 100.0,
        "md5": "0" * 32,
        "path": f"audio/train/youtube/B00000/{aid}.opus",
        "source": "youtube",
        "tags": ["drama"],
        "url": "https://www.youtube.com/watch?v=" + aid[-11:],
        "segments": list(segments) or [segment(f"{aid}_S00001")],
    }
    return {**found, **fields}


def read(folder: Path, *audios: object, **settings: Any) -> list[ReadEpisode]:  # noqa: ANN401
    """What becomes of recordings, with sentences checked to be conserved."""
    path = folder / "WenetSpeech.json"
    path.write_text(json.dumps({"audios": audios}, indent=4), encoding="utf-8")
    found = list(
        read_episodes(str(path), "ws", WenetSpeechSettings(kind="wenetspeech", **settings))
    )
    assert_conserved(found)
    return found


def assert_conserved(found: list[ReadEpisode]) -> None:
    for one in found:
        kept = len(one.episode.sentences) if one.episode else 0
        assert one.sentences_in == kept + len(one.rejections) >= 1
    table_of(Episode, [dataclasses.asdict(one.episode) for one in found if one.episode])
    table_of(Rejection, [rejection for one in found for rejection in one.rejections])


def reasons(found: list[ReadEpisode]) -> dict[str, int]:
    return Counter(rejection.reason.value for one in found for rejection in one.rejections)


def details(found: list[ReadEpisode]) -> list[str]:
    return [rejection.detail for one in found for rejection in one.rejections]


def test_sample_gives_what_the_golden_file_says() -> None:
    source = WenetSpeechSource("wenetspeech", SETTINGS)
    (shard,) = source.shards([str(SAMPLE.parent)])
    found = list(source.read(shard))
    assert_conserved(found)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert [one.id for one in found] == [entry["aid"] for entry in golden]
    for one, entry in zip(found, golden, strict=True):
        assert one.sentences_in == entry["sentences_in"]
        assert (len(one.episode.sentences) if one.episode else 0) == entry["sentences_out"]
        assert reasons([one]) == entry["rejected"]


def test_sample_episode_keeps_what_others_drop() -> None:
    first = next(read_episodes(str(SAMPLE), "wenetspeech", SETTINGS)).episode
    assert first is not None
    raw = json.loads(SAMPLE.read_text(encoding="utf-8"))["audios"][0]
    assert first.video_id == "-Kd8wPq3ZtE"
    assert (first.url, first.md5, first.tags) == (raw["url"], raw["md5"], ("drama",))
    assert (first.audio_path, first.duration) == (raw["path"], raw["duration"])
    assert [(s.id, s.confidence) for s in first.sentences[:2]] == [
        ("Y0000000000_-Kd8wPq3ZtE_S00003", 1.0),
        ("Y0000000000_-Kd8wPq3ZtE_S00004", 0.88),
    ]
    assert first.sentences[0].start == 2.0
    assert first.sentences[0].duration == 2.93


def test_sentences_are_ordered_by_start_then_end_then_id(tmp_path: Path) -> None:
    a = "Y1_abcdefghijk"
    times = [("S3", 5, 7), ("S2", 5, 6), ("S9", 1, 2), ("S1", 5, 7)]
    (one,) = read(tmp_path, audio(a, *(segment(f"{a}_{n}", b, e) for n, b, e in times)))
    assert one.episode is not None
    assert [s.id[-2:] for s in one.episode.sentences] == ["S9", "S2", "S1", "S3"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"source": "podcast"}, "source_not_wanted"),
        ({"tags": ["variety"]}, "tag_not_wanted"),
        ({"tags": []}, "tag_not_wanted"),
        ({"url": "https://www.youtube.com/watch?v=../../x"}, "field_invalid"),
        ({"url": "file:///etc/passwd"}, "field_invalid"),
        ({"duration": "100"}, "field_invalid"),
        ({"duration": True}, "field_invalid"),
        ({"duration": -1}, "field_invalid"),
        ({"tags": "drama"}, "field_invalid"),
        ({"tags": [None]}, "field_invalid"),
        ({"md5": None}, "field_invalid"),
        ({"path": 7}, "field_invalid"),
        ({"source": ""}, "field_invalid"),
        ({"aid": 5}, "field_invalid"),
        ({"aid": "\ud800"}, "field_invalid"),
    ],
)
def test_a_dropped_recording_takes_its_sentences_with_it(
    tmp_path: Path, fields: dict[str, object], reason: str
) -> None:
    sentences = [segment(f"S{n}", n, n + 1.5) for n in range(3)]
    (one,) = read(tmp_path, {**audio("Y1_abcdefghijk", *sentences), **fields})
    assert reasons([one]) == {reason: 3}
    assert one.episode is None
    assert one.seconds_in == 4.5 == sum(r.duration or 0 for r in one.rejections)
    if reason == "field_invalid":
        assert one.rejections[0].detail.startswith(next(iter(fields)))


@pytest.mark.parametrize("name", ["aid", "duration", "md5", "path", "source", "tags", "url"])
def test_a_missing_field_is_named(tmp_path: Path, name: str) -> None:
    broken = audio()
    del broken[name]
    assert details(read(tmp_path, broken)) == [f"{name}: missing"]


@pytest.mark.parametrize("name", ["sid", "confidence", "begin_time", "end_time", "text"])
@pytest.mark.parametrize("value", ["missing", None, [], {}, True])
def test_a_wrong_field_of_a_sentence_is_named(tmp_path: Path, name: str, value: object) -> None:
    a = "Y1_abcdefghijk"
    broken = segment(f"{a}_S2")
    if value == "missing":
        del broken[name]
    else:
        broken[name] = value
    (one,) = read(tmp_path, audio(a, segment(f"{a}_S1"), broken))
    assert one.episode is not None
    assert [r.detail.split(":")[0] for r in one.rejections] == [name]
    assert one.rejections[0].reason == "field_invalid"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"end": 0.5}, "times_reversed"),
        ({"end": 1.0}, "times_empty"),
        ({"end": 100.2}, "times_outside"),
        ({"begin": -0.1}, "field_invalid"),
        ({"confidence": 1.01}, "field_invalid"),
        ({"text": " \u3000"}, "text_empty"),
        ({"text": "\ud800"}, "field_invalid"),
        ({"end": float("nan")}, "field_invalid"),
        ({"end": float("inf")}, "field_invalid"),
        ({"end": 10**400}, "field_invalid"),
    ],
)
def test_a_bad_sentence_goes_alone(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    a = "Y1_abcdefghijk"
    (one,) = read(tmp_path, audio(a, segment(f"{a}_S2", **fields), segment(f"{a}_S1")))
    assert reasons([one]) == {reason: 1}
    assert one.episode is not None
    assert [s.id for s in one.episode.sentences] == [f"{a}_S1"]


def test_the_end_of_the_recording_has_a_tolerance(tmp_path: Path) -> None:
    a = "Y1_abcdefghijk"
    late = audio(a, segment(f"{a}_S1", 99, 100.1))
    assert reasons(read(tmp_path, late)) == {}
    assert reasons(read(tmp_path, late, end_tolerance_s=0.05)) == {"times_outside": 1}


def test_a_recording_without_sentences_counts_once(tmp_path: Path) -> None:
    empty = audio()
    empty["segments"] = []
    unreadable = audio("Y2_abcdefghijk", segments=None)
    found = read(tmp_path, empty, unreadable, 7, {**empty, "source": "podcast"})
    assert reasons(found) == {"recording_empty": 1, "field_invalid": 2, "source_not_wanted": 1}
    assert [one.sentences_in for one in found] == [1, 1, 1, 1]
    assert [one.seconds_in for one in found] == [0, 0, 0, 0]


def test_a_recording_with_bad_sentences_only_gives_no_episode(tmp_path: Path) -> None:
    a = "Y1_abcdefghijk"
    (one,) = read(tmp_path, audio(a, segment(f"{a}_S1", 5, 5), "x", None))
    assert one.episode is None
    assert reasons([one]) == {"times_empty": 1, "field_invalid": 2}


def test_second_recordings_and_sentences_of_an_id_go(tmp_path: Path) -> None:
    a, b = "Y1_abcdefghijk", "Y2_abcdefghijk"
    found = read(
        tmp_path,
        audio(
            a, segment(f"{a}_S1"), segment(f"{a}_S1", 3, 4), segment("stray"), segment(f"{b}_S1")
        ),
        audio(a, segment(f"{a}_S2")),
        audio(b, segment(f"{b}_S1"), segment("stray"), segment(f"{a}_S7"), segment(f"{b}_S2")),
    )
    assert reasons(found) == {"duplicate_id": 4, "duplicate_recording": 1}
    kept = [s.id for one in found if one.episode for s in one.episode.sentences]
    assert sorted(kept) == [f"{a}_S1", f"{b}_S1", f"{b}_S2", "stray"]
    assert [one.episode is None for one in found] == [False, True, False]


def test_the_first_usable_one_is_kept(tmp_path: Path) -> None:
    a = "Y1_abcdefghijk"
    found = read(tmp_path, audio(a, tags=["news"]), audio(a), audio(a))
    assert [one.episode is not None for one in found] == [False, True, False]


def test_what_is_wanted_can_be_set(tmp_path: Path) -> None:
    other = audio(source="podcast", tags=["news"])
    assert read(tmp_path, other, wanted_source=None, wanted_tag=None)[0].episode is not None
    assert read(tmp_path, other, wanted_source="podcast", wanted_tag="news")[0].episode is not None


def test_limit_counts_episodes() -> None:
    for limit in (1, 2):
        found = list(read_episodes(str(SAMPLE), "ws", SETTINGS, limit))
        assert sum(one.episode is not None for one in found) == limit


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.youtube.com/watch?v=-Kd8wPq3ZtE", "-Kd8wPq3ZtE"),
        ("https://youtube.com/watch?list=x&v=c7_Xm2RvLs0#t=1", "c7_Xm2RvLs0"),
        ("https://youtu.be/__________-", "__________-"),
        ("https://example.org/shows/91563200/", "91563200"),
        ("https://example.org/?v=..%2F..%2Fx", None),
        ("https://example.org/a.b", None),
        ("https://example.org/", None),
        ("http://[::1", None),
        ("-x", None),
        ("", None),
    ],
)
def test_video_ids(url: str, expected: str | None) -> None:
    assert video_id_of(url) == expected


def test_a_damaged_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "WenetSpeech.json"
    content = SAMPLE.read_bytes()
    path.write_bytes(content[:9000])
    found: list[ReadEpisode] = []
    with pytest.raises(DamagedJson, match=r"WenetSpeech\.json: byte 9000: the file ends"):
        found.extend(read_episodes(str(path), "ws", SETTINGS))
    path.write_bytes(content[:2000] + b"\x00" + content[2001:])
    with pytest.raises(DamagedJson, match=r"byte \d+: not JSON"):
        list(read_episodes(str(path), "ws", SETTINGS))


def test_inputs(tmp_path: Path) -> None:
    source = WenetSpeechSource("ws", SETTINGS)
    assert source.shards([str(SAMPLE)])[0].uri == str(SAMPLE)
    for wrong in (tmp_path, tmp_path / "none.json", ROOT / "samples" / "drama" / "README.md"):
        with pytest.raises(UsageError):
            source.shards([str(wrong)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(changes=st.lists(st.tuples(st.integers(0, 14), JSON), max_size=4), remove=st.booleans())
def test_whatever_a_field_holds_sentences_are_conserved(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, object]], remove: bool
) -> None:
    a = "Y1_abcdefghijk"
    broken: dict[str, Any] = copy.deepcopy(audio(a, segment(f"{a}_S1"), segment(f"{a}_S2", 3, 9)))
    places = [(broken, name) for name in broken if name != "segments"]
    places += [(broken["segments"][1], name) for name in broken["segments"][1]]
    for at, value in changes:
        holder, name = places[at % len(places)]
        if remove:
            holder.pop(name, None)
        else:
            holder[name] = value
    read(tmp_path_factory.mktemp("w"), broken, audio("Y2_abcdefghijk"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "_S1",
                    "_S2",
                    "_S03",
                    "_S\u0664",
                    "_S",
                    "_Sx",
                    "x",
                    "_S4 ",
                    "_S1\nY1_abcdefghijk_S2",
                ]
            ),
            st.sampled_from([0.0, 1.0, 2.5, 99.0, 1e-9, float("nan"), 3, "1", None]),
            st.sampled_from([0.5, 1.0, 100.0, 100.05, 101.0, float("inf"), 9]),
            st.sampled_from([1.0, 0.0, 0.5, 1.5, -0.1, True, float("nan")]),
            st.sampled_from(["走", " 走 ", " ", "", "\ud800", None]),
        )
        | st.tuples(
            st.integers(0, 99).map("_S{:05d}".format),
            st.floats(0, 50),
            st.floats(51, 100),
            st.floats(0, 1),
            st.just("走吧"),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_all_at_once_or_one_by_one_is_the_same(rows: list[tuple[Any, ...]]) -> None:
    a = "Y1_abcdefghijk"
    segments: list[object] = [
        segment(a + sid, begin, end, confidence=confidence, text=text)
        for sid, begin, end, confidence, text in rows
    ]
    plain = plain_sentences(segments, f"{a}_S", 100.1)
    irregular = SentenceIds()
    irregular.check("stray", "other", set())
    one_by_one, rejections = SentenceJudge(a, 100.0, 0.1, irregular, "x").judge(segments)
    if plain is not None:
        assert (plain, []) == (one_by_one, rejections)
    elif not rejections:  # a number written as 3 or a sid of another form is all that was odd
        odd = any(type(row[n]) is not float for row in rows for n in (1, 2, 3))
        assert odd or any(not re.fullmatch("_S[0-9]+", row[0]) for row in rows)
