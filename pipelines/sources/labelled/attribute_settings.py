"""Settings of the corpora of speaker and style attributes, one class a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, NonNegativeInt

from pipelines.sources.labelled.open_settings import OpenSettings
from pipelines.sources.labelled.settings import (
    GENDERS,
    LANGUAGES,
    InstructionRule,
    LabelledSettings,
)


def age_groups() -> dict[str, int]:
    """Name of an age group -> the youngest age in it, years.

    The paper speaks of "age" and does not say how it was put into words (FlexiVoice A.2).
    """
    return {"child": 0, "teenager": 13, "young adult": 18, "middle-aged": 40, "elderly": 60}


class KeSpeechSettings(LabelledSettings):
    """KeSpeech: Mandarin and its subdialects, with age and gender (Tang et al., 2021)."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "accent": {  # values of utt2subdialect
            "mandarin": "standard mandarin",
            "beijing": "beijing mandarin",
            "ji-lu": "ji-lu mandarin",
            "jiang-huai": "jiang-huai mandarin",
            "jiao-liao": "jiao-liao mandarin",
            "lan-yin": "lan-yin mandarin",
            "northeastern": "northeastern mandarin",
            "southwestern": "southwestern mandarin",
            "zhongyuan": "zhongyuan mandarin",
        },
        "gender": GENDERS,
        "age": {},  # of ages that are no numbers; none is known
    }

    kind: Literal["kespeech"]
    licence: str = "LicenseRef-KeSpeech-academic"
    instructions: InstructionRule = "tuples"  # FlexiVoice A.2
    # Folders of Tasks/ASR; None: all that are there.
    parts: tuple[str, ...] | None = None
    # Tables `speaker value`, relative to the corpus; None: utterances go without the label.
    age_table: str | None = "Metadata/spk2age"
    gender_table: str | None = "Metadata/spk2gender"
    ages: dict[str, NonNegativeInt] = Field(default_factory=age_groups, min_length=1)
    # Values that mean "not told": the utterance stays, without that label. No value means it, too.
    unknown: tuple[str, ...] = ("unknown", "none", "null", "n/a", "-", "-1", "0")
    # What is in the transcripts and was not said.
    marks: tuple[str, ...] = ("<SPOKEN_NOISE>",)


def known_speakers() -> dict[str, tuple[str, str]]:
    """Folder of a speaker -> gender, first language: the 24 of the corpus's own table."""
    by_language = {
        "arabic": {"ABA": "male", "SKA": "female", "YBAA": "male", "ZHAA": "female"},
        "mandarin": {"BWC": "male", "LXC": "female", "NCC": "female", "TXHC": "male"},
        "hindi": {"ASI": "male", "RRBI": "male", "SVBI": "female", "TNI": "female"},
        "korean": {"HJK": "female", "HKK": "male", "YDCK": "female", "YKWK": "male"},
        "spanish": {"EBVS": "male", "ERMS": "male", "MBMPS": "female", "NJS": "female"},
        "vietnamese": {"HQTV": "male", "PNV": "female", "THV": "female", "TLV": "male"},
    }
    return {
        speaker: (gender, language)
        for language, speakers in by_language.items()
        for speaker, gender in speakers.items()
    }


class L2ArcticSettings(LabelledSettings):
    """L2-ARCTIC: English read by people with another first language (Zhao et al., 2018)."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {"gender": GENDERS}

    kind: Literal["l2_arctic"]
    licence: str = "CC-BY-NC-4.0"
    instructions: InstructionRule = "tuples"  # FlexiVoice A.2
    # Folder of a speaker -> gender, first language. A folder that is not here is an error.
    speakers: dict[str, tuple[str, str]] = Field(default_factory=known_speakers)
    # Folders that are left out: the suitcase corpus is free speech of a minute and more in one
    # file, and not part of the 27 hours (FlexiVoice Table 6).
    skip: tuple[str, ...] = ("suitcase_corpus",)


class ParaSpeechCapsSettings(LabelledSettings):
    """ParaSpeechCaps: style tags and descriptions of others' audio (Diwan et al., 2025)."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    kind: Literal["paraspeechcaps"]
    licence: str = "CC-BY-NC-SA-4.0"
    instructions: InstructionRule = "shipped"  # FlexiVoice A.2
    # Splits to read; None: every file. dev and holdout are kept from training by default.
    splits: tuple[str, ...] | None = ("train_scaled", "train_base")
    # The corpus that a row's audio is of, in lower case -> folder that relative_audio_path is in.
    roots: dict[str, str] = {}
    # Corpora to use, each with a root; rows of others are rejected. None: all that the rows name.
    sources: tuple[str, ...] | None = None
    # Column of the feature dictionary -> name of its label. Values stay as they are, in lower case;
    # a list gives one label each. Every column must be there.
    features: dict[str, str] = Field(
        default_factory=lambda: {
            "gender": "gender",
            "accent": "accent",
            "pitch": "pitch",
            "speaking_rate": "speaking_rate",
            "noise": "noise",
            "intrinsic_tags": "intrinsic_tag",
            "situational_tags": "situational_tag",
        }
    )


