import base64
import hashlib
import html.parser
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import INDEX, LISTENING, PAGES, REJECTED, render_pages
from pipelines.reporting.sound import encode
from schemas import Label, Reason
from tests.pipelines.reporting.stage_folders import (
    WrittenStage,
    annotated,
    rejection,
    utterance,
    whole_corpus,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202egnp.exe \u202emoc.live",
    "مرحبا <b>بالعالم</b>",
    "\x00\x1b[31m\x85 null and escape",
    "🧨" * 50,
    "x" * 1_000_000,
]


class Elements(html.parser.HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(root: Path, *sources: str, name: str = INDEX) -> str:
    return render_pages(gather(str(root), dict.fromkeys(sources or ["emilia"], VERBS)))[name]


def hostile_corpus(root: Path, text: str) -> None:
    rows = [
        annotated(
            0,
            id=text,
            speaker=text,
            language=text,
            text=text,
            title=text,
            tags=(text, text),
            character=text,
            game=text,
            instruction=text,
            value=text,
            personality=text,
            speaking_style=text,
            chat_model=text,
        )
    ]
    rejections = [
        rejection(1, "annotate", Reason.DEAD_LETTER, record_id=text, detail=text, location=text)
    ]
    WrittenStage(
        verb="annotate",
        rows=rows,
        rejections=rejections,
        counts={f"value.{text}": 1, text: 1},
        backend=f"embedded:{text}",
        prompts={text: text},
        run={text: 1},
    ).write(root, "emilia")


def tags(page: str) -> Counter[str]:
    return Counter(tag for tag, _ in Elements(page).found)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_outside_text_never_becomes_part_of_the_page(tmp_path: Path, text: str, name: str) -> None:
    hostile_corpus(tmp_path / "harmless", "plain")
    harmless = tags(page_of(tmp_path / "harmless", name=name))
    hostile_corpus(tmp_path, text)
    page = page_of(tmp_path, name=name)
    elements = Elements(page).found
    assert tags(page) == harmless
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
    assert len(page) < 100_000  # a title of a megabyte is cut
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_no_network_and_one_script_by_its_hash_at_most(
    tmp_path: Path, name: str
) -> None:
    whole_corpus(tmp_path)
    page = page_of(tmp_path, name=name)
    (policy,) = [
        a["content"] or ""
        for _, a in Elements(page).found
        if a.get("http-equiv") == "Content-Security-Policy"
    ]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = [
        "'sha256-" + base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() + "'"
        for one in scripts
    ]
    assert policy == (
        "default-src 'none'; "
        + "".join(f"script-src {one}; " for one in allowed)
        + "style-src 'unsafe-inline'; media-src data:; base-uri 'none'; form-action 'none'"
    )
    assert len(scripts) == (0 if name == INDEX else 1)


@pytest.mark.parametrize("name", PAGES)
def test_every_address_is_in_the_page_or_of_another_page(tmp_path: Path, name: str) -> None:
    whole_corpus(tmp_path)
    report = gather(str(tmp_path), {"emilia": VERBS})
    pages = render_pages(report)
    ids = {
        other: Counter(a["id"] for _, a in Elements(page).found if "id" in a)
        for other, page in pages.items()
    }
    addresses = [
        address or ""
        for _, attributes in Elements(pages[name]).found
        for attribute, address in attributes.items()
        if attribute in ("src", "href", "srcset", "action", "poster")
    ]
    assert addresses
    for address in addresses:
        page, _, anchor = address.partition("#")
        assert page in ("", *PAGES)
        assert not anchor or anchor in ids[page or name]
    assert max(ids[name].values()) == 1
    assert "://" not in pages[name] and "url(" not in pages[name] and "@import" not in pages[name]


def test_the_same_folders_give_the_same_bytes(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    whole_corpus(tmp_path, "game_voice")
    sources = ("emilia", "game_voice")
    for name in PAGES:
        assert page_of(tmp_path, *sources, name=name) == page_of(tmp_path, *sources, name=name)


def test_the_page_says_what_happened(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    page = page_of(tmp_path)
    for words in (
        "not to ship data",
        "Where did my minutes go?",
        "value not kept: 0.10 min, 3 rows",  # hovering over a bar
        "4 more from the journal",
        "prefix cache saved $0.0008",
        "75.0 %",  # of the prompt tokens were in the prefix cache
        "emilia_style/v1",
        "ab" * 32,
        "what was found in row 91",
        "Call it like a commentator who can hardly believe it.",
    ):
        assert words in page


def test_a_missing_stage_shows_the_command_to_run(tmp_path: Path) -> None:
    WrittenStage(verb="ingest", rows=[utterance(0)]).write(tmp_path, "emilia")
    page = page_of(tmp_path, "emilia", "game_voice")
    assert "python -m pipelines.annotate --source emilia" in page
    assert "python -m pipelines.ingest --source game_voice" in page


def test_a_stage_that_read_nothing_is_no_division_by_zero(tmp_path: Path) -> None:
    WrittenStage(verb="ingest").write(tmp_path, "emilia")
    assert "Nowhere: no stage has rejected anything." in page_of(tmp_path)


def test_audio_is_inline(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    content = encode(np.zeros((2400, 1), np.float32), 24_000).content
    clip.write_bytes(content)
    place = {"audio_uri": str(clip), "audio_container": "file", "audio_member": None}
    rows = [annotated(0, **place, audio_offset=0, audio_size=len(content))]
    WrittenStage(verb="annotate", rows=rows).write(tmp_path, "emilia")
    sources = [a.get("src") for tag, a in Elements(page_of(tmp_path)).found if tag == "audio"]
    assert sources == ["data:audio/mpeg;base64," + base64.b64encode(content).decode()]


def test_the_listening_page_has_the_utterance_and_what_it_got(tmp_path: Path) -> None:
    labels = (Label(name="emotion", value="happy"),)
    rows = [annotated(0, value=None, labels=labels), annotated(1, value="medium")]
    rows.append(annotated(2, value="low"))
    WrittenStage(verb="annotate", rows=rows).write(tmp_path, "emilia")
    page = page_of(tmp_path, name=LISTENING)
    for words in (
        "Call it like a commentator who can hardly believe it.",
        "Sentence number 1.",
        "speaker-0",
        "medium value",
        'data-emotion="happy"',
        "Cup final LIVE",
        '<option value="medium">',
    ):
        assert words in page


def test_the_rejected_page_has_the_text_that_the_stage_before_had(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    page = page_of(tmp_path, name=REJECTED)
    rejected = page[page.index('id="emilia-annotate-dead_letter"') :]
    assert "Sentence number 14." in rejected and "what was found in row 14" in rejected
    assert '<option value="value_not_kept">value not kept</option>' in page


def test_nothing_rejected_is_said(tmp_path: Path) -> None:
    WrittenStage(verb="ingest", rows=[utterance(0)]).write(tmp_path, "emilia")
    assert "Nothing: no stage has rejected anything." in page_of(tmp_path, name=REJECTED)
