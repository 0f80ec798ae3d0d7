"""Episodes with vocals to episodes with speakers: what is kept, counted, stored and refused."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from pipelines.backends.media_settings import QualitySettings
from pipelines.errors import StageFailed, UsageError
from pipelines.params import load_params
from pipelines.run import run_stage
from pipelines.sound import load_sound
from pipelines.stages.assign import AssignSettings
from pipelines.stages.diarize import SUFFIX, DiarizeStage
from pipelines.stages.rttm import read_rttm
from schemas import Episode, Sentence, StageFacts
from tests.pipelines.media_files import TRUE_VOCALS
from tests.pipelines.speakers import settings, share_right
from tests.pipelines.stages.drama import EPISODES, drama_sentences, episode, sentence, truth
from tests.pipelines.stages.fetched import episodes_in, save_fetched

UNSAFE = "../a b"
QUALITY = load_params("params.yaml").quality


def lines() -> tuple[Sentence, ...]:
    """The sentences of the first episode that lie within the vocals at hand."""
    return tuple(one for one in drama_sentences(EPISODES[0]) if one.start + one.duration < 26)


def stage(store: Path, quality: QualitySettings = QUALITY, **changes: object) -> DiarizeStage:
    return DiarizeStage("wenetspeech", settings(**changes), AssignSettings(), quality, str(store))


def write(path: Path, samples: np.ndarray[Any, Any], rate: int = 16_000) -> str:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return str(path)


def peak_normalised(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As a separator may leave silence: its rounding noise, as loud as can be."""
    noise = samples + np.random.default_rng(0).uniform(-1, 1, len(samples)) * 1e-9
    loud: np.ndarray[Any, Any] = noise / np.abs(noise).max()
    return loud


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageFacts]:
    """One run over episodes of every kind; its output folder and facts."""
    folder = tmp_path_factory.mktemp("diarize")
    (folder / "broken.flac").write_bytes(b"fLaC and then nothing of the kind")
    silence = np.zeros(16_000 * 6)
    short = (sentence(1.0, 3.0, id="q1"), sentence(3.5, 5.0, id="q2"))
    episodes = [
        episode(EPISODES[0], vocals_uri=str(TRUE_VOCALS), sentences=lines(), duration=26.0),
        episode("silent", vocals_uri=write(folder / "silence.flac", silence), sentences=short),
        episode(UNSAFE, vocals_uri=write(folder / "hiss.flac", peak_normalised(silence) * 0.9),
                sentences=short),
        episode("never-separated", vocals_uri=None, sentences=short),
        episode("broken", vocals_uri=str(folder / "broken.flac"), sentences=short),
        episode("empty", vocals_uri=str(TRUE_VOCALS), sentences=()),
    ]  # fmt: skip
    parts = save_fetched(folder / "separate", episodes, per_part=2)
    output = folder / "diarize"
    return output, run_stage(stage(folder / "store"), parts, str(output))


