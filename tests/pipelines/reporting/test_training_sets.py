"""What the report gathers of sets that the real command composed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.reporting.facts import CorpusReport, Report
from pipelines.reporting.notices import notices
from pipelines.reporting.page import render_pages
from pipelines.reporting.set_facts import Kinds, TrainingSet
from pipelines.reporting.set_samples import AS_RECORDED, LESS_PREFERRED, PREFERRED, REFERENCE
from tests.pipelines.reporting.set_folders import (
    CLIP_S,
    compose_instructions,
    compose_spoken,
    gathered,
    params_in,
    settings_of,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With S1 and S2."""
    made = tmp_path_factory.mktemp("sets")
    compose_spoken(made)
    return made


def of(folder: Path, name: str, samples: int = 12) -> tuple[CorpusReport, TrainingSet]:
    (corpus,) = gathered(folder, settings_of(folder / "params.yaml", name), samples)
    assert corpus.training_set is not None
    return corpus, corpus.training_set


def kinds(made: TrainingSet) -> dict[str, Kinds]:
    return {one.title: one for one in made.kinds}


def test_pairs_are_counted_by_what_they_are_made_of(folder: Path) -> None:
    corpus, made = of(folder, "s1")
    assert (made.kind, made.prompts, made.spoken) == ("preference_pairs", 30, True)
    ((source, rows, hours),) = made.sources
    assert (source, rows) == ("esd", 30) and hours == pytest.approx(30 * CLIP_S / 3600)
    assert [(language, rows) for language, rows, _ in made.languages] == [("en", 30)]
    assert {rows for _, rows in kinds(made)["Emotion asked for"].counts} == {6}
    assert kinds(made)["Emotion of the less preferred recording"].total == 30
    assert [(loss.reason, loss.rows) for loss in corpus.losses] == [("label_not_wanted", 6)]


def test_a_pair_has_three_recordings_of_one_speaker(folder: Path) -> None:
    _, made = of(folder, "s1", samples=8)
    assert len(made.samples) == 8
    for row in made.samples:
        preferred, other, voice = row.voices
        assert (preferred.role, other.role) == (PREFERRED, LESS_PREFERRED)
        assert voice.role == REFERENCE and voice.emotion == "neutral"
        assert preferred.emotion == row.emotion != other.emotion
        assert preferred.text == other.text == row.text != voice.text
        assert preferred.speaker == other.speaker == voice.speaker
        assert len({one.id for one in row.voices}) == 3
        for one in row.voices:
            assert one.sound is not None and one.sound.media_type == "audio/mpeg"
    assert {row.emotion for row in made.samples} == {
        "neutral",
        "happy",
        "angry",
        "sad",
        "surprised",
    }


def test_the_decoupling_set_says_how_text_and_voice_go_with_the_emotion(folder: Path) -> None:
    corpus, made = of(folder, "s2")
    assert made.prompts == 24
    assert [(language, rows) for language, rows, _ in made.languages] == [("en", 12), ("zh", 12)]
    texts = dict(kinds(made)["Emotion of the text, beside that one"].counts)
    assert sum(texts.values()) == 24
    assert texts.keys() == {"the same (aligned)", "another (conflicting)", "not known"}
    voices = dict(kinds(made)["Voice to speak with"].counts)
    assert voices == {"neutral": 22, "emotional": 2}
    lost = {loss.reason: loss.rows for loss in corpus.losses}
    assert lost == {"not_needed": 14 + 15 - 24, "language_not_wanted": 1}


def test_a_row_of_the_decoupling_set_has_its_voice_from_the_emotion_set(folder: Path) -> None:
    _, made = of(folder, "s2")
    for row in made.samples:
        own, voice = row.voices
        assert (own.role, voice.role) == (AS_RECORDED, REFERENCE)
        assert voice.source == "esd" and voice.sound is not None
        assert dict(row.told)["emotion of the text"] == (own.emotion or "not known")
    agree = {row.voices[0].emotion == row.emotion for row in made.samples if row.voices[0].emotion}
    assert agree == {True, False}  # both kinds are among the few that are shown


def test_what_was_left_out_is_shown_with_its_text_and_sound(folder: Path) -> None:
    corpus, _ = of(folder, "s1")
    (sample,) = corpus.stages[0].rejected
    assert sample.reason == "label_not_wanted" and len(sample.shown) == 6
    for row in sample.shown:
        assert row.record_id.endswith("disgusted") and (row.text or "").startswith("Line ")
        assert row.sound is not None and "disgusted" in row.detail


