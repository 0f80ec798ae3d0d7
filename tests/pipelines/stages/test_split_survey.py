"""What the splits are decided by: all that was said, and the scenes that are left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.params import load_params
from pipelines.stages.components import fingerprint, scenes_fingerprint
from pipelines.stages.scenes import SceneSettings
from pipelines.stages.split_certificate import SplitSettings
from pipelines.stages.split_survey import SplitSurvey, recordings_of, survey_splits
from tests.pipelines.scene_corpus import Recording, made_up_recording, write_stage
from tests.pipelines.stages.drama import episode

FILTERS = load_params("params.yaml").select_scenes
SETTINGS = SplitSettings()


def survey(folder: Path, parts: list[list[Recording]], limit: int | None = None) -> SplitSurvey:
    write_stage(folder / "caption", parts)
    paths = sorted(str(path) for path in (folder / "caption").glob("part-*"))
    return survey_splits(
        paths, FILTERS, SceneSettings(), SETTINGS, str(folder / "select"), limit=limit
    )


def doubtful(recording: Recording) -> Recording:
    """The recording with nobody known to speak in its first two scenes."""
    return tuple(
        replace(scene, sentences=tuple(replace(one, speaker=None) for one in scene.sentences))
        if number < 2
        else scene
        for number, scene in enumerate(recording)
    )


def test_what_the_filters_take_is_in_the_fingerprint_still(tmp_path: Path) -> None:
    whole = made_up_recording(1)
    (one, other) = (
        survey(tmp_path / name, [[made]])
        for name, made in (("whole", whole), ("doubtful", doubtful(whole)))
    )
    assert [len(found.scenes) for found in (one, other)] == [5, 3]
    assert other.scenes == [(f"R001_scene000{n}", "R001", n + 2) for n in (2, 3, 4)]
    np.testing.assert_array_equal(one.fingerprints[0].hashes, other.fingerprints[0].hashes)
    assert len(one.fingerprints[0].hashes) > SETTINGS.min_hashes


def test_workers_find_what_the_records_give(tmp_path: Path) -> None:
    parts = [[made_up_recording(n) for n in range(3)], [], [made_up_recording(3)]]
    found = survey(tmp_path, parts)
    recordings = [one for part in parts for one in part]
    sizes = (SETTINGS.shingle_characters, SETTINGS.shingle_scale)
    for made, scenes in zip(found.fingerprints, recordings, strict=True):
        right = scenes_fingerprint(scenes, *sizes)
        assert made == right and made.hashes.dtype == np.uint64
        np.testing.assert_array_equal(made.hashes, right.hashes)
    assert not list((tmp_path / "select").iterdir())
    read = [
        one
        for path in sorted((tmp_path / "caption").glob("part-*"))
        for one in recordings_of(str(path))
    ]
    assert read == recordings


def test_scenes_have_the_fingerprint_of_their_episode() -> None:
    scenes = made_up_recording(5)
    whole = episode(
        "R005",
        video_id=scenes[0].video_id,
        md5=scenes[0].md5,
        series=scenes[0].series,
        sentences=tuple(one for scene in scenes for one in scene.sentences),
    )
    one, other = fingerprint(whole, 6, 4), scenes_fingerprint(scenes[::-1], 6, 4)
    assert one == other
    np.testing.assert_array_equal(one.hashes, other.hashes)
    with pytest.raises(ValueError, match="differ in series"):
        scenes_fingerprint([scenes[0], replace(scenes[1], series=None)], 6, 4)
    with pytest.raises(ValueError, match="no scenes"):
        scenes_fingerprint([], 6, 4)


def test_limit_reads_so_many_scenes_of_each_part(tmp_path: Path) -> None:
    parts = [[made_up_recording(n), made_up_recording(n + 1)] for n in (0, 2)]
    found = survey(tmp_path, parts, limit=6)
    assert [one.id for one in found.fingerprints] == ["R000", "R001", "R002", "R003"]
    assert len(found.scenes) == 12
