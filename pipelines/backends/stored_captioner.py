"""Captions by a model in this process, each description kept in the store as soon as it is there.

What is kept is what the model wrote, not the caption: a later rule of what may be a caption needs
no model. The key has the video's hash, the moments, the size and everything about the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import orjson

from pipelines import files
from pipelines.backends.captioner import (
    CaptionOutcome,
    Describer,
    Description,
    SceneSpan,
    Uncaptioned,
)
from pipelines.backends.media_settings import CaptionSettings
from pipelines.errors import StageFailed, UsageError
from pipelines.pictures import PicturesUnreadable, Video
from pipelines.stages.caption_text import fault_of, one_line
from pipelines.stages.frames import frame_times
from pipelines.store import Store, file_sha256, result_key
from schemas import Reason

_SUFFIX = ".json"


class StoredCaptioner:
    """Describes what the store does not have; one video is open at a time."""

    def __init__(self, describer: Describer, settings: CaptionSettings, store: str) -> None:
        """Takes the model, and the folder of its results."""
        self._describer, self._settings, self._store = describer, settings, Store(store)
        self._video: Video | None = None
        self._run = Counter(computed=0, stored=0)

    @property
    def name(self) -> str:
        """See :class:`Captioner`."""
        return self._describer.name

    @property
    def run_facts(self) -> Counter[str]:
        """Descriptions ``computed`` and found ``stored``."""
        return Counter(self._run)

    def caption(
        self, scenes: Sequence[SceneSpan], on_progress: Callable[[int, Counter[str]], None]
    ) -> list[CaptionOutcome]:
        """See :class:`Captioner`."""
        outcomes: list[CaptionOutcome] = []
        for scene in scenes:
            outcomes.append(self._outcome(scene))
            on_progress(len(outcomes), self.run_facts)
        return outcomes

    def estimate(self, chunks: Iterable[Sequence[SceneSpan]]) -> str:
        """How many scenes are in the store."""
        keys = [self._key(scene) for scenes in chunks for scene in scenes]
        stored = sum(self._store.find(key, _SUFFIX) is not None for key in keys)
        return f"{len(keys)} scenes, {stored} in the store, {len(keys) - stored} to compute"

    def check(self, chunks: Iterable[Sequence[SceneSpan]]) -> None:
        """Whether the model can be loaded."""
        self._describer.check()

    def close(self) -> None:
        """Closes the video and the model."""
        if self._video is not None:
            self._video.close()
            self._video = None
        self._describer.close()

    def _outcome(self, scene: SceneSpan) -> CaptionOutcome:
        key = self._key(scene)
        found = self._store.find(key, _SUFFIX)
        if found is not None:
            self._run["stored"] += 1
            description = _read(found)
        else:
            try:
                description = self._describe(scene)
            except PicturesUnreadable as error:
                return Uncaptioned(Reason.VIDEO_UNREADABLE, str(error))
            self._run["computed"] += 1
            with self._store.write(key, _SUFFIX) as stream:
                stream.write(orjson.dumps(description._asdict()))
        caption = one_line(description.text)
        fault = fault_of(caption, self._settings.max_characters)
        if description.cut_off:
            fault = "the description did not end within caption.transformers.max_new_tokens"
        return Uncaptioned(Reason.DEAD_LETTER, f"{fault}: {caption}") if fault else caption

    def _describe(self, scene: SceneSpan) -> Description:
        if self._video is None or self._video.path != scene.video_uri:
            if self._video is not None:
                self._video.close()
                self._video = None
            self._video = Video(scene.video_uri, self._settings.frame_height_px)
        pictures = self._video.pictures(self._times(scene))
        return self._describer.describe(pictures, scene.duration)

    def _times(self, scene: SceneSpan) -> tuple[int, ...]:
        return frame_times(scene.start, scene.duration, self._settings.frames)

    def _key(self, scene: SceneSpan) -> str:
        of = {
            "video_sha256": video_sha256(scene.video_uri),
            "times_us": self._times(scene),
            "height_px": self._settings.frame_height_px,
        }
        return result_key(self._describer.identity, of)


def video_sha256(path: str) -> str:
    """The hash of a video.

    Raises:
        StageFailed: it is gone: a loss of the machine's, not of the recording's.
    """
    try:
        return file_sha256(path)
    except UsageError as error:
        raise StageFailed(f"{error}; run `python -m pipelines.fetch` again") from error


def _read(path: str) -> Description:
    try:
        return Description(**orjson.loads(files.read_text(path)))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise StageFailed(f"{path}: not a description ({error}); delete the file") from error
