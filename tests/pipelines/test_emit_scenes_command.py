"""``python -m pipelines.emit`` on scenes, as a person runs it, and what Lhotse makes of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import lhotse
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from manifests.scene_cuts import SPLITS
from manifests.validate import main as validate_command
from manifests.validate import validate
from pipelines import emit, select
from schemas import EpisodeScene, table_of
from tests.pipelines.scene_corpus import (
    RATE_HZ,
    Recording,
    drama_recordings,
    line,
    made_up_recording,
    scene_of,
    write_stage,
    write_vocals,
)
from tests.pipelines.test_select_scenes_command import params, rows

MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def run(tmp_path: Path, selected: str, output: Path, *flags: str, shard_size: int = 4) -> int:
    text = Path(params(tmp_path)).read_text(encoding="utf-8")
    assert "\nemit_scenes:\n  shard_size: 200" in text
    path = tmp_path / "emit.yaml"
    path.write_text(text.replace("  shard_size: 200", f"  shard_size: {shard_size}"))
    paths = ["--input", selected, "--output", str(output), "--params", str(path)]
    return emit.main(["--source", "wenetspeech", *paths, *flags])


def placed(recordings: list[Recording], split: str) -> list[Recording]:
    """As select leaves them."""
    return [
        tuple(replace(one, split=split, rl=split == "train") for one in scenes)
        for scenes in recordings
    ]


def facts(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "stage.json").read_text(encoding="utf-8"))
    return found


def cuts(output: Path, split: str) -> list[Any]:
    return list(lhotse.CutSet.from_shar(in_dir=output / split / "shar"))


def tree(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forty recordings with sound through select and emit; their folders."""
    folder = tmp_path_factory.mktemp("corpus")
    recordings = [made_up_recording(index, folder / "vocals") for index in range(40)]
    write_vocals(recordings)
    parts = [recordings[at : at + 10] for at in range(0, 40, 10)]
    caption = write_stage(folder / "caption", parts)
    paths = ["--input", caption, "--output", str(folder / "select"), "--params", params(folder)]
    assert select.main(["--source", "wenetspeech", *paths]) == 0
    assert run(folder, str(folder / "select"), folder / "emit") == 0
    return folder / "select", folder / "emit"


