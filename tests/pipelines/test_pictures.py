"""Pictures at given times, compared with decoding the whole video from its start."""

from __future__ import annotations

import bisect
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.pictures import Picture, PicturesUnreadable, Video, jpeg
from tests.pipelines import broken_videos
from tests.pipelines.stages.drama import EPISODES
from tests.pipelines.stages.drama_scenes import video_of

VIDEO = video_of(EPISODES[0])


@cache
def all_frames() -> tuple[list[int], list[Picture]]:
    """Begins in microseconds, and the pictures, of the first 30 s."""
    begins: list[int] = []
    pictures: list[Picture] = []
    with av.open(str(VIDEO)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None and frame.time_base is not None
            begins.append(round(frame.pts * frame.time_base * 1_000_000))
            pictures.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            if begins[-1] > 30_000_000:
                return begins, pictures
    raise AssertionError("the sample is longer")


@settings(max_examples=20)
@given(st.lists(st.integers(0, 29_900_000), min_size=1, max_size=5))
def test_the_picture_is_the_one_on_screen_whatever_came_before(times: list[int]) -> None:
    begins, pictures = all_frames()
    with Video(str(VIDEO), 360) as video:
        for time, found in zip(times, video.pictures(times), strict=True):
            right = pictures[bisect.bisect_right(begins, time) - 1]
            assert np.array_equal(found, right), time


def test_the_very_moment_of_a_frame_is_that_frame() -> None:
    begins, pictures = all_frames()
    with Video(str(VIDEO), 360) as video:
        before, at = video.pictures([begins[220] - 1, begins[220]])
    assert np.array_equal(before, pictures[219])
    assert np.array_equal(at, pictures[220])


def test_a_long_video_is_not_decoded_from_its_start(tmp_path: Path) -> None:
    path = synthetic(tmp_path / "long.mp4", range(0, 240), rate=2, keyframes=10)  # 2 minutes
    decoded = 0
    with Video(str(path), 90) as video:
        frames = video._decode

        def counting() -> object:
            nonlocal decoded
            for frame in frames():
                decoded += 1
                yield frame

        video._decode = counting  # type: ignore[method-assign, assignment]
        (picture,) = video.pictures([100_250_000])
    assert abs(int(picture.mean()) - 200) <= 6
    assert decoded <= 12


def synthetic(
    path: Path, greys: Sequence[int], *, rate: int = 10, keyframes: int = 5, begins: int = 0
) -> Path:
    """One grey a frame; the first frame's number can be later than 0."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.codec_context.gop_size = keyframes
        for number, grey in enumerate(greys):
            frame = av.VideoFrame.from_ndarray(np.full((90, 160, 3), grey, np.uint8), "rgb24")
            frame.pts = number + begins
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_before_the_first_picture_the_first_one_is_shown(tmp_path: Path) -> None:
    path = synthetic(tmp_path / "late.mkv", [50, 150, 250], begins=5)
    with Video(str(path), 90) as video:
        early, first, last = video.pictures([100_000, 520_000, 799_000])
    assert [abs(int(p.mean()) - grey) <= 4 for p, grey in ((early, 50), (first, 50), (last, 250))]


def test_the_last_picture_stands_for_half_a_second_and_no_longer(tmp_path: Path) -> None:
    path = synthetic(tmp_path / "short.mp4", [50, 150, 250])
    with Video(str(path), 90) as video:
        assert video.pictures([750_000])[0].mean() > 240
        with pytest.raises(PicturesUnreadable, match=r"no picture at 0\.90 s, the last one ends"):
            video.pictures([900_000])
        assert video.pictures([0])[0].mean() < 60  # and it goes on being usable


def test_pictures_are_scaled_down_never_up_in_their_own_shape() -> None:
    for wanted, height, width in ((90, 90, 160), (180, 180, 320), (720, 180, 320), (7, 7, 12)):
        with Video(str(VIDEO), wanted) as video:
            assert video.pictures([0])[0].shape == (height, width, 3)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi"])
def test_other_containers_are_read_too(suffix: str, tmp_path: Path) -> None:
    path = synthetic(tmp_path / f"video.{suffix}", range(0, 250, 5))  # 5 s
    with av.open(str(path)) as container:
        shift = container.start_time or 0  # of a broadcast's clock, microseconds
    assert (shift > 0) == (suffix == "ts")
    with Video(str(path), 90) as video:
        times = [shift + time for time in (150_000, 4_050_000, 2_050_000)]
        means = [float(picture.mean()) for picture in video.pictures(times)]
    assert means == pytest.approx([5, 200, 100], abs=8)


def test_what_is_not_a_video_says_why(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video at all")
    with pytest.raises(PicturesUnreadable, match=r"text\.mp4: Invalid data found"):
        Video(str(text), 90)
    with pytest.raises(PicturesUnreadable, match=r"nothing\.mp4: cannot be read: No such file"):
        Video(str(tmp_path / "nothing.mp4"), 90)
    sound = broken_videos.without_picture(VIDEO, tmp_path / "sound.mp4")
    with pytest.raises(PicturesUnreadable, match=r"sound\.mp4: no moving picture in it"):
        Video(str(sound), 90)


def test_a_playlist_cannot_name_other_files(tmp_path: Path) -> None:
    (tmp_path / "good.ts").write_bytes(synthetic(tmp_path / "x.ts", [9, 9]).read_bytes())
    playlist = tmp_path / "list.mp4"
    lines = ["#EXTM3U", "#EXTINF:1,", "http://localhost:9/good.ts", "#EXT-X-ENDLIST", ""]
    playlist.write_text("\n".join(lines))
    with pytest.raises(PicturesUnreadable):
        Video(str(playlist), 90).pictures([0])


def test_a_jpeg_is_the_picture() -> None:
    with Video(str(VIDEO), 360) as video:
        (picture,) = video.pictures([5_000_000])
    fine, coarse = jpeg(picture, 95), jpeg(picture, 20)
    assert len(coarse) < len(fine)
    decoded = np.asarray(Image.open(io.BytesIO(fine)), np.int64)
    assert np.abs(decoded - picture).mean() < 2
    assert jpeg(picture, 95) == fine
