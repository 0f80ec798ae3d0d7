"""Training sets on the pages: what is said, hostile text, size, links, and the terminal."""

import dataclasses
import io
import re
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.reporting.facts import CorpusReport, Report
from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import INDEX, LISTENING, PAGES, REJECTED, render_pages
from pipelines.reporting.set_facts import Kinds, SetSample, Target, TrainingSet, Voice
from pipelines.reporting.sound import Sound
from pipelines.reporting.terminal import show
from tests.pipelines.reporting.set_folders import compose_spoken, settings_of
from tests.pipelines.reporting.stage_folders import whole_corpus
from tests.pipelines.reporting.test_page import HOSTILE, Elements, tags

KINDS = ("preference_pairs", "decoupling", "instructions")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A corpus, S1 and S2; S3 is not composed."""
    folder = tmp_path_factory.mktemp("pages")
    params = compose_spoken(folder)
    whole_corpus(folder / "data")
    sets = settings_of(params, "s1", "s2", "s3")
    return gather(str(folder / "data"), {"emilia": VERBS}, sets=sets)


def text_of(page: str) -> str:
    """What a person reads: no tags, and one space between words."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_the_first_page_says_what_each_set_holds(report: Report) -> None:
    page = render_pages(report)[INDEX]
    words = text_of(page)
    for said in (
        "s1 : preference pairs",
        "s1 DPO (S1) 30 0.25 min 1 1 6",  # the table of all sets
        "s2 GRPO (S2) 24 0.20 min 2 1 6",
        "One speaker says one sentence twice",
        "en 12 50.0 % 0.10",
        "another (conflicting)",
        "voice is emotional 8.3 % 10.0 % 10.0 %",
        "compose label not wanted 6 16.7 % 0.05",
        "compose not needed 5",
        "s3 is in params.yaml and not composed yet: python -m pipelines.compose --set s3",
        "emotion_templates/v1",
    ):
        assert said in words, said
    assert 'href="#s1"' in page and "<script" not in page


def test_the_listening_page_plays_pairs_and_names_what_is_heard(report: Report) -> None:
    page = render_pages(report)[LISTENING]
    section = page[page.index('<h2 id="s1">') : page.index('<h2 id="s2">')]
    assert section.count("<audio") == 36 and section.count("<article") == 12
    words = text_of(section)
    assert re.search(r"(\w+) is asked for preferred \1 .* less preferred (?!\1)", words)
    assert "voice to speak with neutral" in words
    assert '<option value="s2">' in page and 'data-source="s2"' in page


def test_what_sets_left_out_can_be_looked_through(report: Report) -> None:
    page = render_pages(report)[REJECTED]
    block = page[page.index('id="s1-compose-label_not_wanted"') :]
    assert "its emotion is disgusted" in block and "Line 0." in block and "<audio" in block


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere_and_ids_are_used_once(report: Report, name: str) -> None:
    pages = render_pages(report)
    ids = {
        other: Counter(a["id"] for _, a in Elements(page).found if "id" in a)
        for other, page in pages.items()
    }
    assert max(ids[name].values()) == 1
    for _, attributes in Elements(pages[name]).found:
        page, _, anchor = (attributes.get("href") or "").partition("#")
        assert page in ("", *PAGES) and (not anchor or anchor in ids[page or name])


def hostile_set(report: Report, kind: str, text: str) -> Report:
    """The report with one set in which everything that can be outside text is this text."""
    voice = Voice(
        role="preferred",
        id=text,
        source=text,
        speaker=text,
        emotion=text,
        text=f"{text} ",
        seconds=1.0,
        sound=Sound(media_type="audio/mpeg", content=b"ID3"),
    )
    lost = dataclasses.replace(voice, sound=None, no_sound=text)
    row = SetSample(
        id=text,
        source=text,
        language=text,
        instruction=text,
        text=text,
        emotion=text,
        told=(("features", text),),
        voices=() if kind == "instructions" else (voice, lost),
    )
    made = TrainingSet(
        kind=kind,
        prompts=3,
        languages=((text, 3, 0.1),),
        sources=((text, 3, 0.1),),
        kinds=(Kinds(title="Emotion asked for", counts=((text, 3),)),),
        targets=(Target(label=text, here=text, asked=text, paper="90 %"),),
        samples=(row,),
    )
    first: CorpusReport = report.sets[0]
    return dataclasses.replace(report, sets=(dataclasses.replace(first, training_set=made),))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_a_set_never_becomes_part_of_the_page(report: Report, text: str, kind: str) -> None:
    harmless = render_pages(hostile_set(report, kind, "plain"))
    for name, page in render_pages(hostile_set(report, kind, text)).items():
        assert tags(page) == tags(harmless[name])
        attributes = [one for _, found in Elements(page).found for one in found]
        assert not any(one.startswith("on") for one in attributes)
        assert len(page) < len(harmless[name]) + 40_000  # a text of a megabyte is cut
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)


def test_the_terminal_has_a_line_for_each_set(report: Report) -> None:
    stream = io.StringIO()
    show(report, Console(file=stream, width=200))
    said = stream.getvalue()
    assert "set s1: 30 rows to train on, 0.25 min, en 30, left out: label not wanted 6\n" in said
    assert "set s2: 24 rows to train on, 0.20 min, en 12, zh 12, left out: " in said
    assert "python -m pipelines.emit --source s1\n" in said and "set s3" not in said


def test_a_report_without_sets_says_nothing_of_them(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    page = render_pages(gather(str(tmp_path), {"emilia": VERBS}))[INDEX]
    assert "Training sets" not in page
