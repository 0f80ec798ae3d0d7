"""What must hold for one cut, its tar members and its audio. Pure: no files, no lhotse.

What holds for scenes alone is in :mod:`manifests.scene_checks`.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from manifests.audio import EXTENSIONS, AudioUndecodable, measure
from manifests.cuts import (
    AUDIO_SHA256,
    LINEAGE,
    REPACKED_SIZE,
    REQUIRED,
    REQUIRED_BY_ORIGIN,
    InstructionOrigin,
)
from manifests.keys import cut_key

TOLERANCE_S = 1e-6  # of times that were computed; one sample at 48 kHz is 2e-5 s
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Damage(enum.StrEnum):
    """What can be wrong with an emitted folder."""

    FILES = "files"  # a shard's file is missing, unreadable or a stranger
    PAIRING = "pairing"  # cuts and tar members do not go together, one pair a cut, in order
    CUT = "cut"  # not a cut with one recording and its supervisions inside it
    ID = "id"  # repeated, or not the key of its record
    INSTRUCTION = "instruction"  # missing or empty
    LINEAGE = "lineage"  # a hash or a source field is missing or malformed
    AUDIO = "audio"  # other bytes than were hashed, or they do not decode to the stated length
    COUNT = "count"  # other numbers than stage.json has
    SPLIT = "split"  # in another split's folder, or of a recording that is on both sides


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    damage: Damage
    where: str  # file, and line or member in it
    what: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.where}: {self.what} [{self.damage}]"


@dataclass(frozen=True, slots=True)
class Member:
    """A pair of tar members: the audio, then the recording's manifest."""

    audio_name: str
    audio: bytes | None  # None where the bytes were not read
    audio_size: int
    manifest_name: str
    manifest: bytes


@dataclass(frozen=True)
class Form:
    """One kind of cut: what must hold for it beyond what holds for all of them."""

    what: str  # for messages
    check: Callable[[Mapping[str, Any], str], Iterator[Problem]]  # of (cut, where)
    lineage: Callable[[Mapping[str, Any]], Mapping[str, Any]]  # of a cut
    recorded: bool = True  # whether it has audio, in a tar beside the cuts


def check_cut(cut: Mapping[str, Any], where: str, form: Form) -> Iterator[Problem]:
    """The cut by itself: times, ids, and what its form asks for."""
    try:
        if form.recorded:
            yield from _check_times(cut, where)
        yield from form.check(cut, where)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        what = f"not {form.what} ({type(error).__name__}: {error})"
        yield Problem(Damage.CUT, where, what)


