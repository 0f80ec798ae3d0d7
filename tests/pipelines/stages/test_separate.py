"""The separate stage: real models on real media, every sentence accounted for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from scipy.signal import correlate, resample_poly

from pipelines.backends.media_settings import DemucsSettings, SeparateSettings
from pipelines.errors import StageFailed
from pipelines.params import load_params
from pipelines.run import run_stage
from pipelines.sound import load_sound
from pipelines.stages.separate import SeparateStage
from schemas import Episode, Rejection, StageFacts, record_of
from tests.pipelines.backends.demucs_models import save_pickle, small_model
from tests.pipelines.media_files import (
    SAMPLE_AUDIO,
    SAMPLE_VIDEOS,
    TRUE_VOCALS,
    later,
    noise,
    write_media,
    write_wav,
)
from tests.pipelines.stages.drama import EPISODES, drama_sentences, episode, sentence
from tests.pipelines.stages.fetched import episodes_in, save_fetched

RATE = 44100


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def settings(**changes: object) -> SeparateSettings:
    shipped = load_params("params.yaml").separate
    return shipped.model_copy(update={"backend": "embedded", "device": "cpu"} | changes)


def separate(
    folder: Path,
    episodes: Sequence[Episode],
    per_part: int = 1,
    **changes: Any,  # noqa: ANN401
) -> StageFacts:
    """Runs the stage: fetch/ -> separate/, results/ in the folder."""
    parts = save_fetched(folder / "fetch", episodes, per_part)
    stage = SeparateStage("wenetspeech", settings(**changes), str(folder / "results"))
    return run_stage(stage, parts, str(folder / "separate"))


def rejections(folder: Path) -> list[Rejection]:
    parts = sorted((folder / "separate" / "rejected").glob("*.parquet"))
    return [record_of(Rejection, row) for p in parts for row in pq.read_table(p).to_pylist()]


def run_facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "separate.run.json").read_text(encoding="utf-8"))
    return facts


def content(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def short(folder: Path, name: str, seconds: float = 1.0, **changes: Any) -> Episode:  # noqa: ANN401
    """An episode of noise with a sentence in each half."""
    path = write_wav(folder / f"{name}.wav", noise(seconds, RATE, 2), RATE)
    half = seconds / 2
    fields: dict[str, Any] = {
        "video_uri": str(path),
        "duration": seconds,
        "sentences": (sentence(0.0, half, id=f"{name}1"), sentence(half, seconds, id=f"{name}2")),
    }
    return episode(name, **fields | changes)


def sample(seconds: float, folder: Path) -> Episode:
    """The first seconds of the first episode, as its video has them."""
    sound = load_sound(str(SAMPLE_VIDEOS[0]), RATE, 2)[:, : round(seconds * RATE)]
    path = write_wav(folder / "sample.wav", sound, RATE, "PCM_16")
    return episode(
        EPISODES[0],
        video_uri=str(path),
        audio_uri=str(SAMPLE_AUDIO[0]),
        duration=seconds,
        sentences=tuple(
            one for one in drama_sentences(EPISODES[0]) if one.start + one.duration <= seconds
        ),
    )


def test_an_episode_gets_its_vocals(tmp_path: Path) -> None:
    given = sample(26.0, tmp_path)
    facts = separate(tmp_path, [given])
    (got,) = episodes_in(tmp_path / "separate")
    assert got.vocals_uri is not None
    assert got == episode(
        EPISODES[0], **{name: getattr(given, name) for name in _KEPT}, vocals_uri=got.vocals_uri
    )
    assert (facts.rows_in, facts.rows_out) == (len(given.sentences), len(given.sentences))
    assert facts.backend == "embedded:spleeter-2stems"
    assert facts.counts == {"audios_in": 1, "audios_out": 1, "sound_of_video": 1}
    vocals, rate = soundfile.read(got.vocals_uri, dtype="float32")
    assert (rate, len(vocals)) == (24000, 26 * 24000)
    assert Path(got.vocals_uri).is_relative_to(tmp_path / "results")
    truth, truth_rate = soundfile.read(TRUE_VOCALS, dtype="float32")
    assert (len(truth), truth_rate) == (26 * 16000, 16000)
    likeness = correlate(resample_poly(vocals, 2, 3), truth, method="fft")
    assert int(np.argmax(likeness)) == len(truth) - 1, "sample 0 is time 0"
    # What a person speaks is there, the music before the first sentence is not.
    mix = load_sound(str(given.video_uri), 24000, 1)[0]
    speech, music = slice(2 * rate, 11 * rate), slice(round(0.9 * rate), round(1.9 * rate))
    assert np.square(vocals[speech]).mean() > 0.5 * np.square(mix[speech]).mean()
    assert np.square(vocals[music]).mean() < 0.1 * np.square(mix[music]).mean()


_KEPT = ("video_uri", "audio_uri", "duration", "sentences")


def test_nothing_is_separated_twice(tmp_path: Path) -> None:
    given = [short(tmp_path, "a"), short(tmp_path, "b", 1.5)]
    separate(tmp_path, given)
    assert run_facts(tmp_path)["computed"] == 2
    assert run_facts(tmp_path)["audio_seconds"] == 3, "1 s, and 1.5 s rounded"
    first, stored = content(tmp_path / "separate"), content(tmp_path / "results")
    separate(tmp_path, given)
    assert run_facts(tmp_path)["stored"] == 2
    assert "computed" not in run_facts(tmp_path)
    assert content(tmp_path / "separate") == first
    assert content(tmp_path / "results") == stored


def test_one_of_two_same_files_is_separated(tmp_path: Path) -> None:
    separate(tmp_path, [short(tmp_path, "a"), short(tmp_path, "b")], per_part=2)
    assert (run_facts(tmp_path)["computed"], run_facts(tmp_path)["stored"]) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_rate_hz": 16000},
        {"chunk_s": 20.0},
        {"overlap_s": 1.5},
    ],
)
def test_other_settings_are_other_results(tmp_path: Path, changes: dict[str, Any]) -> None:
    given = [short(tmp_path, "a")]
    separate(tmp_path, given)
    separate(tmp_path, given, **changes)
    assert run_facts(tmp_path)["computed"] == 1


def test_the_same_bytes_from_an_empty_store(tmp_path: Path) -> None:
    given = [short(tmp_path, "a", 4.0)]
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        separate(folder, given, chunk_s=3.0, overlap_s=1.0)
    assert content(once / "results") == content(again / "results")


@pytest.mark.parametrize(
    ("rate", "channels"), [(44100, 1), (11025, 1), (48000, 6), (22050, 8), (8000, 2)]
)
def test_any_rate_and_number_of_channels(tmp_path: Path, rate: int, channels: int) -> None:
    sound = np.repeat(noise(1.0, rate), channels, axis=0)
    path = write_wav(tmp_path / "odd.wav", sound, rate)
    separate(tmp_path, [short(tmp_path, "a", video_uri=str(path))])
    (got,) = episodes_in(tmp_path / "separate")
    vocals, rate_out = soundfile.read(str(got.vocals_uri))
    assert (vocals.ndim, rate_out) == (1, 24000)
    assert len(vocals) == pytest.approx(24000, abs=1)


def test_a_silent_episode_has_silent_vocals(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "silent.wav", np.zeros((2, RATE), np.float32), RATE)
    facts = separate(tmp_path, [short(tmp_path, "a", video_uri=str(path))])
    assert facts.rows_out == 2
    (got,) = episodes_in(tmp_path / "separate")
    assert not soundfile.read(str(got.vocals_uri))[0].any()


def _spoiled(folder: Path, kind: str) -> str:
    path = folder / f"{kind}.mp4"
    if kind == "no_track":
        whole = write_media(folder / "v.mkv", noise(0.2, RATE), RATE, picture=True)
        import av

        with av.open(str(whole)) as source, av.open(str(path), "w") as out:
            track = out.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = track
                    out.mux(packet)
    elif kind == "zero_length":
        path = write_wav(folder / "zero.wav", np.zeros((2, 0), np.float32), RATE)
    else:
        path.write_bytes(b"" if kind == "empty" else b"\0" * 5000)
    return str(path)


@pytest.mark.parametrize("kind", ["no_track", "zero_length", "empty", "not_media"])
def test_sound_that_cannot_be_decoded_rejects_the_episode(tmp_path: Path, kind: str) -> None:
    uri = _spoiled(tmp_path, kind)
    facts = separate(
        tmp_path, [short(tmp_path, "a", video_uri=uri), short(tmp_path, "b")], per_part=2
    )
    assert facts.rejected == {"audio_unreadable": 2}
    assert (facts.counts["audios_in"], facts.counts["audios_out"]) == (2, 1)
    assert [one.id for one in episodes_in(tmp_path / "separate")] == ["b"]
    lost = rejections(tmp_path)
    assert [one.record_id for one in lost] == ["a1", "a2"]
    assert all(uri in one.detail and one.duration == 0.5 for one in lost)


def test_the_other_files_sound_is_used_where_the_first_has_none(tmp_path: Path) -> None:
    spoiled = _spoiled(tmp_path, "not_media")
    good = short(tmp_path, "b")
    facts = separate(tmp_path, [short(tmp_path, "a", video_uri=spoiled, audio_uri=good.video_uri)])
    assert facts.rows_out == 2
    assert facts.counts["sound_of_audio"] == 1


def test_the_corpuss_own_sound_can_be_preferred(tmp_path: Path) -> None:
    given = [short(tmp_path, "a", audio_uri=short(tmp_path, "b", 2.0).video_uri)]
    facts = separate(tmp_path, given, sound="audio")
    assert facts.counts["sound_of_audio"] == 1
    (got,) = episodes_in(tmp_path / "separate")
    assert soundfile.info(str(got.vocals_uri)).duration == 2.0


def test_an_episode_without_any_file_is_rejected(tmp_path: Path) -> None:
    facts = separate(tmp_path, [short(tmp_path, "a", video_uri=None)])
    assert facts.rejected == {"audio_unreadable": 2}
    assert "neither video nor audio is at hand" in rejections(tmp_path)[0].detail


def test_sentences_beyond_the_end_of_the_sound_are_rejected_one_by_one(tmp_path: Path) -> None:
    lines = (
        sentence(0.0, 0.9, id="in"),
        sentence(0.8, 1.5, id="just"),  # exactly as much over the end as is let pass
        sentence(0.8, 1.51, id="over"),
        sentence(3.0, 4.0, id="beyond"),
    )
    facts = separate(tmp_path, [short(tmp_path, "a", sentences=lines)])
    (got,) = episodes_in(tmp_path / "separate")
    assert [one.id for one in got.sentences] == ["in", "just"]
    assert facts.rejected == {"audio_truncated": 2}
    assert (facts.rows_in, facts.rows_out) == (4, 2)
    assert facts.hours_in == pytest.approx(
        facts.hours_out + sum(facts.rejected_hours.values()), abs=2e-6
    )
    (over, beyond) = rejections(tmp_path)
    assert (over.record_id, beyond.record_id) == ("over", "beyond")
    assert over.detail == "ends at 1.510 s, the sound 1.000 s"
    assert beyond.location == str(tmp_path / "a.wav")


def test_an_episode_all_of_whose_sentences_are_beyond_the_end_goes(tmp_path: Path) -> None:
    lines = (sentence(3.0, 4.0, id="beyond"),)
    facts = separate(tmp_path, [short(tmp_path, "a", sentences=lines)])
    assert (facts.rows_out, facts.counts["audios_out"]) == (0, 0)
    assert episodes_in(tmp_path / "separate") == []


def test_holes_are_counted_the_same_when_the_vocals_are_stored(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", noise(2.048, 8000), 8000, change=later(1.5, after=1.024))
    given = [short(tmp_path, "a", video_uri=str(path))]
    facts = separate(tmp_path, given)
    assert (facts.counts["sound_holes"], facts.counts["sound_hole_ms"]) == (1, 1500)
    assert separate(tmp_path, given) == facts
    assert run_facts(tmp_path)["stored"] == 1


def test_a_file_that_is_gone_stops_the_stage(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"gone\.mp4: gone, .* pipelines\.fetch --source"):
        separate(tmp_path, [short(tmp_path, "a", video_uri=str(tmp_path / "gone.mp4"))])


def test_a_damaged_result_stops_the_stage_and_is_named(tmp_path: Path) -> None:
    given = [short(tmp_path, "a")]
    separate(tmp_path, given)
    (facts,) = (tmp_path / "results").rglob("*.json")
    facts.write_text("{}", encoding="utf-8")
    with pytest.raises(StageFailed, match=f"{facts.name}: not what this stage wrote"):
        separate(tmp_path, given)


def test_vocals_without_their_facts_are_made_again(tmp_path: Path) -> None:
    given = [short(tmp_path, "a")]
    separate(tmp_path, given)
    (facts,) = (tmp_path / "results").rglob("*.json")
    facts.unlink()
    separate(tmp_path, given)
    assert run_facts(tmp_path)["computed"] == 1
    assert facts.exists()


def test_demucs_runs_through_the_pipeline(tmp_path: Path) -> None:
    """The paper's backend, with a small model of its class: what it hears is of no use."""
    repository = tmp_path / "models"
    repository.mkdir()
    save_pickle(repository, "small", small_model())
    demucs = DemucsSettings(model="small", repository=str(repository), shifts=0)
    given = sample(12.0, tmp_path)
    changes: dict[str, Any] = {
        "backend": "demucs",
        "demucs": demucs,
        "chunk_s": 6.0,
        "overlap_s": 1.0,
    }
    facts = separate(tmp_path, [given], **changes)
    assert facts.backend == "demucs:small"
    (got,) = episodes_in(tmp_path / "separate")
    assert soundfile.info(str(got.vocals_uri)).duration == 12.0
    assert np.abs(soundfile.read(str(got.vocals_uri))[0]).max() > 1e-3
    separate(tmp_path, [given], **changes)
    assert run_facts(tmp_path)["stored"] == 1