class ChildMandarinSettings(OpenSettings):
    """ChildMandarin: children of three to five (Zhou et al., 2024). Its layout is not confirmed.

    Known are the names of the clips, which tell speaker, age, gender, accent level, place and
    device, and the columns that the hub's page lists. Either Parquet or other tables::

        {"audio": {"bytes": b"RIFF…", "path": "105_4_F_L_LIAOCHENG_Android_054.wav"},
         "transcription": "我想去公园玩", "speaker": "105", "gender": "F", "age": "4",
         "location": "LIAOCHENG", "device": "Android"}

    or the clips, with their text beside them or in tables of ``sentences`` by their names::

        105/105_4_F_L_LIAOCHENG_Android_054.wav + 105/105_4_F_L_LIAOCHENG_Android_054.txt
    """

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "age": {"child": "child", "3": "child", "4": "child", "5": "child"},
        "gender": GENDERS,
    }
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id", "utt_id", "utterance_id"),
        "audio": ("audio", "file_name", "path", "wav"),
        "text": ("transcription", "transcript", "text"),
        "speaker": ("speaker", "speaker_id"),
        "gender": ("gender",),
        "age": ("age",),
    }
    # One label only, as the paper has it: a boy, a girl (A.2). `child` where no age is told.
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "zh", "age": "child"}

    kind: Literal["child_mandarin"]
    licence: str = "CC-BY-NC-SA-4.0"
    templates: str = "child_templates"
    tables: tuple[str, ...] = ("*.parquet", "metadata.csv", "metadata.jsonl")
    labels: tuple[str, ...] = ("age", "gender")
    path: str | None = r"(?P<id>(?P<speaker>\d+)_(?P<age>\d+)_(?P<gender>[MF])_[^/]+)\.\w+$"
    text_suffix: str | None = ".txt"


class DebattsSettings(OpenSettings):
    """Debatts-Data: Chinese debates (Huang et al., 2024). Its layout is not confirmed.

    Known are columns that the authors' own loader reads (wav_path, speaker_id, language) and that
    everything is Chinese. Either tables of clips::

        {"wav_path": "S01/S01_0003.wav", "text": "对方辩友刚才说……", "speaker_id": "S01_2",
         "duration": 12.4, "language": "zh"}

    or a folder for each speaker, each clip's text beside it::

        S01/S01_0003.wav + S01/S01_0003.txt
    """

    # The paper's one label: a debate scene (A.2).
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "zh", "scene": "debate"}
    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {"scene": {"debate": "debate"}}
    LANGUAGES: ClassVar[Mapping[str, str]] = LANGUAGES
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id", "index", "uid"),
        "audio": ("wav_path", "audio", "file_name", "path", "wav"),
        "text": ("text", "transcription", "transcript"),
        "speaker": ("speaker_id", "speaker"),
        "language": ("language",),
    }

    kind: Literal["debatts"]
    licence: str = "CC-BY-NC-4.0"
    templates: str = "scene_templates"
    tables: tuple[str, ...] = ("*.parquet", "metadata.csv", "*.jsonl", "metadata.json")
    labels: tuple[str, ...] = ("scene",)
    path: str | None = r"(?P<speaker>[^/]+)/[^/]+\.\w+$"
    text_suffix: str | None = ".txt"


class NVSpeechSettings(OpenSettings):
    """NVSpeech, also called Emilia-NV (Liao et al., 2025). Its layout is not confirmed.

    Known are the 18 tags, which stand in the transcripts where the sound is heard, and stay there;
    ``python -m pipelines.list_tags`` lists them for the trainer. Either tables of clips::

        {"audio": "wavs/000012_007830.wav", "text": "你真的[Question-oh]，太好笑了[Laughter]"}

    or the members of the release's tars, unpacked, each clip's text beside it (where that is an
    object in JSON, set ``text_suffix: .json``)::

        webdataset-000000/000012_007830.wav + webdataset-000000/000012_007830.txt

    Nobody says who speaks: where no column does, each clip is taken for a speaker of its own.
    """

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "zh"}
    LANGUAGES: ClassVar[Mapping[str, str]] = LANGUAGES
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id", "index", "__key__"),
        "audio": ("audio", "wav", "mp3", "audio_filename", "file_name", "path"),
        "text": ("text", "txt", "transcription", "transcript"),
        "speaker": ("speaker", "speaker_id"),
        "language": ("language",),
    }

    kind: Literal["nvspeech"]
    licence: str = "CC-BY-NC-SA-4.0"
    instructions: InstructionRule = "none"  # FlexiVoice A.2
    tables: tuple[str, ...] = ("*.parquet", "metadata.csv", "*.jsonl")
    labels: tuple[str, ...] = ()
    path: str | None = r"(?P<speaker>[^/]+)\.\w+$"
    text_suffix: str | None = ".txt"