def test_the_same_folders_give_the_same_sets(folder: Path) -> None:
    sets = settings_of(folder / "params.yaml", "s1", "s2")
    assert render_pages(Report(corpora=(), sets=tuple(gathered(folder, sets)))) == render_pages(
        Report(corpora=(), sets=tuple(gathered(folder, sets)))
    )


def test_a_set_beside_its_settings_and_the_paper(folder: Path) -> None:
    _, made = of(folder, "s2")
    lines = {one.label: (one.here, one.asked, one.paper) for one in made.targets}
    assert lines["rows"] == ("24", "24 at most", "about 20,000")
    assert lines["of these zh"] == ("50.0 %", "50.0 %", "balanced")
    assert lines["voice is emotional"] == ("8.3 %", "10.0 %", "10.0 %")
    assert lines["texts from"] == ("ncssd", "ncssd", "NCSSD, recordings")
    pairs = {one.label: (one.here, one.paper) for one in of(folder, "s1")[1].targets}
    assert pairs["pairs"] == ("30", "not given")


def test_emit_that_has_not_run_is_named_with_its_command(folder: Path) -> None:
    (corpus,) = gathered(folder, settings_of(folder / "params.yaml", "s1"))
    (notice,) = notices(corpus)
    assert notice.command == "python -m pipelines.emit --source s1"


def test_a_set_that_is_not_composed_has_nothing_to_show(folder: Path) -> None:
    s1, s3 = gathered(folder, settings_of(folder / "params.yaml", "s1", "s3"))
    assert s1.stages and not s3.stages and s3.training_set is None


def test_no_set_at_all_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run python -m pipelines\.compose --set s2 first"):
        gathered(tmp_path, settings_of(params_in(tmp_path), "s2"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    content = (tmp_path / "params.yaml").read_text("utf-8").replace(str(folder), str(tmp_path))
    (tmp_path / "params.yaml").write_text(content, "utf-8")
    yield tmp_path


def test_a_voice_that_is_gone_is_said_where_it_would_be_heard(copy: Path) -> None:
    shutil.rmtree(copy / "data" / "esd")
    corpus, made = of(copy, "s2", samples=3)
    for row in made.samples:
        assert row.voices[1].sound is None
        assert "its row was not found" in (row.voices[1].no_sound or "")
    assert corpus.losses  # counted as before


def test_a_set_of_another_kind_than_its_settings_is_a_failure_that_says_what_to_do(
    copy: Path,
) -> None:
    sets = settings_of(copy / "params.yaml", "s1", "s3")
    with pytest.raises(StageFailed, match=r"utterance_source; run pipelines\.compose for the set"):
        gathered(copy, {"s1": sets["s3"]})


def test_a_damaged_part_is_a_failure_that_names_it(copy: Path) -> None:
    part = copy / "data" / "s1" / "compose" / "part-00000.parquet"
    part.write_bytes(b"PAR1" + bytes(part.stat().st_size - 4))
    with pytest.raises(StageFailed, match=r"s1/compose/part-00000\.parquet"):
        of(copy, "s1")


def test_instructions_have_no_speech_and_say_who_wrote_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus,) = gathered(tmp_path, compose_instructions(tmp_path, monkeypatch))
    made = corpus.training_set
    assert made is not None and not made.spoken
    assert made.prompts == 60 and [rows for _, rows, _ in made.languages] == [30, 30]
    assert made.sources == (("written by a chat model", 52, 0.0), ("emilia", 8, 0.0))
    (origins,) = made.kinds
    assert dict(origins.counts)["written: 3 features"] == 6
    lines = {one.label: (one.here, one.asked, one.paper) for one in made.targets}
    assert lines["prompts"] == ("60", "60", "14,000")
    assert lines["sampled, zh"] == ("4", "4", "1,000")
    assert lines["written, en"] == ("26", "26", "6,000")
    assert len(made.samples) == 12
    assert all(row.instruction and row.text and not row.voices for row in made.samples)
    assert {dict(row.told)["kind"] for row in made.samples} == {
        *("sampled", "dictionary", "features", "free")
    }
    written = [row for row in made.samples if "written by" in dict(row.told)]
    assert written and all(row.source == "written by a chat model" for row in written)
