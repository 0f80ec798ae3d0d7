"""The episode: one whole recording of a drama with its sentences, and the scenes cut from it.

Times are seconds from the start of the recording. What a later stage fills is None until then.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.arrow import column


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One transcribed sentence of an episode, with its speaker once one was assigned."""

    id: str = column("WenetSpeech sid")
    start: float = column("seconds from the start of the recording")
    duration: float = column("seconds")
    text: str = column("transcript, without punctuation in WenetSpeech")
    confidence: float = column("transcript confidence as shipped, 0-1")
    speaker: str | None = column("diarization label, local to the episode; None before assignment")
    overlap_ratio: float | None = column("share of the sentence its speaker speaks, 0-1")
    margin: float | None = column("that share less the runner-up's; 1 where nobody else speaks")
    flags: tuple[str, ...] = column("how the assignment was made: gap, tie, straddles, ...")
    dnsmos: float | None = column(
        "DNSMOS overall of the separated speech, 1-5; None before diarize, or where not measured",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTurn:
    """One segment of a diarization: who speaks when (an RTTM line)."""

    start: float = column("seconds from the start of the recording")
    duration: float = column("seconds")
    speaker: str = column("diarization label, local to the episode")


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterProfile:
    """Who a speaker of an episode is (MCLP A.3)."""

    speaker: str = column("diarization label, local to the episode")
    identity: str = column("role or name in the series")
    character: str = column("personality and manner of speaking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One recording of the corpus with everything that is known about it so far."""

    id: str = column("WenetSpeech aid")
    source: str = column("source name in params.yaml")
    url: str = column("where the video is")
    video_id: str = column("id of the video, taken from the URL")
    md5: str = column("of the corpus's own audio file, as shipped")
    tags: tuple[str, ...] = column("tags as shipped")
    duration: float = column("seconds, as shipped")
    audio_path: str = column("audio file relative to the corpus, as shipped")
    licence: str = column("licence of the source")
    sentences: tuple[Sentence, ...] = column("in order of start, then end, then id")
    audio_uri: str | None = column("the corpus's audio file, where it is at hand")
    video_uri: str | None = column("the video file; None before fetch")
    title: str | None = column("title of the video; None before fetch")
    series: str | None = column("series the episode belongs to; None before annotate")
    episode: str | None = column("number of the episode as a text; None where the title has none")
    vocals_uri: str | None = column("separated vocals; None before separate")
    speech_turns: tuple[SpeechTurn, ...] = column("diarization; empty before diarize")
    profiles: tuple[CharacterProfile, ...] = column("one for each speaker; empty before annotate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stretch of dialogue without a long silence (MCLP 5.2)."""

    id: str = column("episode id, then the scene's number in it")
    episode_id: str = column("WenetSpeech aid")
    start: float = column("seconds from the start of the recording")
    duration: float = column("seconds, to the latest end of its sentences")
    sentences: tuple[Sentence, ...] = column("the scene's turns in order")
    caption: str | None = column("place and atmosphere; None before caption")
    caption_backend: str | None = column("what wrote the caption")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeScene(Scene):
    """A scene with what is known about its episode, so that it can stand alone."""

    source: str = column("source name in params.yaml")
    url: str = column("where the video is")
    video_id: str = column("id of the video, taken from the URL")
    md5: str = column("of the corpus's own audio file, as shipped")
    licence: str = column("licence of the source")
    video_uri: str = column("the episode's video file")
    vocals_uri: str = column("the episode's separated vocals")
    title: str | None = column("title of the video")
    series: str | None = column("series the episode belongs to; None where it is not known")
    episode: str | None = column("number of the episode as a text; None where it is not known")
    profiles: tuple[CharacterProfile, ...] = column("of the speakers of this scene")
    split: str | None = column("train | test | held_out (held out, not drawn); None before select")
    rl: bool | None = column("in the subset for reinforcement learning; None before select")
    style: str | None = column("style of the last turn as the classifier has it; None unjudged")
