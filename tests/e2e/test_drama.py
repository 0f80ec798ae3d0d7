"""Two episodes of drama, from WenetSpeech.json and mp4 to shards, with real models all the way.

Separation, diarization and captions are the embedded backends'; the chat model is a server of the
test's own. What comes out is held against the truth that the episodes were made from.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from lhotse import CutSet

from pipelines.stages.rttm import read_rttm
from schemas import Episode, EpisodeScene, record_of
from tests.e2e.annotation_server import annotation_server
from tests.e2e.workplace import KEY, ROOT, Workplace, contents
from tests.pipelines.speakers import error_rates, share_right
from tests.pipelines.stages.drama import EPISODES, drama_turns, truth

SOURCE = "wenetspeech"
CHAIN = (
    *("ingest", "fetch", "separate", "diarize", "annotate"),
    *("cut_scenes", "caption", "select", "emit"),
)


def drama_workplace(folder: Path, base_url: str) -> Workplace:
    workplace = Workplace(folder, base_url)
    content: dict[str, Any] = {
        "results": str(folder / "results"),
        "episode_sources.wenetspeech.input": [str(ROOT / "samples" / "drama")],
        "fetch.local_folders": [str(ROOT / "samples" / "drama")],
        "separate.backend": "embedded",
        "diarize.backend": "embedded",
        "caption.backend": "embedded",
    }
    workplace.change(content)
    return workplace


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    thread, _ = annotation_server()
    with thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_API_KEY", KEY)
        workplace = drama_workplace(tmp_path_factory.mktemp("drama"), thread.base_url)
        for verb in CHAIN:
            ended = workplace.run(verb, SOURCE)
            assert ended.status == 0, ended
        yield workplace


def rows(workplace: Workplace, verb: str) -> list[dict[str, Any]]:
    parts = sorted((workplace.data / SOURCE / verb).glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def test_every_stage_takes_what_the_one_before_left(built: Workplace) -> None:
    facts = [built.facts(SOURCE, verb) for verb in CHAIN]
    for one in facts:
        assert one["in"] == one["out"] + sum(one["rejected"].values()), one["stage"]
    for before, after in itertools.pairwise(facts):
        assert before["out"] == after["in"], after["stage"]
    assert facts[0]["in"] == 62 and facts[1]["rejected"] == {"video_unavailable": 4}
    assert facts[-1]["out"] > 30


def test_at_least_nine_in_ten_sentences_have_the_right_speaker(
    built: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    for row in rows(built, "diarize"):
        episode = record_of(Episode, row)
        told = truth("sentences.json")[episode.id]["speakers"]
        right = share_right(episode.sentences, told)
        rates = error_rates(drama_turns(episode.id), episode.speech_turns)
        with capsys.disabled():
            shown = ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())
            print(f"\n{episode.id}: speaker right for {right:.1%} of sentences; {shown}")
        assert right >= 0.9
        assert rates["confusion"] < 0.05


def test_the_rttm_is_kept(built: Workplace) -> None:
    episodes = [record_of(Episode, row) for row in rows(built, "diarize")]
    files = sorted((built.data / SOURCE / "diarize" / "rttm").glob("*.rttm"))
    kept = {
        aid: turns for f in files for aid, turns in read_rttm(f.read_text("utf-8"), f.name).items()
    }
    assert {episode.id: episode.speech_turns for episode in episodes} == kept


def test_titles_and_everybodys_profile(built: Workplace) -> None:
    episodes = [record_of(Episode, row) for row in rows(built, "annotate")]
    assert [one.id for one in episodes] == list(EPISODES)
    assert [one.episode for one in episodes] == ["1", "2"]
    for one in episodes:
        spoken = {sentence.speaker for sentence in one.sentences} - {None}
        assert {profile.speaker for profile in one.profiles} == spoken


def test_scenes_are_those_of_the_truth(built: Workplace) -> None:
    found: dict[str, list[list[str]]] = {}
    for row in rows(built, "cut_scenes"):
        found.setdefault(row["episode_id"], []).append([one["id"] for one in row["sentences"]])
    wanted = truth("scenes.json")["scenes"]
    assert found == {aid: [one["sids"] for one in wanted[aid]] for aid in EPISODES}


def test_captions_say_who_made_them_and_differ(built: Workplace) -> None:
    scenes = [record_of(EpisodeScene, row) for row in rows(built, "caption")]
    assert {scene.caption_backend for scene in scenes} == {"embedded:measured-facts/1"}
    assert len({scene.caption for scene in scenes}) >= len(scenes) - 2


def test_the_split_is_as_certified(built: Workplace) -> None:
    assert built.run("check_splits", SOURCE).status == 0


def test_lhotse_reads_scenes_with_every_turn(built: Workplace) -> None:
    cuts = list(CutSet.from_shar(in_dir=built.data / SOURCE / "emit" / "train" / "shar"))
    selected = {row["id"]: row for row in rows(built, "select")}
    assert len(cuts) == len(selected) >= 6
    for cut in cuts:
        scene = selected[cut.custom["lineage"].get("scene_id", cut.id)]
        assert [one.id for one in cut.supervisions] == [one["id"] for one in scene["sentences"]]
        assert all(one.speaker.startswith(scene["episode_id"]) for one in cut.supervisions)
        assert cut.custom["caption"] == scene["caption"]
        samples = cut.load_audio()
        assert samples.shape[1] == cut.num_samples
        assert np.abs(samples).max() > 0.01


def test_the_report_has_table_1_and_the_scenes(built: Workplace) -> None:
    ended = built.run("report", SOURCE)
    assert ended.status == 0, ended
    page = (built.data / "report" / "index.html").read_text(encoding="utf-8")
    for shown in ("Table 1", "number of turns", "How sure the speakers are", "春风小巷"):
        assert shown in page
    assert "audio/mpeg" in page


def test_again_costs_nothing_and_gives_the_same_bytes(built: Workplace) -> None:
    before = contents(built.data / SOURCE)
    for verb in CHAIN[2:]:
        assert built.run(verb, SOURCE).status == 0
    after = contents(built.data / SOURCE)
    timed = {name for name in before if name.endswith(".run.json")}
    assert {n: b for n, b in after.items() if n not in timed} == {
        n: b for n, b in before.items() if n not in timed
    }
    for verb in ("separate", "diarize", "caption"):
        facts = built.run_facts(SOURCE, verb)
        assert facts.get("computed", 0) == 0 and facts["stored"] > 0, verb
    assert built.run_facts(SOURCE, "annotate")["calls"] == 0


def test_a_missing_result_is_made_again_and_nothing_else(built: Workplace) -> None:
    stored = sorted((built.folder / "results" / SOURCE / "separate").rglob("*.flac"))
    assert len(stored) == 2
    kept = stored[1].read_bytes()
    stored[1].unlink()
    assert built.run("separate", SOURCE).status == 0
    facts = built.run_facts(SOURCE, "separate")
    assert (facts["computed"], facts["stored"]) == (1, 1)
    assert stored[1].read_bytes() == kept
    assert json.loads((built.data / SOURCE / "separate" / "stage.json").read_text())["out"] == 51
