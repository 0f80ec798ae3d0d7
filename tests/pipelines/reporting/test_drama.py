import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from rich.console import Console

from pipelines import files
from pipelines.audio_bytes import AudioReader
from pipelines.errors import UsageError
from pipelines.fetching.causes import Cause
from pipelines.fetching.ledger import PARQUET, LedgerEntry
from pipelines.reporting import drama, paper
from pipelines.reporting.distributions import read_styles
from pipelines.reporting.facts import CorpusReport, Report, StageReport
from pipelines.reporting.page import render_pages
from pipelines.reporting.scene_samples import choose_scenes, read_scenes
from pipelines.reporting.sound import SoundBudget
from pipelines.reporting.terminal import show
from pipelines.stage import StageOutput
from pipelines.stages.table1 import format_table1, table1_row
from pipelines.writer import PartFile
from schemas import CharacterProfile, EpisodeScene, StageFacts, arrow_schema, table_of
from tests.pipelines.stages.drama import sentence

PAPER = {  # MCLP Table 1: recordings, hours, sentences, scenes, speakers summed over scenes
    "ingest": (17_253, 5_343.24, 8_306_291, None, None),
    "fetch": (8_556, 2_709.98, 4_178_049, None, None),
    "caption": (8_278, 2_288.79, 3_581_488, 598_701, 1_041_740),
    "select": (8_237, 1_435.29, 2_276_602, 311_938, 726_816),
}


def facts(stage: str, **changes: object) -> StageFacts:
    content: dict[str, object] = {
        "stage": stage,
        "source": "wenetspeech",
        "unit": "sentence",
        "rows_in": 0,
        "rows_out": 0,
        "rejected": {},
        "hours_in": 0.0,
        "hours_out": 0.0,
        "rejected_hours": {},
        "speakers_in": 0,
        "speakers_out": 0,
        "backend": None,
        "prompt_sha256": {},
        "counts": {},
    }
    return StageFacts(**{**content, **changes})  # type: ignore[arg-type]


def paper_facts() -> dict[str, StageFacts]:
    found = {}
    for stage, (audios, hours, sentences, scenes, speakers) in PAPER.items():
        counts = {"audios_out": audios}
        if scenes is not None and speakers is not None:
            counts |= {"scenes": scenes, "scene_speakers": speakers}
        found[stage] = facts(stage, rows_out=sentences, hours_out=hours, counts=counts)
    found["ingest"] = replace(
        found["ingest"],
        rows_in=17_894_974,
        hours_in=12_541.61,
        counts={"audios_in": 83_503, "audios_out": 17_253},
    )
    return found


def test_the_papers_table_comes_out_of_the_papers_counts() -> None:
    rows = format_table1(table1_row(*row) for row in drama.corpus_counts(paper_facts()))
    assert rows[0][1:] == ("83,503", "12,541.61", "17,894,974", "-", "-", "-", "-")
    assert rows[1][1:] == ("17,253", "5,343.24", "8,306,291", "-", "-", "-", "-")
    assert rows[2][1:] == ("8,556", "2,709.98", "4,178,049", "-", "-", "-", "-")
    assert rows[3][1:] == ("8,278", "2,288.79", "3,581,488", "598,701", "72.32", "5.98", "1.74")
    assert rows[4][1:] == ("8,237", "1,435.29", "2,276,602", "311,938", "37.87", "7.30", "2.33")


def test_stages_that_have_not_run_have_no_row() -> None:
    assert drama.corpus_counts({}) == []
    assert len(drama.corpus_counts({"ingest": paper_facts()["ingest"]})) == 2


def test_turns_as_cut_and_as_kept() -> None:
    bars = drama.turn_bars(
        {
            "cut_scenes": facts("cut_scenes", counts={"turns.1": 4, "turns.3": 2, "turns.25": 1}),
            "select": facts("select", counts={"turns.3": 1, "turns_too_few": 9}),
        }
    )
    assert [(bar.label, bar.cut, bar.kept) for bar in bars[:3]] == [
        ("1", 4, 0),
        ("2", 0, 0),
        ("3", 2, 1),
    ]
    assert (bars[-1].label, bars[-1].cut, bars[-1].kept) == (f"{drama.LAST_BAR}+", 1, 0)


def test_scenes_by_length_up_to_the_longest_and_by_style(tmp_path: Path) -> None:
    scenes = [
        replace(scene(number, "A", 2, ""), duration=seconds, style=style)
        for number, (seconds, style) in enumerate(
            [(0.5, None), (4.999, "sad"), (5.0, "sad"), (21.0, "angry"), (4000.0, None)]
        )
    ]
    cut = scene_stage(tmp_path / "cut", scenes)
    kept = scene_stage(tmp_path / "kept", scenes[1:4])
    bars = drama.length_bars(cut, kept)
    assert [(bar.label, bar.cut, bar.kept) for bar in bars if bar.cut] == [
        ("0", 2, 1),
        ("5", 1, 1),
        ("20", 1, 1),
        ("60+", 1, 0),
    ]
    assert [bar.label for bar in drama.length_bars(kept, kept)] == ["0", "5", "10", "15", "20"]
    assert read_styles(cut) == (("sad", 2), ("angry", 1)) and read_styles(None) == ()


def test_the_papers_rows_are_those_that_a_run_gives() -> None:
    rows = format_table1(table1_row(*row) for row in drama.corpus_counts(paper_facts()))
    assert {name: cells for name, *cells in rows} == {
        name: list(cells) for name, cells in paper.TABLE1.items()
    }


