"""From the settings of a source in ``params.yaml`` to its reader."""

from __future__ import annotations

from pipelines.sources.base import Source
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.game_voice import GameVoiceSource
from pipelines.sources.settings import EmiliaSettings, SourceSettings


def make_source(name: str, settings: SourceSettings) -> Source:
    """The reader for a source; ``settings.kind`` chooses which.

    >>> make_source("emilia", EmiliaSettings(kind="emilia")).name
    'emilia'
    """
    if isinstance(settings, EmiliaSettings):
        return EmiliaSource(name, settings)
    return GameVoiceSource(name, settings)
