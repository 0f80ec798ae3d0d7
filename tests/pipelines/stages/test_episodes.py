"""Drama: WenetSpeech.json to episodes to episodes with video; sentences are conserved."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.fetching.settings import FetchSettings
from pipelines.run import run_stage
from pipelines.sources.wenetspeech import WenetSpeechSource
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from pipelines.stage import open_stage
from pipelines.stages.episodes import EpisodeIngestStage
from pipelines.stages.fetch import FetchStage
from schemas import Episode, StageFacts, record_of

SAMPLE = Path(__file__).parents[3] / "samples" / "drama"
GOLDEN = Path(__file__).parents[2] / "golden" / "drama_ingest.json"


def ingest(output: Path, limit: int | None = None) -> StageFacts:
    """Ingests the sample."""
    source = WenetSpeechSource("wenetspeech", WenetSpeechSettings(kind="wenetspeech"))
    stage = EpisodeIngestStage(source, 1, limit)
    return run_stage(stage, source.shards([str(SAMPLE)]), str(output))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageFacts]:
    """The sample's ingest folder and facts."""
    output = tmp_path_factory.mktemp("drama") / "ingest"
    return output, ingest(output)


def test_every_sentence_is_accounted_for(ingested: tuple[Path, StageFacts]) -> None:
    _, facts = ingested
    listed = json.loads((SAMPLE / "WenetSpeech.json").read_text(encoding="utf-8"))["audios"]
    assert facts.unit == "sentence"
    assert facts.rows_in == sum(max(len(audio["segments"]), 1) for audio in listed)
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values())
    assert facts.counts["audios_in"] == len(listed)
    assert facts.hours_in == pytest.approx(
        facts.hours_out + sum(facts.rejected_hours.values()), abs=2e-6
    )


def test_episodes_survive_the_round_through_parquet(ingested: tuple[Path, StageFacts]) -> None:
    output, facts = ingested
    parts = open_stage(str(output), "ingest").parts
    episodes = [
        record_of(Episode, row) for part in parts for row in pq.read_table(part).to_pylist()
    ]
    assert len(parts) == facts.counts["audios_out"]
    assert episodes[0].video_id == "-Kd8wPq3ZtE"
    assert sum(len(episode.sentences) for episode in episodes) == facts.rows_out
    for episode in episodes:
        starts = [sentence.start for sentence in episode.sentences]
        assert starts == sorted(starts)


def test_limit_is_a_number_of_episodes(tmp_path: Path) -> None:
    assert ingest(tmp_path / "ingest", limit=1).counts["audios_out"] == 1


def test_media_at_hand_is_used_and_the_rest_is_in_the_ledger(
    ingested: tuple[Path, StageFacts], tmp_path: Path
) -> None:
    output, before = ingested
    settings = FetchSettings(local_folders=(str(SAMPLE),), download=False)
    stage = FetchStage("wenetspeech", settings, str(tmp_path / "media"))
    parts = open_stage(str(output), "ingest").parts
    facts = run_stage(stage, parts, str(tmp_path / "fetch"))
    assert facts.rows_in == before.rows_out
    assert facts.rows_in == facts.rows_out + facts.rejected["video_unavailable"]
    assert facts.counts["audios_out"] == 2
    ledger = (tmp_path / "media" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(ledger) == facts.counts["lost.unavailable"]
    for part in open_stage(str(tmp_path / "fetch"), "fetch").parts:
        for row in pq.read_table(part).to_pylist():
            assert Path(row["video_uri"]).is_file()
            assert Path(row["audio_uri"]).is_file()
            assert row["title"]