def _check_times(cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
    num_samples, rate = cut["recording"]["num_samples"], cut["recording"]["sampling_rate"]
    if abs(cut["duration"] - num_samples / rate) > TOLERANCE_S or cut["start"] != 0:
        yield Problem(Damage.CUT, where, "the cut is not the whole of its recording")
    if cut["id"] != cut["recording"]["id"]:
        what = f"id {cut['id']!r} is not its recording's, {cut['recording']['id']!r}"
        yield Problem(Damage.ID, where, what)
    if not cut["supervisions"]:
        raise ValueError("no supervision")
    for one in cut["supervisions"]:
        start, duration = one["start"], one["duration"]
        if start < 0 or duration <= 0 or start + duration > cut["duration"] + TOLERANCE_S:
            what = f"supervision at {start} + {duration} s leaves the cut"
            yield Problem(Damage.CUT, where, what)
        for name in ("text", "speaker", "language"):
            if not isinstance(one.get(name), str):
                yield Problem(Damage.CUT, where, f"the supervision has no {name}")


def check_key(key: object, record_id: str, where: str) -> Iterator[Problem]:
    """The cut's id against the record's.

    Raises:
        ValueError: the record's id cannot name a cut.
    """
    if key != cut_key(record_id):
        yield Problem(Damage.ID, where, f"id {key!r} is not the key of {record_id!r}")


def check_hashes(hashes: Mapping[str, object], where: str) -> Iterator[Problem]:
    """Values that must be SHA-256 where they are there."""
    for name, value in hashes.items():
        if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
            yield Problem(Damage.LINEAGE, where, f"{name} is not a SHA-256: {value!r}")


def _check_utterance(cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
    (supervision,) = cut["supervisions"]
    custom = supervision["custom"]
    yield from check_key(cut["id"], supervision["id"], where)
    if not isinstance(custom, Mapping):
        yield Problem(Damage.LINEAGE, where, "the supervision's custom fields are not an object")
        return
    yield from _check_custom(custom, where)


def _check_custom(custom: Mapping[str, Any], where: str) -> Iterator[Problem]:
    instruction = custom.get("instruction")
    if not isinstance(instruction, str) or not instruction.strip():
        yield Problem(Damage.INSTRUCTION, where, "no instruction")
    required = list(REQUIRED)
    stated = custom.get("instruction_origin")
    origin = next((one for one in InstructionOrigin if one.value == stated), None)
    if origin is not None:
        required += REQUIRED_BY_ORIGIN[origin]
        if custom.get("instruction_default") is not (origin is InstructionOrigin.DEFAULT):
            what = f"instruction_origin is {stated!r}, but instruction_default does not say so"
            yield Problem(Damage.INSTRUCTION, where, what)
    elif stated is not None:
        yield Problem(Damage.INSTRUCTION, where, f"not an instruction_origin: {stated!r}")
    absent = [name for name in required if custom.get(name) is None and name != "instruction"]
    lineage = custom.get("lineage")
    lineage = lineage if isinstance(lineage, Mapping) else {}
    needed = [name for name in (*LINEAGE, AUDIO_SHA256) if name != "audio_member"]
    absent += [f"lineage.{name}" for name in needed if lineage.get(name) is None]
    if absent:
        yield Problem(Damage.LINEAGE, where, f"missing: {', '.join(absent)}")
    hashes = {name: custom.get(name) for name in ("prompt_sha256", "reply_sha256")}
    hashes[f"lineage.{AUDIO_SHA256}"] = lineage.get(AUDIO_SHA256)
    yield from check_hashes(hashes, where)
    yield from _check_labels(custom.get("labels", {}), where)


def _check_labels(labels: object, where: str) -> Iterator[Problem]:
    found = labels.items() if isinstance(labels, Mapping) else [("labels", None)]
    for name, value in found:
        values = value if isinstance(value, list) and len(value) > 1 else [value]
        if not all(isinstance(one, str) and one for one in (name, *values)):
            what = f"the label {name!r} is not a word or several: {value!r}"
            yield Problem(Damage.CUT, where, what)


UTTERANCES = Form(
    what="a cut with one recording and one supervision",
    check=_check_utterance,
    lineage=lambda cut: cast(Mapping[str, Any], cut["supervisions"][0]["custom"]["lineage"]),
)


def check_pair(cut: Mapping[str, Any], member: Member, where: str) -> Iterator[Problem]:
    """The cut against its tar members: names, order, and the recording's manifest."""
    key = cut.get("id")
    stem, _, extension = member.audio_name.rpartition(".")
    if stem != key or member.manifest_name != f"{key}.json" or extension not in EXTENSIONS:
        names = f"{member.audio_name!r} and {member.manifest_name!r}"
        yield Problem(Damage.PAIRING, where, f"cut {key!r} meets the tar members {names}")
        return
    try:
        manifest = json.loads(member.manifest)
    except ValueError as error:
        yield Problem(Damage.PAIRING, where, f"{member.manifest_name}: not JSON: {error}")
        return
    if manifest != cut.get("recording"):
        yield Problem(Damage.PAIRING, where, f"{member.manifest_name} is not the cut's recording")


def check_audio(
    cut: Mapping[str, Any],
    lineage: Mapping[str, Any],
    member: Member,
    where: str,
    decode: bool,
) -> Iterator[Problem]:
    """The audio against the cut: size, hash and, if asked for, its decoded length."""
    size = lineage.get(REPACKED_SIZE, lineage["audio_size"])
    if member.audio_size != size:
        what = f"{member.audio_size} bytes of audio, the lineage has {size}"
        yield Problem(Damage.AUDIO, where, what)
    elif member.audio is not None:
        if hashlib.sha256(member.audio).hexdigest() != lineage[AUDIO_SHA256]:
            yield Problem(Damage.AUDIO, where, "other audio bytes than were hashed")
        elif decode:
            yield from _check_decoded(cut["recording"], member.audio, where)


def _check_decoded(recording: Mapping[str, Any], audio: bytes, where: str) -> Iterator[Problem]:
    try:
        length = measure(audio)
    except AudioUndecodable as error:
        yield Problem(Damage.AUDIO, where, f"the audio {error}")
        return
    stated = (recording["num_samples"], recording["sampling_rate"], len(recording["channel_ids"]))
    found = (length.num_samples, length.sample_rate_hz, length.num_channels)
    if stated != found:
        what = f"decodes to {found} samples, Hz and channels, the cut states {stated}"
        yield Problem(Damage.AUDIO, where, what)