def test_every_sentence_is_kept_or_rejected_with_its_episode(run: tuple[Path, StageFacts]) -> None:
    output, facts = run
    assert facts.unit == "sentence"
    assert facts.rows_in == len(lines()) + 8
    assert facts.rows_out == len(lines()) + 4
    assert facts.rejected == {"audio_unreadable": 4}
    assert facts.backend == "embedded:silero+campplus"
    rejected = [
        row
        for path in sorted((output / "rejected").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    assert {row["stage"] for row in rejected} == {"diarize"}
    assert [row["detail"].split(":")[0] for row in rejected[:2]] == ["never-separated"] * 2
    assert all("broken.flac" in row["location"] for row in rejected[2:])


def test_the_speakers_are_right_and_named_by_first_appearance(
    run: tuple[Path, StageFacts],
) -> None:
    output, facts = run
    first = episodes_in(output)[0]
    right = {one.id: truth("sentences.json")[first.id]["speakers"][one.id] for one in lines()}
    assert share_right(first.sentences, right) == 1.0
    seen = list(dict.fromkeys(turn.speaker for turn in first.speech_turns))
    assert seen == [f"SPEAKER_{number:02d}" for number in range(len(seen))]
    starts = [turn.start for turn in first.speech_turns]
    assert starts == sorted(starts)
    assert facts.speakers_in == 0
    assert facts.speakers_out == 3  # of the one episode with speech


def test_silence_has_no_turns_and_its_sentences_no_speaker(run: tuple[Path, StageFacts]) -> None:
    for found in episodes_in(run[0])[1:3]:
        assert found.speech_turns == ()
        for one in found.sentences:
            assert (one.speaker, one.overlap_ratio, one.margin) == (None, 0.0, 0.0)
            assert one.flags == ("no_speaker",)


def test_what_was_there_stays(run: tuple[Path, StageFacts]) -> None:
    first = episodes_in(run[0])[0]
    assert [
        dataclasses.replace(one, speaker=None, overlap_ratio=None, margin=None, flags=())
        for one in first.sentences
    ] == list(lines())


def test_counts_are_the_sentences_by_flag_share_and_margin(run: tuple[Path, StageFacts]) -> None:
    output, facts = run
    episodes = episodes_in(output)
    counts = Counter(facts.counts)
    assert (counts["audios_in"], counts["audios_out"]) == (6, 4)
    for prefix in ("overlap.", "margin."):
        assert sum(n for key, n in counts.items() if key.startswith(prefix)) == facts.rows_out
    assert counts["overlap.9"] == len(lines())
    assert counts["overlap.0"] == 4
    assert counts["assign.no_speaker"] == 4
    flags = Counter(
        f"assign.{flag}"
        for found in episodes
        for one in found.sentences
        for flag in one.flags or ("clear",)
    )
    assert {key: n for key, n in counts.items() if key.startswith("assign.")} == flags
    assert counts["speakers"] == 3 + 3  # the empty episode has the same sound
    assert counts["speech_turns"] == sum(len(found.speech_turns) for found in episodes)


def test_the_rttm_of_every_recording_is_there_under_a_safe_name(
    run: tuple[Path, StageFacts],
) -> None:
    output, _ = run
    names = sorted(path.name for path in (output / "rttm").iterdir())
    assert names == sorted(
        [f"{EPISODES[0]}.rttm", "%2E.%2Fa%20b.rttm", "empty.rttm", "silent.rttm"]
    )
    text = (output / "rttm" / f"{EPISODES[0]}.rttm").read_text(encoding="utf-8")
    assert read_rttm(text, "x")[EPISODES[0]] == episodes_in(output)[0].speech_turns
    assert (output / "rttm" / "silent.rttm").read_text(encoding="utf-8") == ""


def test_recordings_of_one_sound_share_one_result(run: tuple[Path, StageFacts]) -> None:
    output, _ = run
    facts = json.loads(Path(f"{output}.run.json").read_text(encoding="utf-8"))
    assert (facts["computed"], facts["stored"]) == (3, 1)


def test_a_chunked_recording_has_the_speakers_of_the_whole(tmp_path: Path) -> None:
    found = []
    for number, chunk_s in enumerate((600.0, 9.0)):
        one = stage(tmp_path / str(number), chunk_s=chunk_s)
        row = episode(EPISODES[0], vocals_uri=str(TRUE_VOCALS), sentences=lines())
        (path,) = save_fetched(tmp_path / f"in{number}", [row])
        (table,) = one.read(path)
        found.append(one.transform(table).rows.to_pylist()[0])
    whole, chunked = ([one["speaker"] for one in row["sentences"]] for row in found)
    assert chunked == whole


def test_ratings_are_on_request_and_kept(tmp_path: Path) -> None:
    row = episode("e", vocals_uri=str(TRUE_VOCALS), sentences=lines()[:2])
    (path,) = save_fetched(tmp_path / "in", [row])
    (table,) = stage(tmp_path / "store").read(path)
    plain = stage(tmp_path / "store").transform(table).rows.to_pylist()[0]
    assert [one["dnsmos"] for one in plain["sentences"]] == [None, None]
    rated = QUALITY.model_copy(update={"backend": "dnsmos"})
    for expected in ("rated", "ratings_stored"):
        again = stage(tmp_path / "store", rated)
        block = again.transform(table)
        assert block.run == Counter({"stored": 1, expected: 1})
        scores = [one["dnsmos"] for one in block.rows.to_pylist()[0]["sentences"]]
        assert all(1 < score < 5 for score in scores)


def test_the_key_is_the_sound_the_model_and_every_parameter(tmp_path: Path) -> None:
    own = settings().embedded
    samples = load_sound(str(TRUE_VOCALS), 16_000, 1)[0]
    other = write(tmp_path / "other.flac", samples[:80_000])
    row = episode("e", vocals_uri=str(TRUE_VOCALS), sentences=())
    keys = [
        stage(tmp_path)._key(str(TRUE_VOCALS)),
        stage(tmp_path)._key(other),
        stage(tmp_path, chunk_s=9.0)._key(str(TRUE_VOCALS)),
        stage(tmp_path, embedded=own.model_copy(update={"link_distance": 0.1}))._key(other),
        stage(tmp_path, embedded=own.model_copy(update={"hop_s": 0.5}))._key(other),
    ]
    assert len(set(keys)) == len(keys)
    assert stage(tmp_path, device="auto")._key(other) == keys[1]  # the device is no parameter
    assert not stage(tmp_path).stored(row)


def test_vocals_that_are_gone_are_a_failure_and_no_rejection(tmp_path: Path) -> None:
    row = episode("e", vocals_uri=str(tmp_path / "gone.flac"), sentences=lines()[:1])
    parts = save_fetched(tmp_path / "in", [row])
    with pytest.raises(StageFailed, match=r"gone\.flac: gone, .*pipelines\.separate"):
        run_stage(stage(tmp_path / "store"), parts, str(tmp_path / "out"))
    assert not (tmp_path / "out" / "stage.json").exists()


def test_a_damaged_result_is_said_and_not_used(tmp_path: Path) -> None:
    one = stage(tmp_path / "store")
    path = Path(one._store.path(one._key(str(TRUE_VOCALS)), SUFFIX))
    path.parent.mkdir(parents=True)
    path.write_text("SPEAKER nonsense", encoding="utf-8")
    row = episode("e", vocals_uri=str(TRUE_VOCALS), sentences=lines()[:1])
    (part,) = save_fetched(tmp_path / "in", [row])
    (table,) = one.read(part)
    with pytest.raises(StageFailed, match=r"\.rttm:1: .*; delete the file and run again"):
        one.transform(table)


def test_a_run_clears_the_rttm_of_an_earlier_one(tmp_path: Path) -> None:
    output = tmp_path / "out"
    for name in ("one", "two"):
        row = episode(name, vocals_uri=str(TRUE_VOCALS), sentences=lines()[:1])
        parts = save_fetched(tmp_path / name, [row])
        run_stage(stage(tmp_path / "store"), parts, str(output))
        assert [path.name for path in (output / "rttm").iterdir()] == [f"{name}.rttm"]


def test_weights_that_vanish_are_named_by_the_stage(tmp_path: Path) -> None:
    own = settings().embedded
    lost = own.vad.model_copy(update={"path": str(tmp_path / "no.onnx")})
    one = stage(tmp_path, embedded=own.model_copy(update={"vad": lost}))
    row = episode("e", vocals_uri=str(TRUE_VOCALS), sentences=lines()[:1])
    (part,) = save_fetched(tmp_path / "in", [row])
    (table,) = one.read(part)
    with pytest.raises(UsageError, match=r"no\.onnx: no such weight file"):
        one.transform(table)


def test_an_episode_is_a_chunk() -> None:
    assert DiarizeStage.chunk_rows == 1
    assert DiarizeStage.record_type is Episode
