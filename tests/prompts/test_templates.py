"""Templates load, say what they should in both languages, and never change once released."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import prompts
from pipelines.sources.labelled.settings import EMOTIONS, EMOTIONS_ZH

ROOT = Path(prompts.__file__).parent
RELEASED = Path(__file__).parents[1] / "golden" / "prompts.json"
FILES = sorted(path.relative_to(ROOT) for path in ROOT.glob("*/*.yaml"))
WORDS = '{en: {sad: sad}, zh: {sad: "悲伤"}}'
TEXTS = '{en: ["{label}."], zh: ["{label}。"]}'


@pytest.mark.parametrize("path", FILES, ids=str)
def test_released_templates_do_not_change(path: Path) -> None:
    released = json.loads(RELEASED.read_text())
    templates = prompts.load_templates(path.parent.name, path.stem)
    assert templates.label in released, f"add {templates.label}: {templates.sha256}"
    assert templates.sha256 == released[templates.label], (
        f"{templates.label} was released: put the edit into a new version"
    )


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_filled_template_has_its_word_and_is_written_once(path: Path) -> None:
    templates = prompts.load_templates(path.parent.name, path.stem)
    assert set(templates.texts) == {"en", "zh"}
    for language, texts in templates.texts.items():
        assert len(set(texts)) == len(texts)
        words = templates.words[language]
        assert len(set(words.values())) == len(words)
        for value in [*words, *([None] if templates.otherwise else [])]:
            for number in range(len(texts)):
                filled = templates.fill(language, number, value)
                word = templates.word(language, value)
                assert word is not None and word in filled
                assert "{" not in filled and filled == filled.strip()
                assert filled.isascii() == (language == "en")


def test_there_are_ten_emotion_templates_a_language_and_one_is_the_bare_word() -> None:
    templates = prompts.load_templates("emotion_templates", "v1")
    for texts in templates.texts.values():
        assert len(texts) == 10 and texts.count("{label}") == 1


def test_every_emotion_that_corpora_may_name_has_its_words() -> None:
    templates = prompts.load_templates("emotion_templates", "v1")
    values = {*EMOTIONS.values(), *EMOTIONS_ZH.values()} - {"other"}
    for language in templates.texts:
        assert values <= set(templates.words[language])


@pytest.mark.parametrize(
    ("name", "version"),
    [("nothing", "v1"), ("../prompts", "v1"), ("emotion_templates", "v0"), ("x", "v1.small")],
)
def test_templates_that_are_not_there_are_named(name: str, version: str) -> None:
    with pytest.raises(ValueError, match=r"no templates prompts/|not a name and version"):
        prompts.load_templates(name, version)


@pytest.mark.parametrize(
    ("language", "number", "value"), [("fr", 0, "sad"), ("en", 10, "sad"), ("en", 0, "elated")]
)
def test_what_cannot_be_filled_is_named(language: str, number: int, value: str) -> None:
    templates = prompts.load_templates("emotion_templates", "v1")
    with pytest.raises(ValueError, match=r"^emotion_templates/v1 has "):
        templates.fill(language, number, value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (f"label: e\ntexts: {TEXTS}\nwords: {{en: {{sad: sad}}}}", "same languages"),
        (f"label: e\ntexts: {TEXTS}\nwords: {WORDS}\notherwise: {{en: calm}}", "otherwise"),
        (f"label: e\ntexts: {TEXTS}\nwords: {{en: {{sad: s}}, zh: {{}}}}", "same values"),
        (f'label: e\ntexts: {{en: ["no place"], zh: [x]}}\nwords: {WORDS}', "not one"),
        (f'label: e\ntexts: {{en: ["{{label}} {{x}}"], zh: [x]}}\nwords: {WORDS}', "no other"),
        (f"label: e\ntexts: {{en: [], zh: []}}\nwords: {WORDS}", "without templates"),
        (f"label: e\ntexts: {TEXTS}\nwords: {WORDS}\nmore: 1", "more"),
        ("label: [", "v1.yaml"),
        ("just text", "v1.yaml"),
    ],
)
def test_files_of_another_form_are_refused(
    content: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "v1.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setattr("prompts.templates.resources.files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=what):
        prompts.load_templates("broken", "v1")
