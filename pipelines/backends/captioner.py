"""What captions scenes: the Protocols, and the registry from a name in ``params.yaml`` on."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeVar

import pydantic

import prompts
from pipelines.backends.media_settings import CaptionSettings
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.pictures import Picture
from schemas import Reason

Settings = TypeVar("Settings", bound=pydantic.BaseModel)
CaptionBackend = Literal["openai", "transformers", "embedded"]


class SceneSpan(NamedTuple):
    """What a captioner needs of a scene."""

    id: str
    video_uri: str
    start: float  # seconds from the start of the recording
    duration: float  # seconds


class Uncaptioned(NamedTuple):
    """Why a scene has no caption."""

    reason: Reason
    detail: str


CaptionOutcome = str | Uncaptioned


class Captioner(Protocol):
    """Captions scenes, and keeps what it was paid or worked for."""

    @property
    def name(self) -> str:
        """Backend and model, as records carry them."""
        ...

    def caption(
        self, scenes: Sequence[SceneSpan], on_progress: Callable[[int, Counter[str]], None]
    ) -> list[CaptionOutcome]:
        """A caption for each scene or why there is none; told are scenes done and run facts.

        Raises:
            StageFailed: a video is gone, or the server is.
        """
        ...

    @property
    def run_facts(self) -> Counter[str]:
        """What was computed, found, called and spent since it was made."""
        ...

    def estimate(self, chunks: Iterable[Sequence[SceneSpan]]) -> str:
        """What captioning these scenes would call or compute; calls and decodes nothing."""
        ...

    def check(self, chunks: Iterable[Sequence[SceneSpan]]) -> None:
        """Finds out before work what would stop it; cheap where nothing would.

        Raises:
            UsageError: no key, no such model, a package is missing.
        """
        ...

    def close(self) -> None:
        """Gives back connections, videos and weights."""
        ...


class Description(NamedTuple):
    """What a model in this process wrote."""

    text: str
    cut_off: bool  # it was not done when it had to stop


class Describer(Protocol):
    """A model in this process that describes the pictures of a scene."""

    @property
    def name(self) -> str:
        """Backend and model, as records carry them."""
        ...

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that its descriptions depend on besides the pictures; JSON values only."""
        ...

    def check(self) -> None:
        """Raises UsageError where the model cannot be loaded; cheap."""
        ...

    def describe(self, pictures: Sequence[Picture], duration: float) -> Description:
        """The scene that the pictures were evenly taken from; ``duration`` is in seconds."""
        ...

    def close(self) -> None:
        """Gives the weights' memory back."""
        ...


@dataclass(frozen=True, kw_only=True)
class CaptionerRecipe:
    """All that a worker needs to make its own captioner; picklable, and holds no secret."""

    backend: CaptionBackend
    settings: CaptionSettings
    chat: ChatSettings  # how calls are made, where the backend is a server
    journal: str  # replies of the server
    store: str  # results of models in this process
    replay_dead_letters: bool = False

    @property
    def prompt(self) -> prompts.Prompt | None:
        """The prompt of the backend; None where no model is asked.

        Raises:
            UsageError: there is no such version.
        """
        if self.backend == "embedded":
            return None
        try:
            return prompts.load("scene_caption", self.settings.prompts[self.backend])
        except (KeyError, ValueError) as error:
            raise UsageError(f"caption.prompts.{self.backend} in params.yaml: {error}") from error

    def make(self, scope: str) -> Captioner:
        """The captioner; nothing is called, opened or loaded yet.

        Args:
            scope: names what it is for: a replay of dead letters ends with its own scope's.

        Raises:
            UsageError: a setting does not fit the backend, or the journal cannot be opened.
        """
        if self.backend == "openai":
            from pipelines.backends.openai_captioner import OpenAICaptioner

            return OpenAICaptioner(self, scope)
        from pipelines.backends.stored_captioner import StoredCaptioner

        return StoredCaptioner(self._describer(), self.settings, self.store)

    def _describer(self) -> Describer:
        if self.backend == "embedded":
            from pipelines.backends.measured_captioner import MeasuredCaptioner

            return MeasuredCaptioner(self.settings.language)
        from pipelines.backends.qwen_captioner import QwenCaptioner

        assert self.prompt is not None  # noqa: S101  (embedded alone has none)
        return QwenCaptioner(self.settings, self.prompt)


def chosen_captioner(settings: CaptionSettings) -> CaptionBackend:
    """The backend to use: ``auto`` is Qwen-VL in this process on a GPU, else the embedded one.

    Never a server: an API key in the environment may belong to a chat model without eyes.
    """
    if settings.backend != "auto":
        return settings.backend
    return "transformers" if _device(settings.device) == "cuda" else "embedded"


def checked(kind: type[Settings], values: Mapping[str, object]) -> Settings:
    """Settings of params.yaml with changes, checked again.

    Raises:
        UsageError: a value is not allowed.
    """
    try:
        return kind.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False)[0]  # a URL with a password is not repeated
        where = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"caption settings: {where}: {first['msg']}") from error


def _device(device: str) -> str:
    if device != "auto":
        return device
    if importlib.util.find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
