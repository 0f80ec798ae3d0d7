"""``params.yaml``: every threshold, path, price and model name, read strictly.

A mistyped key is an error that names it, never a silent default.
"""

from __future__ import annotations

import json
import posixpath
from pathlib import Path

import pydantic
import yaml
from pydantic import Field

from pipelines.backends.media_settings import (
    CaptionSettings,
    DiarizeSettings,
    QualitySettings,
    SeparateSettings,
)
from pipelines.backends.settings import EmbeddedChatSettings
from pipelines.chat.journals import is_server
from pipelines.chat.settings import ChatSettings
from pipelines.errors import UsageError
from pipelines.fetching.settings import FetchSettings
from pipelines.scaling import ScaleSettings
from pipelines.sources.labelled.settings import LabelledSettings
from pipelines.sources.settings import SourceSettings
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from pipelines.stages.assign import AssignSettings
from pipelines.stages.label_settings import AnnotateLabelsSettings
from pipelines.stages.rl_subset import RlSettings
from pipelines.stages.scenes import SceneSettings
from pipelines.stages.set_settings import SetSettings
from pipelines.stages.settings import (
    AnnotateEpisodesSettings,
    AnnotateSettings,
    EmitScenesSettings,
    EmitSettings,
    IngestSettings,
    SceneFilterSettings,
    SelectSettings,
    Strict,
    StyleSettings,
)
from pipelines.stages.split_certificate import SplitSettings


class Params(Strict):
    """The whole of ``params.yaml``."""

    root: str = "data"  # folder under which every stage has its own; can be made again
    journals: str = "journals"  # replies that were paid for, cannot: folder, or postgresql://...
    results: str = "results"  # folder of vocals, diarizations, captions; can, in GPU hours
    sources: dict[str, SourceSettings]  # of utterances
    episode_sources: dict[str, WenetSpeechSettings] = Field(default_factory=dict)  # of recordings
    ingest: IngestSettings
    fetch: FetchSettings
    chat: ChatSettings
    embedded_chat: EmbeddedChatSettings
    annotate: AnnotateSettings
    annotate_labels: AnnotateLabelsSettings
    select: SelectSettings
    emit: EmitSettings
    separate: SeparateSettings
    diarize: DiarizeSettings
    assign: AssignSettings
    quality: QualitySettings
    annotate_episodes: AnnotateEpisodesSettings
    cut_scenes: SceneSettings
    caption: CaptionSettings
    select_scenes: SceneFilterSettings
    splits: SplitSettings
    rl: RlSettings
    style: StyleSettings
    emit_scenes: EmitScenesSettings
    scale: ScaleSettings
    sets: dict[str, SetSettings] = Field(default_factory=dict)  # composed of sources, for training

    @pydantic.model_validator(mode="after")
    def _names(self) -> Params:
        twice = sorted(self.sets.keys() & (self.sources.keys() | self.episode_sources.keys()))
        if twice:
            raise ValueError(f"sets.{twice[0]}: a source has this name, and its folder")
        return self

    def is_labelled(self, source: str) -> bool:
        """Whether its utterances carry labels: instructions are made of them, none is selected."""
        return isinstance(self.sources.get(source), LabelledSettings)

    def folder(self, source: str, verb: str) -> str:
        """Where a stage's output is by default: ``data/<source>/<verb>``."""
        return posixpath.join(self.root, source, verb)

    def journal(self, source: str) -> str:
        """Where the replies that were paid for are kept by default; one database for all."""
        if is_server(self.journals):
            return self.journals
        return posixpath.join(self.journals, f"{source}.sqlite")

    def store(self, source: str, verb: str) -> str:
        """Where a stage keeps the results of its model: ``results/<source>/<verb>``."""
        return posixpath.join(self.results, source, verb)


def load_params(path: str) -> Params:
    """Reads and checks the parameters.

    Raises:
        UsageError: the file is missing, not YAML, or has a missing, unknown or wrong key.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; run from the project's folder") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date of month 99, say
        raise UsageError(f"{path}: not YAML: {error}") from error
    try:
        # Through JSON, where lists are what YAML's lists are; strict Python wants tuples.
        text = json.dumps(content, default=str)
    except (TypeError, ValueError, RecursionError) as error:  # a date as a key, a list in itself
        raise UsageError(f"{path}: not settings as JSON can hold them: {error}") from error
    try:
        return Params.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UsageError(f"{path}: {where}: {first['msg']}{more}") from error
