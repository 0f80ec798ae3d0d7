"""From the settings of a source in ``params.yaml`` to its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.sources.base import Source
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.game_voice import GameVoiceSource
from pipelines.sources.labelled.attribute_settings import (
    ChildMandarinSettings,
    DebattsSettings,
    KeSpeechSettings,
    L2ArcticSettings,
    NVSpeechSettings,
    ParaSpeechCapsSettings,
)
from pipelines.sources.labelled.crema_d import CremaDLayout
from pipelines.sources.labelled.emotion_settings import (
    CremaDSettings,
    EsdSettings,
    IemocapSettings,
    M3edSettings,
    MeldSettings,
    MspPodcastSettings,
    RavdessSettings,
)
from pipelines.sources.labelled.esd import EsdLayout
from pipelines.sources.labelled.iemocap import IemocapLayout
from pipelines.sources.labelled.kespeech import KeSpeechLayout
from pipelines.sources.labelled.l2_arctic import L2ArcticLayout
from pipelines.sources.labelled.line import Layout
from pipelines.sources.labelled.m3ed import M3edLayout
from pipelines.sources.labelled.meld import MeldLayout
from pipelines.sources.labelled.msp_podcast import MspPodcastLayout
from pipelines.sources.labelled.open_layout import OpenLayout
from pipelines.sources.labelled.open_settings import (
    CsemotionsSettings,
    EmnsSettings,
    MeadSettings,
    NcssdSettings,
)
from pipelines.sources.labelled.paraspeechcaps import ParaSpeechCapsLayout
from pipelines.sources.labelled.ravdess import RavdessLayout
from pipelines.sources.labelled.settings import LabelledSettings
from pipelines.sources.labelled.source import LabelledSource
from pipelines.sources.settings import EmiliaSettings, GameVoiceSettings, SourceSettings

# How a labelled corpus lies, by its settings; a corpus more is a line here and one in settings.py.
LAYOUTS: Mapping[type[LabelledSettings], Callable[[Any], Layout]] = {
    M3edSettings: M3edLayout,
    MspPodcastSettings: MspPodcastLayout,
    MeldSettings: MeldLayout,
    IemocapSettings: IemocapLayout,
    RavdessSettings: RavdessLayout,
    CremaDSettings: CremaDLayout,
    EmnsSettings: OpenLayout,
    CsemotionsSettings: OpenLayout,
    MeadSettings: OpenLayout,
    NcssdSettings: OpenLayout,
    EsdSettings: EsdLayout,
    KeSpeechSettings: KeSpeechLayout,
    L2ArcticSettings: L2ArcticLayout,
    ParaSpeechCapsSettings: ParaSpeechCapsLayout,
    ChildMandarinSettings: OpenLayout,
    DebattsSettings: OpenLayout,
    NVSpeechSettings: OpenLayout,
}


def make_source(name: str, settings: SourceSettings) -> Source:
    """The reader for a source; ``settings.kind`` chooses which.

    >>> make_source("emilia", EmiliaSettings(kind="emilia")).name
    'emilia'
    """
    if isinstance(settings, EmiliaSettings):
        return EmiliaSource(name, settings)
    if isinstance(settings, GameVoiceSettings):
        return GameVoiceSource(name, settings)
    return LabelledSource(name, settings, LAYOUTS[type(settings)](settings))
