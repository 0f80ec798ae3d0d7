"""One role-play scene -> one Lhotse cut with its recording and a supervision for each turn.

An emitted corpus of scenes is a folder with a folder for each split, ``train``, ``test``,
``held_out`` (held out and not drawn for the test set), those that have scenes, each with its
``shar``; so ``CutSet.from_shar(in_dir=".../train/shar")`` is the training set.

The recording is the separated vocals of the scene, from its first turn's start to its latest turn's
end. Supervisions are the turns in order; they may overlap, and between them may be speech that is
in no turn (ADR 0014). One cut, as JSON has it::

    {"id": "Y0000000000_--5llN02F84_scene0007", "start": 0.0, "duration": 6.12, "type": "MonoCut",
     "supervisions": [
       {"id": "Y0000000000_--5llN02F84_S00031", "start": 0.0, "duration": 2.5, "channel": 0,
        "text": "...", "language": "zh", "speaker": "Y0000000000_--5llN02F84_SPEAKER_00",
        "custom": {"turn": 0, "sid": "Y0000000000_--5llN02F84_S00031", "confidence": 1.0,
                   "overlap_ratio": 0.97, "margin": 0.97, "flags": [], "dnsmos": 3.1}},
       {"id": "Y0000000000_--5llN02F84_S00032", "start": 2.3, "duration": 3.82, ...}],
     "recording": {"id": "Y0000000000_--5llN02F84_scene0007", "sampling_rate": 24000, ...},
     "custom": {
       "scene": "Y0000000000_--5llN02F84_scene0007", "split": "train", "rl": true,
       "style": "angry", "caption": "...", "caption_backend": "openai:...",
       "profiles": [{"speaker": "Y0000000000_--5llN02F84_SPEAKER_00", "identity": "...",
                     "character": "..."}],
       "series": "...", "episode": "7", "title": "...", "licence": "CC-BY-4.0",
       "source": "wenetspeech",
       "lineage": {"aid": "Y0000000000_--5llN02F84", "video_id": "--5llN02F84", "url": "...",
                   "md5": "...", "start": 412.6, "duration": 6.12, "video_uri": "...",
                   "vocals_sha256": "...", "audio_sha256": "...", "audio_size": 170122}}}

Times of supervisions are seconds from the start of the cut, those of the lineage seconds from the
start of the episode. A key whose value is not known is left out: read the optional ones with
``.get``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manifests.audio import AudioLength
from manifests.keys import cut_key

if TYPE_CHECKING:
    from lhotse import MonoCut

SPLITS = ("train", "test", "held_out")  # each a folder

# Of a cut: always there, and there where it is known.
REQUIRED = ("scene", "split", "rl", "profiles", "licence", "source", "lineage")
OPTIONAL = ("caption", "caption_backend", "series", "episode", "title", "style")
LINEAGE = (
    *("aid", "video_id", "url", "md5", "start", "duration", "video_uri"),
    *("vocals_sha256", "audio_sha256", "audio_size"),
)
HASHES = ("vocals_sha256", "audio_sha256")
# Of a turn.
TURN_REQUIRED = ("turn", "sid", "confidence", "flags")
TURN_OPTIONAL = ("overlap_ratio", "margin", "dnsmos")


class SceneTooShort(ValueError):
    """The audio ends before a turn begins."""


def global_speaker(aid: str, label: str) -> str:
    """A speaker's name in the whole corpus; diarization labels mean nothing outside an episode.

    >>> global_speaker("Y0000000000_--5llN02F84", "SPEAKER_00")
    'Y0000000000_--5llN02F84_SPEAKER_00'
    """
    return f"{aid}_{label}"


def scene_cut_of(
    row: Mapping[str, Any], audio: bytes, length: AudioLength, vocals_sha256: str, language: str
) -> MonoCut:
    """The cut of a row of ``EpisodeScene``.

    Its id is :func:`~manifests.keys.cut_key` of the scene's, which ``custom["scene"]`` keeps. Turns
    are held to the cut: where the vocals end a little before the transcript does, the last one is
    as much shorter.

    Args:
        row: fields of ``EpisodeScene``; every turn has a speaker.
        audio: the encoded audio, for its hash and size; it goes into the shard, not into the cut.
        length: what the decoder says about it.
        vocals_sha256: of the file that it was taken from.
        language: ISO 639-1 code of what is spoken.

    Raises:
        SceneTooShort: a turn begins after the audio ends.
        ValueError: the scene's id cannot name a cut.
    """
    from lhotse import AudioSource, MonoCut, Recording, SupervisionSegment

    key = cut_key(row["id"])
    aid = row["episode_id"]
    channels = list(range(length.num_channels))
    recording = Recording(
        id=key,
        sources=[AudioSource(type="shar", channels=channels, source="")],
        sampling_rate=length.sample_rate_hz,
        num_samples=length.num_samples,
        duration=length.duration,
        channel_ids=channels,
    )
    supervisions = [
        SupervisionSegment(
            id=one["id"],
            recording_id=key,
            start=start,
            duration=duration,
            channel=0,
            text=one["text"],
            speaker=global_speaker(aid, one["speaker"]),
            language=language,
            custom=_turn_custom(turn, one),
        )
        for turn, (one, (start, duration)) in enumerate(
            zip(row["sentences"], turn_times(row, length.duration), strict=True)
        )
    ]
    return MonoCut(
        id=key,
        start=0.0,
        duration=length.duration,
        channel=0,
        supervisions=supervisions,
        recording=recording,
        custom=_custom(row, audio, vocals_sha256),
    )


def turn_times(row: Mapping[str, Any], audio_s: float) -> list[tuple[float, float]]:
    """(start, duration) of every turn in seconds from the start of the cut, held to the cut.

    Args:
        row: ``start`` of a scene and its ``sentences``, in seconds from the recording's start.
        audio_s: seconds of audio from the scene's start on.

    Raises:
        SceneTooShort: a turn begins after the audio ends.

    >>> turns = [{"id": "S1", "start": 7.1, "duration": 1.3},
    ...          {"id": "S2", "start": 8.3, "duration": 2.0}]
    >>> turn_times({"start": 7.1, "sentences": turns}, 3.15)
    [(0.0, 1.3), (1.2, 1.95)]
    """
    last = _microseconds(audio_s)
    times = []
    for one in row["sentences"]:
        start = max(_microseconds(one["start"]) - _microseconds(row["start"]), 0)
        end = min(start + _microseconds(one["duration"]), last)
        if end <= start:
            raise SceneTooShort(
                f"turn {one['id']} begins {start / 1e6:.3f} s into the scene, "
                f"the audio has {audio_s:.3f} s"
            )
        times.append((start / 1e6, (end - start) / 1e6))
    return times


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _turn_custom(turn: int, sentence: Mapping[str, Any]) -> dict[str, object]:
    known: dict[str, object] = {
        "turn": turn,
        "sid": sentence["id"],
        "confidence": sentence["confidence"],
        "flags": list(sentence["flags"]),
    }
    return known | _known(sentence, TURN_OPTIONAL)


def _custom(row: Mapping[str, Any], audio: bytes, vocals_sha256: str) -> dict[str, object]:
    aid = row["episode_id"]
    lineage: dict[str, object] = {"aid": aid}
    lineage |= _known(row, ("video_id", "url", "md5", "start", "duration", "video_uri"))
    lineage["vocals_sha256"] = vocals_sha256
    lineage["audio_sha256"] = hashlib.sha256(audio).hexdigest()
    lineage["audio_size"] = len(audio)
    known: dict[str, object] = {"scene": row["id"], "split": row["split"], "rl": bool(row["rl"])}
    known |= _known(row, OPTIONAL)
    known["profiles"] = [
        {
            "speaker": global_speaker(aid, one["speaker"]),
            "identity": one["identity"],
            "character": one["character"],
        }
        for one in row["profiles"]
    ]
    known |= _known(row, ("licence", "source"))
    known["lineage"] = lineage
    return known


def _known(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, object]:
    return {name: row[name] for name in names if row[name] is not None}
