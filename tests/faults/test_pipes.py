"""A pipe or a device under the name of a clip, a table, a video: counted or named, not waited for.

Whoever opens a pipe to read waits for a writer that never comes, and a device may never end: each
of these tests would run into its time limit.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from manifests.storage import LocalFiles, NotRegular
from pipelines import files
from pipelines.audio_bytes import AudioLost, AudioReader
from pipelines.audio_place import AudioPlace
from pipelines.errors import UsageError
from pipelines.pictures import PicturesUnreadable, Video
from pipelines.sound import SoundUnreadable, load_sound
from tests.faults.corpus import SOURCE, both, encoded, tone, workplace_of
from tests.faults.test_video import FIRST, SECOND, fetch, media_workplace, video_of
from tests.pipelines.sources.labelled.dumps_emotions import write_esd
from tests.pipelines.sources.labelled.ingesting import ingest

DEVICE = Path("/dev/zero")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_clips_that_are_pipes_or_devices_are_counted_as_missing(tmp_path: Path) -> None:
    write_esd(tmp_path / "raw")
    clips = sorted((tmp_path / "raw").rglob("*.wav"))
    for clip in clips[:2]:
        clip.unlink()
    os.mkfifo(clips[0])
    clips[1].symlink_to(DEVICE)
    found = ingest(tmp_path, {"kind": "esd", "input": [str(tmp_path / "raw")]})
    assert found.facts.rejected == {"audio_missing": 2}
    assert {found.reasons[clip.stem] for clip in clips[:2]} == {"audio_missing"}
    assert found.facts.rows_in == found.facts.rows_out + 2


def test_a_clip_that_became_a_pipe_after_ingest_is_one_rejection(pipe: Path) -> None:
    place = AudioPlace(str(pipe), "file", None, 0, 44)
    with AudioReader() as reader, pytest.raises(AudioLost, match="not a regular file") as lost:
        reader.read(place)
    assert lost.value.reason.value == "audio_missing"


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_table_that_is_none_is_one_line(tmp_path: Path, kind: str) -> None:
    clip = encoded(tone(1.0))
    work = workplace_of(tmp_path, "http://127.0.0.1:9/v1", both(0, clip, 1.0), {0: "A talk"})
    sidecar = tmp_path / "titles.jsonl"
    sidecar.unlink()
    if kind == "pipe":
        os.mkfifo(sidecar)
    else:
        sidecar.symlink_to(DEVICE)
    ended = work.run("ingest", SOURCE)
    assert ended.status in (1, 2)
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: {sidecar}: cannot be read: not a regular file")


def test_a_video_that_is_a_pipe_is_counted_with_its_cause(tmp_path: Path) -> None:
    work, media = media_workplace(tmp_path)
    video_of(media, FIRST).unlink()
    os.mkfifo(video_of(media, FIRST))
    assert work.run("ingest", "wenetspeech").status == 0
    kept, lost = fetch(work)
    assert kept == [SECOND]
    assert {one.reason.value for one in lost} == {"video_unavailable"}
    mine = [one for one in lost if one.record_id.startswith(FIRST)]
    assert mine and all("not a regular file" in one.detail for one in mine)


def test_readers_of_media_and_of_shards_wait_for_nobody(pipe: Path) -> None:
    with pytest.raises(PicturesUnreadable, match="not a regular file"):
        Video(str(pipe), 64)
    with pytest.raises(SoundUnreadable, match="not a regular file"):
        load_sound(str(pipe), 16000, 1)
    with pytest.raises(NotRegular):
        LocalFiles().open_read(str(pipe))


def test_folders_and_files_are_opened_as_before(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        files.open_read(str(tmp_path))
    copy = shutil.copy(__file__, tmp_path / "copy")
    with files.open_read(str(copy)) as stream:
        assert stream.read() == Path(__file__).read_bytes()
        assert stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
