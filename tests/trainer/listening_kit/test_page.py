"""The page: what is in it, what must not be, and the same bytes every time."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.trainer.listening_kit.clips import SYSTEMS, settings, write_clips
from trainer.errors import UsageError
from trainer.listening.making import make_test
from trainer.listening.settings import SCALES, Test
from trainer.listening.wording import load_words

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{ 7 * 7 }}\x1b[31m'\""
)
TESTS: tuple[Test, ...] = ("q_mos", "mos", "cmos")


@pytest.mark.parametrize("test", TESTS)
def test_the_same_table_and_seed_give_the_same_bytes(test: Test, tmp_path: Path) -> None:
    table = write_clips(tmp_path, languages=("en", "zh"), told={"emotion": "happy"})
    made = [
        make_test(table, tmp_path, tmp_path / name, test, settings(seed=seed))
        for name, seed in (("one", 7), ("two", 7), ("three", 8))
    ]
    one, two, three = (
        [path.read_bytes() for path in [*m.pages, m.pages[0].parents[1] / "key.json"]] for m in made
    )
    assert one == two
    assert all(a != b for a, b in zip(one, three, strict=True))
    assert len({sheet.sheet for sheet in made[0].key.sheets}) == 6


@pytest.mark.parametrize("test", TESTS)
def test_a_page_names_no_system_no_case_and_no_file(test: Test, tmp_path: Path) -> None:
    table = write_clips(tmp_path, tasks=("tr_hard",), told={"reference": "audio/ref.wav"})
    ref = tmp_path / "audio" / SYSTEMS[0] / "tr_hard-en-0.wav"
    (tmp_path / "audio" / "ref.wav").write_bytes(ref.read_bytes())
    made = make_test(table, tmp_path, tmp_path / "out", test, settings())
    for page in made.pages:
        content = page.read_text("utf-8")
        sounds = re.findall(r'<script type="text/plain" id="sound-\d+">(.*?)</script>', content)
        for sound in sounds:
            content = content.replace(sound, "")
        for name in (*SYSTEMS, "case-", "audio/ref", ".wav", "tr_hard", "gold", "drowned"):
            assert name not in content, name
        assert len(sounds) == len(set(sounds))
        decoded = [base64.b64decode(sound, validate=True) for sound in sounds]
        assert all(sound.startswith(b"RIFF") for sound in decoded)
        known = {digest for item in made.key.items.values() for digest in item.sounds}
        assert {hashlib.sha256(sound).hexdigest() for sound in decoded} <= known
    assert all(name in (tmp_path / "out/key.json").read_text() for name in (*SYSTEMS, "case-0"))


def test_hostile_text_is_text(tmp_path: Path) -> None:
    told: dict[str, object] = {"text": HOSTILE, "scene": HOSTILE, "emotion": HOSTILE}
    table = write_clips(tmp_path, told=told | {"profiles": [HOSTILE], "history": [HOSTILE]})
    for test in TESTS:
        made = make_test(table, tmp_path, tmp_path / test, test, settings())
        content = made.pages[0].read_text("utf-8")
        assert "<script>alert" not in content and "<img" not in content and "\x1b" not in content
        assert "\u202e" not in content
        assert content.count("<script>") == 1
        shown = test != "q_mos"
        assert ("&lt;/script&gt;&lt;script&gt;alert(1)" in content) == shown
        assert ("{{ 7 * 7 }}" in content) == shown


def test_the_policy_runs_the_pages_own_script_only(tmp_path: Path) -> None:
    made = make_test(write_clips(tmp_path), tmp_path, tmp_path / "out", "q_mos", settings())
    content = made.pages[0].read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', content)
    assert policy
    for kind, tag in (("script", "script"), ("style", "style")):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
        assert inside
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1] and "http" not in policy[1]
    assert not re.search(r'(?:src|href)="', content)
    assert "http" not in content.replace("http-equiv", "")


def test_q_mos_tells_nothing_and_the_others_what_the_papers_say(tmp_path: Path) -> None:
    told: dict[str, object] = {
        "text": "THE-TEXT",
        "instruction": "THE-STYLE",
        "emotion": "happy",
        "scene": "THE-SCENE",
    }
    more = {"profiles": ["THE-PROFILE"], "history": ["THE-TURN"]}
    table = write_clips(tmp_path, told=told | more)
    seen = {}
    for test in TESTS:
        made = make_test(table, tmp_path, tmp_path / test, test, settings(page_language="zh"))
        seen[test] = set(re.findall("THE-[A-Z]+|高兴", made.pages[0].read_text("utf-8")))
    assert seen == {
        "q_mos": set(),
        "mos": {"THE-TEXT", "THE-STYLE", "THE-SCENE", "THE-PROFILE", "THE-TURN"},
        "cmos": {"THE-TEXT", "高兴"},
    }


def test_the_sheets_hash_is_of_all_that_is_asked(tmp_path: Path) -> None:
    def digests(name: str, text: str, cases: int = 4) -> list[str]:
        table = write_clips(tmp_path / name, cases=cases, told={"text": text})
        made = make_test(table, tmp_path / name, tmp_path / name / "out", "mos", settings())
        return [sheet.sheet for sheet in made.key.sheets]

    first = digests("one", text="a")
    assert digests("two", text="a") == first
    assert all(a != b for a, b in zip(digests("three", text="b"), first, strict=True))
    assert all(a != b for a, b in zip(digests("four", cases=5, text="a"), first, strict=True))


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    table = write_clips(tmp_path)
    make_test(table, tmp_path, tmp_path / "out", "q_mos", settings())
    before = (tmp_path / "out/key.json").read_bytes()
    make_test(table, tmp_path, tmp_path / "out", "q_mos", settings())
    with pytest.raises(UsageError, match="already the key of other sheets"):
        make_test(table, tmp_path, tmp_path / "out", "q_mos", settings(seed=9))
    assert (tmp_path / "out/key.json").read_bytes() == before


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_languages_have_all_words(language: str) -> None:
    words = load_words(language)
    for test in TESTS:
        values = {f"{value:g}" for value in SCALES[test]}
        assert set(words.answers[test]) <= values
        assert words.title[test] and words.intro[test] and words.keys[test] and words.question[test]
    assert set(words.answers["q_mos"]) == {"1", "2", "3", "4", "5"}
    assert set(words.answers["cmos"]) == {"-2", "-1", "0", "1", "2"}
    assert "{at}" in words.count and "{all}" in words.count and "{name}" in words.saved


def test_the_key_can_be_read_by_anyone_with_json(tmp_path: Path) -> None:
    made = make_test(write_clips(tmp_path), tmp_path, tmp_path / "out", "cmos", settings())
    found = json.loads((tmp_path / "out/key.json").read_text())
    assert found["schema_version"] == 1 and found["test"] == "cmos"
    assert len(found["sheets"]) == len(made.pages) == 6
    assert {entry["baseline_first"] for entry in found["sheets"][0]["entries"]} == {True, False}
