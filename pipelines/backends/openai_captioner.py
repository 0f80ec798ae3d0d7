"""Captions by a vision model behind an OpenAI-compatible server, through the chat engine.

Requests name their pictures by reference (ADR 0013), so what is in the journal is found, and a dry
run counted, without decoding a frame.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pipelines.backends.captioner import (
    CaptionerRecipe,
    CaptionOutcome,
    SceneSpan,
    Uncaptioned,
    checked,
)
from pipelines.backends.media_settings import CaptionSettings
from pipelines.backends.stored_captioner import video_sha256
from pipelines.chat.engine import ChatEngine, Outcome, Plan
from pipelines.chat.errors import MissingApiKey, UnreadablePicture
from pipelines.chat.journals import open_journal
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.parts import PictureReference, picture_part, text_part
from pipelines.chat.request import Cause, ChatRequest, DeadLetter
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.pictures import PicturesUnreadable, Video, jpeg
from pipelines.stages.caption_text import CaptionReply, caption_question, one_line, reply_check
from pipelines.stages.frames import frame_times
from schemas import Reason

_TYPICAL = CaptionReply(caption="A sentence of twenty-five words about a place. " * 3)


class OpenAICaptioner:
    """One engine, one journal; pictures are decoded for the calls that are made."""

    def __init__(self, recipe: CaptionerRecipe, scope: str) -> None:
        """Opens the journal, and no connection or video.

        Raises:
            UsageError: the journal cannot be opened, or a setting does not fit.
        """
        assert recipe.prompt is not None  # noqa: S101  (a server is asked)
        self._settings = recipe.settings
        self._static = tuple(
            {"role": role, "content": content} for role, content in recipe.prompt.messages
        )
        try:
            self._question = caption_question(self._settings.language)
        except ValueError as error:
            raise UsageError(str(error)) from error
        chat = server_settings(self._settings, recipe.chat)
        self._videos = VideoPictures()
        self._model = OpenAIChatModel(chat, pictures=self._videos)
        self._engine = ChatEngine(
            self._model,
            open_journal(recipe.journal),
            chat,
            replay_dead_letters=recipe.replay_dead_letters,
            replay_scope=scope,
        )

    @property
    def name(self) -> str:
        """See :class:`Captioner`."""
        return f"openai:{self._settings.openai.model}"

    @property
    def run_facts(self) -> Counter[str]:
        """Calls, tokens and money."""
        return Counter(self._engine.usage.counts())

    def caption(
        self, scenes: Sequence[SceneSpan], on_progress: Callable[[int, Counter[str]], None]
    ) -> list[CaptionOutcome]:
        """See :class:`Captioner`."""
        outcomes = self._engine.run(
            [self.request(scene) for scene in scenes],
            on_progress=lambda done, _, usage: on_progress(done, Counter(usage.counts())),
        )
        return [_caption(outcome) for outcome in outcomes]

    def estimate(self, chunks: Iterable[Sequence[SceneSpan]]) -> str:
        """Calls, tokens and money."""
        return self._plan(chunks).describe()

    def check(self, chunks: Iterable[Sequence[SceneSpan]]) -> None:
        """Whether there is a key, where one is needed: not where the journal has every reply."""
        try:
            self._model.require_key()
        except MissingApiKey:
            if self._plan(chunks).calls:
                raise

    def close(self) -> None:
        """Closes the connections, the journal and the video."""
        self._engine.close()
        self._videos.close()

    def request(self, scene: SceneSpan) -> ChatRequest:
        """The question about one scene: static messages first, its pictures and JSON last."""
        sha256 = video_sha256(scene.video_uri)
        self._videos.add(sha256, scene.video_uri)
        height, quality = self._settings.frame_height_px, self._settings.openai.picture_quality
        times = frame_times(scene.start, scene.duration, self._settings.frames)
        pictures = [picture_part(PictureReference(sha256, at, height, quality)) for at in times]
        content = (*pictures, text_part(self._question))
        return ChatRequest(
            messages=(*self._static, {"role": "user", "content": content}),
            reply_schema=CaptionReply,
            tag=scene.id,
            check=reply_check(self._settings.max_characters),
            typical=_TYPICAL,
        )

    def _plan(self, chunks: Iterable[Sequence[SceneSpan]]) -> Plan:
        return Plan.total(
            self._engine.plan([self.request(scene) for scene in scenes]) for scenes in chunks
        )


class VideoPictures:
    """The pictures that references stand for; one video is open at a time, for all threads."""

    def __init__(self) -> None:
        """Knows no video."""
        self._paths: dict[str, str] = {}
        self._video: tuple[PictureReference, Video] | None = None
        self._lock = threading.Lock()

    def add(self, video_sha256: str, path: str) -> None:
        """Says where a video is."""
        self._paths[video_sha256] = path

    def jpegs(self, references: Sequence[PictureReference]) -> list[bytes]:
        """See :class:`pipelines.chat.parts.PictureSource`."""
        with self._lock:  # scenes come in order, so one open video serves nearly all of them
            try:
                return [
                    jpeg(self._open(one).pictures([one.time_us])[0], one.quality)
                    for one in references
                ]
            except PicturesUnreadable as error:
                raise UnreadablePicture(str(error)) from error

    def close(self) -> None:
        """Closes the open video."""
        if self._video is not None:
            self._video[1].close()
            self._video = None

    def _open(self, wanted: PictureReference) -> Video:
        if self._video is not None:
            known, video = self._video
            if known[0] == wanted[0] and known.height_px == wanted.height_px:
                return video
        self.close()
        self._video = wanted, Video(self._paths[wanted.video_sha256], wanted.height_px)
        return self._video[1]


def server_settings(settings: CaptionSettings, chat: ChatSettings) -> ChatSettings:
    """How calls are made: as ``chat:`` says, but to the vision server, and greedily.

    Raises:
        UsageError: a value is not allowed.
    """
    server = settings.openai
    return checked(
        ChatSettings,
        {
            **chat.model_dump(),
            "backend": "openai",
            "base_url": server.base_url,
            "model": server.model,
            "max_tokens": server.max_tokens,
            "extra_body": server.extra_body,
            "temperature": 0.0,
        },
    )


def _caption(outcome: Outcome) -> CaptionOutcome:
    if not isinstance(outcome, DeadLetter):
        assert isinstance(outcome.value, CaptionReply)  # noqa: S101  (the request's own schema)
        return one_line(outcome.value.caption)
    unreadable = outcome.cause is Cause.PICTURE_UNREADABLE
    reason = Reason.VIDEO_UNREADABLE if unreadable else Reason.DEAD_LETTER
    detail = outcome.detail if unreadable else f"{outcome.cause}: {outcome.detail}"
    return Uncaptioned(reason, detail)
