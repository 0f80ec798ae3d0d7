"""Rejected records with the text and sound that the stage before had of them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.audio_bytes import AudioReader
from pipelines.reporting.facts import RejectedSample
from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import render_rejects
from pipelines.reporting.rejected import read_rejected
from pipelines.stage import StageOutput
from pipelines.writer import PartFile
from schemas import EpisodeScene, Reason, Rejection, arrow_schema, table_of
from tests.pipelines.reporting.stage_folders import WrittenStage, annotated, rejection
from tests.pipelines.reporting.test_drama import facts, scene, scene_stage


def rejecting(folder: Path, rejections: list[Rejection]) -> StageOutput:
    """The output of a stage that rejected these, all from the first part it read."""
    path = str(folder / "rejected" / "part-00000.parquet")
    with PartFile(path, arrow_schema(Rejection)) as part:
        part.write(table_of(Rejection, rejections))
    reasons = {one.reason.value for one in rejections}
    counts = {reason: sum(one.reason == reason for one in rejections) for reason in reasons}
    return StageOutput(str(folder), facts("select", rejected=counts), [], [path])


def read(
    output: StageOutput, before: StageOutput | None, number: int = 9, sound_bytes: int = 10**6
) -> tuple[RejectedSample, ...]:
    with AudioReader() as reader:
        return read_rejected(output, before.parts if before else [], number, reader, sound_bytes)


def test_an_utterance_has_its_text_speaker_and_sound(tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.zeros(24_000), 24_000)
    place = {"audio_uri": str(clip), "audio_container": "file", "audio_member": None}
    rows = [
        annotated(
            number,
            **place,
            audio_offset=0,
            audio_size=clip.stat().st_size,
            audio_format="wav",
        )
        for number in range(120)  # of three parts
    ]
    WrittenStage(verb="annotate", rows=rows).write(tmp_path, "emilia")
    gone = rejection(0, "select", Reason.NAME_LEAKED, record_id="never there")
    lost = [rejection(7, "select", Reason.NAME_LEAKED), gone]
    WrittenStage(verb="select", rejections=lost).write(tmp_path, "emilia")
    (sample,) = gather(str(tmp_path), {"emilia": VERBS}).corpora[0].stages[1].rejected
    found, unknown = sample.shown
    assert (found.text, found.speaker) == ("Sentence number 7.", "speaker-2")
    assert found.sound is not None and found.sound.media_type == "audio/mpeg"
    assert (unknown.text, unknown.sound, unknown.no_sound) == (None, None, None)


def test_a_sentence_of_a_scene_has_its_stretch_of_the_vocals(tmp_path: Path) -> None:
    vocals = str(tmp_path / "vocals.flac")
    soundfile.write(vocals, np.zeros(24_000 * 30), 24_000)
    scenes = [scene(0, "A", 2, vocals), scene(1, "A", 2, vocals)]
    wanted = scenes[1].sentences[2]
    output = rejecting(
        tmp_path / "select", [rejection(0, "select", Reason.MARGIN_LOW, record_id=wanted.id)]
    )
    ((row,),) = (one.shown for one in read(output, scene_stage(tmp_path / "caption", scenes)))
    assert (row.text, row.speaker) == (wanted.text, wanted.speaker)
    assert row.sound is not None
    assert 5_000 < len(row.sound.content) < 8_000  # one second of 48 kbit/s


def test_without_a_stage_before_there_is_the_detail_alone(tmp_path: Path) -> None:
    output = rejecting(tmp_path, [rejection(3, "ingest", Reason.AUDIO_EMPTY)])
    ((row,),) = (one.shown for one in read(output, None))
    assert (row.detail, row.text, row.sound) == ("what was found in row 3", None, None)


def test_a_reason_that_is_not_found_is_said(tmp_path: Path) -> None:
    lost = rejection(3, "select", Reason.NAME_LEAKED)
    WrittenStage(verb="select", rejections=[lost]).write(tmp_path, "emilia")
    path = tmp_path / "emilia" / "select" / "stage.json"
    path.write_text(path.read_text("utf-8").replace("name_leaked", "template_like"), "utf-8")
    report = gather(str(tmp_path), {"emilia": VERBS})
    (sample,) = report.corpora[0].stages[0].rejected
    assert (sample.reason, sample.shown) == ("template_like", ())
    assert "None among the first 50,000 rejected rows" in render_rejects(report)


@pytest.mark.parametrize("number", [1, 5])
def test_each_reason_has_its_number_and_its_share_of_the_sound(tmp_path: Path, number: int) -> None:
    vocals = str(tmp_path / "vocals.flac")
    soundfile.write(vocals, np.zeros(24_000 * 90), 24_000)
    scenes: list[EpisodeScene] = [scene(at, "A", 2, vocals) for at in range(6)]
    lost = [
        rejection(0, "select", reason, record_id=one.sentences[0].id)
        for reason in (Reason.MARGIN_LOW, Reason.OVERLAP_LOW)
        for one in scenes
    ]
    output = rejecting(tmp_path / "select", lost)
    samples = read(output, scene_stage(tmp_path / "caption", scenes), number, 20_000)
    assert {sample.reason: len(sample.shown) for sample in samples} == {
        "margin_low": number,
        "overlap_low": number,
    }
    for sample in samples:
        sounds = [row.sound for row in sample.shown]
        assert [sound is not None for sound in sounds] == [True, True, True, False, False][:number]
        assert all(row.sound or row.no_sound for row in sample.shown)