def test_every_split_is_a_folder_that_lhotse_reads(chain: tuple[Path, Path]) -> None:
    scenes = rows(chain[0])
    for split in SPLITS:
        expected = [one for one in scenes if one.split == split]
        assert expected
        found = cuts(chain[1], split)
        assert [one.custom["scene"] for one in found] == [one.id for one in expected]
        shards = -(-len(expected) // 4)
        assert len(list((chain[1] / split / "shar").iterdir())) == 2 * shards
    counts = facts(chain[1])["counts"]
    assert counts == {
        "scenes": 200,
        "scenes.train": 170,
        "scenes.test": 15,
        "scenes.held_out": 15,
        "rl": 170,
    }
    assert facts(chain[1])["unit"] == "sentence" and facts(chain[1])["out"] == 800


def test_audio_is_that_of_the_vocals_sample_for_sample(chain: tuple[Path, Path]) -> None:
    scenes = {one.id: one for one in rows(chain[0])}
    sounds: dict[str, Any] = {}
    turns = 0
    for split in SPLITS:
        for cut in cuts(chain[1], split):
            scene = scenes[cut.custom["scene"]]
            path = scene.vocals_uri
            if path not in sounds:
                sounds[path] = soundfile.read(path, dtype="float32")[0]
            first = round(scene.start * RATE_HZ)
            last = round((scene.start + scene.duration) * RATE_HZ)
            np.testing.assert_array_equal(cut.load_audio()[0], sounds[path][first:last])
            for speech, one in zip(cut.supervisions, scene.sentences, strict=True):
                assert speech.start == pytest.approx(one.start - scene.start, abs=1e-9)
                assert speech.duration == pytest.approx(one.duration, abs=1e-9)
                at = round(one.start * RATE_HZ)
                piece = cut.truncate(offset=speech.start, duration=speech.duration)
                np.testing.assert_array_equal(
                    piece.load_audio()[0], sounds[path][at : at + round(one.duration * RATE_HZ)]
                )
                turns += 1
    assert turns == 800


def test_a_cut_says_all_that_is_known(chain: tuple[Path, Path]) -> None:
    scene = next(one for one in rows(chain[0]) if one.split == "train")
    cut = cuts(chain[1], "train")[0]
    name = scene.episode_id
    vocals = Path(scene.vocals_uri).read_bytes()
    custom = dict(cut.custom)
    lineage = custom.pop("lineage")
    del custom["shar_epoch"], custom["shard_origin"]  # by Lhotse, as it reads
    assert custom == {
        "scene": scene.id,
        "split": "train",
        "rl": True,
        "caption": scene.caption,
        "caption_backend": "test",
        "profiles": [
            {
                "speaker": f"{name}_SPEAKER_{n:02d}",
                "identity": f"SPEAKER_{n:02d} of {name}",
                "character": "calm",
            }
            for n in range(2)
        ],
        "series": f"series {name}",
        "episode": "1",
        "title": f"Title of {name}",
        "licence": "CC-BY-4.0",
        "source": "wenetspeech",
    }
    audio = cut.recording.sources[0].source
    assert lineage == {
        "aid": name,
        "video_id": f"video-{name}",
        "url": scene.url,
        "md5": f"md5-{name}",
        "start": scene.start,
        "duration": scene.duration,
        "video_uri": scene.video_uri,
        "vocals_sha256": hashlib.sha256(vocals).hexdigest(),
        "audio_sha256": hashlib.sha256(audio).hexdigest(),
        "audio_size": len(audio),
    }
    for turn, (speech, one) in enumerate(zip(cut.supervisions, scene.sentences, strict=True)):
        assert (speech.id, speech.text, speech.language) == (one.id, one.text, "zh")
        assert speech.speaker == f"{name}_{one.speaker}"
        assert speech.custom == {
            "turn": turn,
            "sid": one.id,
            "confidence": 1.0,
            "overlap_ratio": 0.9,
            "margin": 0.9,
            "flags": [],
        }


def test_the_number_of_workers_changes_nothing(tmp_path: Path, chain: tuple[Path, Path]) -> None:
    output = tmp_path / "emit"
    assert run(tmp_path, str(chain[0]), output, "--", *MULTIPROCESSING) == 0
    assert tree(output) == tree(chain[1])


def test_validation_accepts_it_and_finds_a_leak(
    tmp_path: Path, chain: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate_command(["--input", str(chain[1]), "--decode", "1"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("valid: 200 cuts (train 170, test 15, held_out 15) in ")
    assert "200 decoded" in line
    # A recording whose scenes are split between the sides by hand.
    first, *rest = rows(chain[0])
    leaking = [replace(first, split="test" if first.split == "train" else "train", rl=False), *rest]
    folder = tmp_path / "select"
    write_stage(folder, [[tuple(leaking)]], stage="select")
    assert run(tmp_path, str(folder), tmp_path / "emit") == 1
    assert f"aid '{first.episode_id}' is on both sides" in capsys.readouterr().err
    assert not (tmp_path / "emit" / "stage.json").exists()


def test_drama_with_lines_that_overlap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings = placed(drama_recordings(tmp_path / "vocals"), "train")
    write_vocals(recordings)
    folder = write_stage(tmp_path / "select", [[one] for one in recordings], stage="select")
    assert run(tmp_path, folder, tmp_path / "emit", shard_size=200) == 0
    said = capsys.readouterr().out
    assert "no scenes, and so no folder, for: test, held_out" in said
    found = cuts(tmp_path / "emit", "train")
    scenes = [scene for scenes in recordings for scene in scenes]
    assert len(found) == len(scenes)
    assert sorted(path.name for path in (tmp_path / "emit").iterdir()) == ["stage.json", "train"]
    overlaps = 0
    for cut, scene in zip(found, scenes, strict=True):
        spoken = cut.supervisions
        overlaps += sum(
            later.start < earlier.end - 0.1
            for earlier, later in zip(spoken, spoken[1:], strict=False)
        )
        assert cut.duration == pytest.approx(scene.duration, abs=1 / RATE_HZ)
        assert max(one.end for one in spoken) <= cut.duration + 1e-6
    assert overlaps == 4  # two in each episode, by the corpus's own description
    assert cut.recording.sampling_rate == RATE_HZ
    assert {one.speaker for one in found[0].supervisions} <= {
        f"{scenes[0].episode_id}_SPEAKER_{n:02d}" for n in range(3)
    }
    lhotse.validate(lhotse.CutSet.from_cuts(found))


# Rejections and failures.


def one_scene(tmp_path: Path, seconds: float) -> str:
    """A recording of one scene from 1 to 7 s, with vocals of so many seconds."""
    turns = [line(0, 1.0, 3.0), line(1, 4.0, 6.0), line(2, 6.2, 7.0)]
    scene = scene_of("R", 0, turns, vocals_uri=str(tmp_path / "R.flac"))
    recordings = placed([(scene,)], "train")
    write_vocals(recordings, seconds)
    return write_stage(tmp_path / "select", [recordings], stage="select")


@pytest.mark.parametrize(("seconds", "kept"), [(7.0, 3), (6.8, 3), (6.7, 0), (0.5, 0)])
def test_vocals_that_end_before_the_scene(tmp_path: Path, seconds: float, kept: int) -> None:
    assert run(tmp_path, one_scene(tmp_path, seconds), tmp_path / "emit") == 0
    found = facts(tmp_path / "emit")
    assert (found["in"], found["out"]) == (3, kept)
    assert found["rejected"] == ({} if kept else {"audio_truncated": 3})
    if kept:
        (cut,) = cuts(tmp_path / "emit", "train")
        assert cut.supervisions[-1].end == pytest.approx(cut.duration)
        assert cut.duration == pytest.approx(seconds - 1.0, abs=2 / RATE_HZ)
    else:
        rejected = pq.read_table(tmp_path / "emit" / "rejected" / "part-00000.parquet")
        assert rejected.column("record_id").to_pylist() == ["S00000", "S00001", "S00002"]
        assert rejected.column("detail")[0].as_py().startswith("R_scene0000: the vocals end ")


def test_vocals_that_do_not_decode(tmp_path: Path) -> None:
    folder = one_scene(tmp_path, 8.0)
    path = tmp_path / "R.flac"
    path.write_bytes(b"no sound" * 100)
    assert run(tmp_path, folder, tmp_path / "emit") == 0
    assert facts(tmp_path / "emit")["rejected"] == {"audio_unreadable": 3}
    assert validate(str(tmp_path / "emit")).ok


def test_vocals_that_are_gone_fail_the_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = one_scene(tmp_path, 8.0)
    (tmp_path / "R.flac").unlink()
    assert run(tmp_path, folder, tmp_path / "emit") == 1
    error = capsys.readouterr().err
    assert "gone, the vocals of R; run python -m pipelines.separate --source wenetspeech" in error
    assert not (tmp_path / "emit" / "stage.json").exists()
    assert not list((tmp_path / "emit" / "train").glob("shar/*"))


def test_a_second_run_leaves_no_old_shards(tmp_path: Path) -> None:
    vocals = tmp_path / "vocals"
    recordings = [made_up_recording(index, vocals) for index in range(3)]
    write_vocals(recordings)
    before = [*placed(recordings[:2], "train"), *placed(recordings[2:], "test")]
    folder = write_stage(tmp_path / "select", [before], stage="select")
    output = tmp_path / "emit"
    assert run(tmp_path, folder, output, shard_size=2) == 0
    assert len(cuts(output, "train")) == 10 and len(cuts(output, "test")) == 5
    write_stage(tmp_path / "select", [placed(recordings, "train")], stage="select")
    assert run(tmp_path, folder, output, "--limit", "3", shard_size=2) == 0
    assert [cut.id for cut in cuts(output, "train")] == [f"R000_scene000{n}" for n in range(3)]
    assert not list((output / "test" / "shar").iterdir())
    assert Counter(path.suffix for path in (output / "train" / "shar").iterdir()) == {
        ".gz": 2,
        ".tar": 2,
    }


def test_nothing_selected_is_an_empty_corpus(tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "select", [[]], stage="select")
    assert run(tmp_path, folder, tmp_path / "emit") == 0
    assert (facts(tmp_path / "emit")["in"], facts(tmp_path / "emit")["out"]) == (0, 0)


def test_bad_input_is_found_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "emit"
    assert run(tmp_path, str(tmp_path / "nowhere"), output) == 2
    assert "run python -m pipelines.select --source wenetspeech" in capsys.readouterr().err
    folder = write_stage(tmp_path / "select", [[made_up_recording(1)]], stage="select")
    assert run(tmp_path, folder, output) == 2
    assert "scenes of the split None" in capsys.readouterr().err
    part = Path(folder) / "part-00000.parquet"
    pq.write_table(table_of(EpisodeScene, made_up_recording(1)).drop(["rl"]), part)
    assert run(tmp_path, folder, output) == 2
    assert "columns are missing: rl" in capsys.readouterr().err
    part.write_bytes(b"no parquet")
    assert run(tmp_path, folder, output) == 2
    assert not output.exists()
