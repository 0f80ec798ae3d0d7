"""Settings of the corpora of acted and spoken emotion, one class a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from pipelines.sources.labelled.settings import (
    EMOTIONS,
    EMOTIONS_ZH,
    GENDERS,
    LANGUAGES,
    LabelledSettings,
)


class EsdSettings(LabelledSettings):
    """ESD, the Emotional Speech Dataset (Zhou et al., 2021)."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {"emotion": EMOTIONS | EMOTIONS_ZH}
    # A speaker's number tells the language: the first ten are Chinese, the others English.
    LANGUAGES: ClassVar[Mapping[str, str]] = LANGUAGES | {
        f"{number:04d}": "zh" if number <= 10 else "en" for number in range(1, 21)
    }

    kind: Literal["esd"]
    licence: str = "LicenseRef-ESD-research"
    encodings: tuple[str, ...] = ("utf-8", "gb18030")


class CremaDSettings(LabelledSettings):
    """CREMA-D (Cao et al., 2014)."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": {
            "ang": "angry",
            "dis": "disgusted",
            "fea": "fearful",
            "hap": "happy",
            "neu": "neutral",
            "sad": "sad",
        },
        "intensity": {"lo": "low", "md": "medium", "hi": "high"},
        "gender": GENDERS,
    }

    kind: Literal["crema_d"]
    licence: str = "ODbL-1.0"
    # The code of a sentence in a file's name -> the sentence.
    sentences: dict[str, str] = Field(
        default_factory=lambda: {
            "DFA": "Don't forget a jacket.",
            "IEO": "It's eleven o'clock.",
            "IOM": "I'm on my way to the meeting.",
            "ITH": "I think I have a doctor's appointment.",
            "ITS": "I think I've seen this before.",
            "IWL": "I would like a new alarm clock.",
            "IWW": "I wonder what this is about.",
            "MTI": "Maybe tomorrow it will be cold.",
            "TAI": "The airplane is almost full.",
            "TIE": "That is exactly what happened.",
            "TSI": "The surface is slick.",
            "WSI": "We'll stop in a couple of minutes.",
        }
    )
    # Table of the actors, seen from the folder of the clips; its first one that is there is read.
    demographics: tuple[str, ...] = ("VideoDemographics.csv", "../VideoDemographics.csv")


class RavdessSettings(LabelledSettings):
    """RAVDESS (Livingstone and Russo, 2018), its speech."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": {
            "01": "neutral",
            "02": "calm",
            "03": "happy",
            "04": "sad",
            "05": "angry",
            "06": "fearful",
            "07": "disgusted",
            "08": "surprised",
        },
        "intensity": {"01": "normal", "02": "strong"},
    }

    kind: Literal["ravdess"]
    licence: str = "CC-BY-NC-SA-4.0"
    # The number of a statement in a file's name -> the statement.
    sentences: dict[str, str] = Field(
        default_factory=lambda: {
            "01": "Kids are talking by the door.",
            "02": "Dogs are sitting by the door.",
        }
    )


class IemocapSettings(LabelledSettings):
    """IEMOCAP (Busso et al., 2008)."""

    # xxx (the annotators did not agree) and oth are in no table: counted rejections.
    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": {
            "neu": "neutral",
            "hap": "happy",
            "sad": "sad",
            "ang": "angry",
            "exc": "excited",
            "fru": "frustrated",
            "sur": "surprised",
            "fea": "fearful",
            "dis": "disgusted",
        }
    }

    kind: Literal["iemocap"]
    licence: str = "LicenseRef-IEMOCAP-research"
    encodings: tuple[str, ...] = ("utf-8", "cp1252")


class MeldSettings(LabelledSettings):
    """MELD (Poria et al., 2019)."""

    kind: Literal["meld"]
    licence: str = "LicenseRef-MELD-research"
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    # Folder below which the clips are, seen from a table's own.
    media_folder: str = "."
    # First letters of a table's name -> the folders that may hold its clips.
    media: dict[str, tuple[str, ...]] = Field(
        default_factory=lambda: {
            "train": ("train_splits", "train"),
            "dev": ("dev_splits_complete", "dev"),
            "test": ("output_repeated_splits_test", "test_splits", "test"),
        }
    )


class MspPodcastSettings(LabelledSettings):
    """MSP-Podcast (Lotfian and Busso, 2019)."""

    # O (another emotion) and X (no agreement) are in no table: counted rejections.
    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": {
            "a": "angry",
            "s": "sad",
            "h": "happy",
            "u": "surprised",
            "f": "fearful",
            "d": "disgusted",
            "c": "contemptuous",
            "n": "neutral",
        },
        "gender": GENDERS,
    }

    kind: Literal["msp_podcast"]
    licence: str = "LicenseRef-MSP-Podcast-research"
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    # Seen from the table's own folder, Labels/.
    audio_folder: str = "../Audios"
    transcript_folder: str = "../Transcripts"
    # Columns of labels_consensus.csv beside its first two, which are the file and the class.
    speaker_column: str = "SpkrID"
    gender_column: str = "Gender"
    unknown: tuple[str, ...] = ("Unknown", "")  # what these columns have for "not known"


class M3edSettings(LabelledSettings):
    """M3ED (Zhao et al., 2022): dialogues of Chinese television; its layout is not confirmed."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": EMOTIONS
        | {
            "0": "happy",
            "1": "neutral",
            "2": "sad",
            "3": "disgusted",
            "4": "angry",
            "5": "fearful",
            "6": "surprised",
        },
        "gender": GENDERS,
    }

    kind: Literal["m3ed"]
    licence: str = "LicenseRef-M3ED-research"
    # Names of the annotation file, at most two folders below an input folder.
    annotations: tuple[str, ...] = ("annotation.json", "M3ED.json")
    # Keys inside it: of a dialogue, and of an utterance. A dot goes one level down.
    dialog_key: str = "Dialog"
    speakers_key: str = "SpeakerInfo"
    speaker_key: str = "Speaker"
    text_key: str = "Text"
    emotion_key: str = "EmoAnnotation.final_main_emo"
    # Names that the clip of an utterance may have, without suffix.
    clip_names: tuple[str, ...] = ("{speaker}_{id}", "{id}")