def scene(number: int, episode: str, speakers: int, vocals: str) -> EpisodeScene:
    turns = tuple(
        replace(
            sentence(number * 10 + at, number * 10 + at + 1.0),
            speaker=f"SPEAKER_{at % speakers:02}",
            text=f"<b>第{at}句</b>",
            margin=0.2 if at else 1.0,
            flags=("straddles",) if at else (),
        )
        for at in range(4)
    )
    return EpisodeScene(
        id=f"{episode}_scene{number:04}",
        episode_id=episode,
        start=number * 10.0,
        duration=4.0,
        sentences=turns,
        caption="A <i>dim</i> shop",
        caption_backend="embedded:measured-facts/1",
        source="wenetspeech",
        url="https://www.youtube.com/watch?v=x",
        video_id="x",
        md5="m",
        licence="CC-BY-4.0",
        video_uri="x.mp4",
        vocals_uri=vocals,
        title=None,
        series="春风小巷",
        episode="1",
        profiles=(CharacterProfile(speaker="SPEAKER_00", identity="shopkeeper", character="wry"),),
        split="train",
        rl=None,
        style=None,
    )


def scene_stage(folder: Path, scenes: list[EpisodeScene]) -> StageOutput:
    folder.mkdir(exist_ok=True)
    path = str(folder / "part-00000.parquet")
    with PartFile(path, arrow_schema(EpisodeScene)) as part:
        part.write(table_of(EpisodeScene, scenes))
    return StageOutput(str(folder), facts("caption"), [path], [])


@pytest.fixture
def vocals(tmp_path: Path) -> str:
    path = str(tmp_path / "vocals.flac")
    noise = np.random.default_rng(0).normal(size=24_000 * 30).astype(np.float32) * 0.1
    soundfile.write(path, noise, 24_000)
    return path


def test_scenes_are_of_all_episodes_and_the_ones_with_most_speakers(vocals: str) -> None:
    scenes = [scene(0, "A", 1, vocals), scene(1, "A", 3, vocals), scene(0, "B", 1, vocals)]
    chosen = choose_scenes(scenes, 2)
    assert [one.id for one in chosen] == ["A_scene0001", "B_scene0000"]


def test_a_scene_has_its_own_sound_and_says_what_is_doubtful(tmp_path: Path, vocals: str) -> None:
    output = scene_stage(tmp_path, [scene(1, "A", 2, vocals), scene(9, "A", 2, vocals)])
    with AudioReader() as reader:
        stage, (near, far) = read_scenes([output], SoundBudget(reader), 9)
    assert stage == "caption"
    assert near.sound is not None
    samples, rate = soundfile.read(io.BytesIO(near.sound.content))
    assert len(samples) / rate == pytest.approx(4.0, abs=0.1)
    assert [turn.doubt for turn in near.turns[:2]] == [None, "straddles, margin 0.20"]
    assert [(turn.start, turn.end) for turn in near.turns] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert [(one.name, one.identity) for one in near.speakers] == [
        ("SPEAKER_00", "shopkeeper"),
        ("SPEAKER_01", None),
    ]
    assert far.sound is None and far.no_sound is not None and "ends before" in far.no_sound


def test_the_page_shows_it_all_and_runs_none_of_it(tmp_path: Path, vocals: str) -> None:
    entry = LedgerEntry(
        episode_id="Y1",
        video_id="x",
        url="https://www.youtube.com/watch?v=<script>",
        cause=Cause.PRIVATE,
        detail="it is private",
        attempts=1,
        duration=1800.0,
        video_duration=None,
        sentences=3,
    )
    with files.atomic_write(files.join(str(tmp_path), "wenetspeech", "media", PARQUET)) as stream:
        pq.write_table(table_of(LedgerEntry, [entry]), stream)
    by_stage = paper_facts() | {
        "diarize": facts("diarize", counts={"overlap.9": 7, "margin.0": 2, "assign.gap": 1})
    }
    outputs = [StageOutput("", one, [], []) for one in by_stage.values()]
    found = drama.gather_drama(str(tmp_path), "wenetspeech", outputs)
    assert found.lost is not None and found.lost.by_cause == ((Cause.PRIVATE, 1, 0.5),)
    assert found.overlap[-1] == ("0.9–1.0", 7) and found.overlap[0] == ("0.0–0.1", 0)
    with AudioReader() as reader:
        output = scene_stage(tmp_path, [scene(0, "A", 2, vocals)])
        stage, scenes = read_scenes([output], SoundBudget(reader), 1)
    corpus = CorpusReport(
        source="wenetspeech",
        stages=tuple(StageReport(facts=one) for one in by_stage.values()),
        missing=(),
        drama=found,
        scenes=scenes,
        examples_stage=stage,
    )
    pages = render_pages(Report(corpora=(corpus,)))
    for shown in (
        "72.32",
        "0.9–1.0",
        "private",
        "春风小巷",
        "straddles",
        "audio/mpeg",
        "in the paper",
    ):
        assert shown in pages["index.html"]
    for shown in ("shopkeeper: wry", "no profile", "straddles", 'data-start="2.0"', "audio/mpeg"):
        assert shown in pages["listen.html"]
    for page in pages.values():
        assert "<b>第" not in page and "<i>dim" not in page and "v=<script>" not in page
    terminal = io.StringIO()
    show(Report(corpora=(corpus,)), Console(file=terminal, width=120))
    assert "311,938" in terminal.getvalue()


def test_a_damaged_certificate_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = files.join(str(tmp_path), "wenetspeech", "select", "certificate.json")
    files.write_text(path, "{}")
    with pytest.raises(UsageError, match=r"certificate\.json: not a certificate"):
        drama.gather_drama(str(tmp_path), "wenetspeech", [])
