import html.parser
import re
from collections import Counter
from pathlib import Path

import pytest

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import render
from schemas import Reason
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


def page_of(root: Path, *sources: str) -> str:
    return render(gather(str(root), dict.fromkeys(sources or ["emilia"], VERBS)))


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


@pytest.fixture
def harmless(tmp_path: Path) -> Counter[str]:
    """Tags of the page of the same corpus with plain words in it."""
    hostile_corpus(tmp_path / "harmless", "plain")
    return Counter(tag for tag, _ in Elements(page_of(tmp_path / "harmless")).found)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_outside_text_never_becomes_part_of_the_page(
    tmp_path: Path, harmless: Counter[str], text: str
) -> None:
    hostile_corpus(tmp_path, text)
    page = page_of(tmp_path)
    elements = Elements(page).found
    assert Counter(tag for tag, _ in elements) == harmless
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
    assert len(page) < 100_000  # a title of a megabyte is cut
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)


def test_the_policy_allows_no_script_and_no_network(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    elements = Elements(page_of(tmp_path)).found
    policies = [
        a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies[0] is not None and policies[0].startswith("default-src 'none';")
    assert "script" not in policies[0]
    assert "script" not in {tag for tag, _ in elements}


def test_every_address_is_inside_the_page(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    page = page_of(tmp_path)
    elements = Elements(page).found
    addresses = [
        address or ""
        for _, attributes in elements
        for name, address in attributes.items()
        if name in ("src", "href", "srcset", "action", "poster")
    ]
    ids = Counter(attributes["id"] for _, attributes in elements if "id" in attributes)
    assert addresses
    assert all(address[:1] == "#" and address[1:] in ids for address in addresses)
    assert max(ids.values()) == 1
    assert "://" not in page and "url(" not in page and "@import" not in page


def test_the_same_folders_give_the_same_bytes(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    whole_corpus(tmp_path, "game_voice")
    sources = ("emilia", "game_voice")
    assert page_of(tmp_path, *sources) == page_of(tmp_path, *sources)


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
    clip.write_bytes(b"ID3 audio")
    place = {"audio_uri": str(clip), "audio_container": "file", "audio_member": None}
    rows = [annotated(0, **place, audio_offset=0, audio_size=9)]
    WrittenStage(verb="annotate", rows=rows).write(tmp_path, "emilia")
    sources = [a.get("src") for tag, a in Elements(page_of(tmp_path)).found if tag == "audio"]
    assert sources == ["data:audio/mpeg;base64,SUQzIGF1ZGlv"]
