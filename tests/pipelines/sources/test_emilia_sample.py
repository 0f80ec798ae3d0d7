from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import soundfile

from pipelines.sources.audio_probe import probe_whole
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.settings import EmiliaSettings
from schemas import Rejection, Utterance

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples" / "emilia"
EXPECTED = json.loads((ROOT / "tests" / "golden" / "emilia_expected.json").read_text("utf-8"))
REASON_OF = {
    "json without mp3": "audio_missing",
    "mp3 without json": "transcript_missing",
    "truncated mp3": "audio_truncated",
    "invalid JSON": "transcript_invalid",
    "JSON not UTF-8 (GB18030 bytes)": "transcript_invalid",
    "zero-length mp3": "audio_empty",
    "zero-length json": "transcript_empty",
    "duplicate id, different content (the first one is the good one)": "duplicate_id",
    "duplicate id, byte-identical content": "duplicate_id",
}


def read(name: str) -> tuple[list[Utterance], list[Rejection]]:
    settings = EmiliaSettings(kind="emilia", metadata=(str(SAMPLES / "metadata.jsonl"),))
    source = EmiliaSource("emilia", settings)
    (shard,) = [s for s in source.shards([str(SAMPLES)]) if s.uri.endswith(name)]
    records = list(source.read(shard))
    return (
        [record for record in records if isinstance(record, Utterance)],
        [record for record in records if isinstance(record, Rejection)],
    )


@pytest.mark.parametrize("name", ["EN-B000000.tar", "ZH-B000000.tar"])
def test_every_utterance_of_the_sample_has_the_expected_fate(name: str) -> None:
    utterances, rejections = read(name)
    expected = EXPECTED["tars"][name]
    stated = {good["id"]: good["duration"] for good in expected["good"]}
    assert [utterance.id for utterance in utterances] == sorted(stated)
    assert len(utterances) == 24
    assert sorted((r.record_id, r.reason.value) for r in rejections) == sorted(
        (broken["id"], REASON_OF[broken["reason"]]) for broken in expected["broken"]
    )
    for utterance in utterances:
        assert 0 <= utterance.duration - stated[utterance.id] < 0.0701  # the README: up to 0.07 s
        assert utterance.text == utterance.text_raw.strip()
        assert (utterance.audio_format, utterance.sample_rate_hz) == ("mp3", 24000)
        assert utterance.language == name[:2].lower()


@pytest.mark.parametrize("name", ["EN-B000000.tar", "ZH-B000000.tar"])
def test_offsets_point_at_audio_that_decodes_to_the_measured_duration(name: str) -> None:
    archive = (SAMPLES / name).read_bytes()
    for utterance in read(name)[0]:
        start, end = utterance.audio_offset, utterance.audio_offset + utterance.audio_size
        samples, rate = soundfile.read(io.BytesIO(archive[start:end]))
        assert rate == utterance.sample_rate_hz
        assert len(samples) / rate == pytest.approx(utterance.duration, abs=0.001)
        assert probe_whole(archive[start:end]).duration == pytest.approx(utterance.duration)


def test_titles_come_from_the_sidecar_and_a_source_without_a_row_is_kept() -> None:
    english, chinese = read("EN-B000000.tar")[0], read("ZH-B000000.tar")[0]
    titles = {utterance.source_id: utterance.title for utterance in english}
    assert titles["EN_B00000_S00002"] == "Evening News Bulletin 14 March"
    assert titles["EN_B00000_S00006"] == ""
    untitled = {utterance.source_id for utterance in chinese if utterance.title is None}
    assert untitled == {"ZH_B00000_S00006"}
    assert english[0].tags == ("football", "sports commentary", "live", "cup final")
