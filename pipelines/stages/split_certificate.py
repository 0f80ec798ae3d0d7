"""The certificate of a split: what was done with what, and a check that trusts none of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from pipelines.errors import PipelineError
from pipelines.stages.components import KEY_KINDS, Fingerprint, fingerprint, side_keys
from pipelines.stages.near_duplicates import SimilarPair, containment, crossing_pairs
from pipelines.stages.settings import Count, Share, Strict
from schemas.episode import Episode, Scene

TRAIN, HELD_OUT = "train", "held_out"
SIDES = (TRAIN, HELD_OUT)
METHOD: Final = "components-by-video-md5-series-transcript/v1"


class SplitSettings(Strict):
    """What is held out and what counts as a leak."""

    seed: int = 0  # any; part of the certificate
    test_videos: Count = 200  # MCLP 5.3
    scenes_per_length: Count = 100  # MCLP 5.3
    min_turns: Count = 2  # MCLP 5.3: dialogue lengths from 2
    max_turns: Count = 10  # MCLP 5.3: to 10 turns
    # The paper holds out 2.4 % of its videos. A corpus too small for 200 gives at most this share:
    # most of it is still there to train on.
    max_test_share: Share = 0.2
    # Six Chinese characters in a row are seldom the same by chance: lines have nine on average.
    shingle_characters: Count = 6
    # One shingle in four is kept: an episode of 4,000 characters leaves 1,000, which puts the
    # standard error of a containment of 0.2 near 0.013, and takes 8 kB.
    shingle_scale: Count = 4
    # Two uploads whose transcripts were read off the picture with one character in ten wrong still
    # share 0.9^12 = 0.28 of their shingles; different episodes share a few per cent.
    near_duplicate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2  # containment, `>=`
    # Of a sketch: about 13 lines. With fewer, one common phrase could link two recordings.
    min_hashes: Count = 30

    @model_validator(mode="after")
    def _lengths_in_order(self) -> SplitSettings:
        if self.min_turns > self.max_turns:
            raise ValueError("min_turns is more than max_turns")
        return self


class CertificateViolated(PipelineError):
    """The first thing about a split that is not as its certificate says."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideFacts:
    """One side of the split: how much, and the SHA-256 of its sorted sets, a line each."""

    recordings: int
    scenes: int
    sha256: dict[str, str]  # of: id, video_id, md5, series, scene


@dataclasses.dataclass(frozen=True, kw_only=True)
class LengthRow:
    """One dialogue length of the test set."""

    turns: int
    available: int  # scenes of that length among the held-out recordings
    chosen: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Certificate:
    """How a corpus was split. :func:`verify` checks all of it but how the links were found."""

    method: Literal["components-by-video-md5-series-transcript/v1"]
    settings: SplitSettings
    sides: dict[str, SideFacts]  # train, held_out
    held_out: tuple[tuple[str, ...], ...]  # components, as the ids of their recordings
    largest_component: int  # recordings, on either side
    near_duplicates: tuple[SimilarPair, ...]  # linked by transcript
    pairs_compared: int  # while linking
    crossing_pairs_compared: int  # between the sides, all of them
    too_short: int  # recordings whose transcript says too little to be compared
    unknown_series: int  # recordings without a series name
    test_table: tuple[LengthRow, ...]
    test_scenes: tuple[str, ...]  # ids, sorted
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """One stable text with a final newline."""
        content = _ADAPTER.dump_python(self, mode="json")
        return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The inverse of :meth:`to_json`.

        Raises:
            ValueError: not the JSON of a certificate.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise ValueError(f"not a certificate: {where}: {first['msg']}") from error


_ADAPTER: TypeAdapter[Certificate] = TypeAdapter(Certificate)


def verify(certificate: Certificate, episodes: Iterable[Episode], scenes: Iterable[Scene]) -> None:
    """Checks the split anew from the records; both are read once, as a stream.

    Which recordings and scenes are held out is taken from the certificate; everything else is
    computed again: that every record is there, that no key is on both sides, that no transcript of
    one side nearly repeats one of the other (all pairs across), that the test set is of held-out
    scenes with the right lengths, and exactly as many as were to be had.

    Raises:
        CertificateViolated: names the first violation.

    >>> from pipelines.stages.splits import split
    >>> verify(split([], []).certificate, [], [])
    """
    settings = certificate.settings
    characters, scale = settings.shingle_characters, settings.shingle_scale
    prints = [fingerprint(episode, characters, scale) for episode in episodes]
    repeated = [name for name, count in Counter(one.id for one in prints).items() if count > 1]
    _require(not repeated, f"recording {min(repeated, default='')} comes more than once")
    members = Counter(name for names in certificate.held_out for name in names)
    for name, count in sorted(members.items()):
        _require(count == 1, f"recording {name} is held out more than once")
    missing = sorted(members.keys() - {one.id for one in prints})
    _require(not missing, f"held-out recording {missing[:1]} is not in the corpus")
    limit = settings.test_videos
    _require(len(members) <= limit, f"{len(members)} recordings are held out, the limit is {limit}")

    sides = {one.id: HELD_OUT if one.id in members else TRAIN for one in prints}
    _check_keys(prints, sides)
    _check_transcripts(prints, sides, settings)
    _check_statements(certificate, prints, sides)
    lengths: dict[str, tuple[str, int]] = {}
    for scene in scenes:
        _require(scene.id not in lengths, f"scene {scene.id} comes more than once")
        side = sides.get(scene.episode_id)
        _require(side is not None, f"scene {scene.id}: no recording {scene.episode_id}")
        lengths[scene.id] = (side or "", len(scene.sentences))
    found = side_facts(prints, sides, {name: side for name, (side, _) in lengths.items()})
    for side in SIDES:
        _require(
            found[side] == certificate.sides.get(side),
            f"{side} is not what was certified: {_difference(found[side], certificate, side)}",
        )
    _check_test_set(certificate, lengths)


def side_facts(
    fingerprints: Sequence[Fingerprint], sides: Mapping[str, str], scenes: Mapping[str, str]
) -> dict[str, SideFacts]:
    """The facts of both sides; ``sides`` and ``scenes`` give the side of each id."""
    facts = {}
    for side in SIDES:
        chosen = [one for one in fingerprints if sides[one.id] == side]
        names = [name for name, of in scenes.items() if of == side]
        sets: dict[str, set[str]] = {"id": {one.id for one in chosen}, "scene": set(names)}
        for kind in KEY_KINDS:
            sets[kind] = {getattr(one, kind) for one in chosen}
        digests = {kind: _digest(values) for kind, values in sorted(sets.items())}
        facts[side] = SideFacts(recordings=len(chosen), scenes=len(names), sha256=digests)
    return facts


def _digest(names: Iterable[str]) -> str:
    # JSON, so that no name can look like two.
    text = json.dumps(sorted(names), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_keys(prints: Sequence[Fingerprint], sides: Mapping[str, str]) -> None:
    owners = side_keys(prints, sides)
    for (side, kind, key), name in sorted(owners.items()):
        if side == TRAIN and (other := owners.get((HELD_OUT, kind, key))):
            raise CertificateViolated(
                f"{kind} {key!r} is on both sides: {name} (train) and {other} (held out)"
            )


def _check_transcripts(
    prints: Sequence[Fingerprint], sides: Mapping[str, str], settings: SplitSettings
) -> None:
    held_out = [(one.id, one.hashes) for one in prints if sides[one.id] == HELD_OUT]
    train = ((one.id, one.hashes) for one in prints if sides[one.id] == TRAIN)
    found, _ = crossing_pairs(held_out, train, settings.near_duplicate, settings.min_hashes)
    for pair in found:
        raise CertificateViolated(
            f"transcripts of {pair.one} and {pair.other} share {pair.containment:.3f} of the "
            f"shorter one, and are on different sides; the limit is {settings.near_duplicate}"
        )


def _check_statements(
    certificate: Certificate, prints: Sequence[Fingerprint], sides: Mapping[str, str]
) -> None:
    by_id = {one.id: one for one in prints}
    for pair in certificate.near_duplicates:
        name = f"near duplicates {pair.one} and {pair.other}"
        _require({pair.one, pair.other} <= by_id.keys(), f"{name}: not in the corpus")
        _require(sides[pair.one] == sides[pair.other], f"{name} are on different sides")
        share = containment(by_id[pair.one].hashes, by_id[pair.other].hashes)
        _require(share == pair.containment, f"{name} share {share}, not {pair.containment}")
    short = sum(len(one.hashes) < certificate.settings.min_hashes for one in prints)
    unknown = sum(not one.series for one in prints)
    stated = (certificate.too_short, certificate.unknown_series)
    _require(
        (short, unknown) == stated,
        f"{short} transcripts too short and {unknown} series unknown, certified {stated}",
    )


def _check_test_set(certificate: Certificate, lengths: Mapping[str, tuple[str, int]]) -> None:
    settings = certificate.settings
    available = Counter(turns for side, turns in lengths.values() if side == HELD_OUT)
    chosen: Counter[int] = Counter()
    _require(
        len(set(certificate.test_scenes)) == len(certificate.test_scenes),
        "a scene is in the test set more than once",
    )
    for name in certificate.test_scenes:
        side, turns = lengths.get(name, ("nowhere", 0))
        _require(side == HELD_OUT, f"test scene {name} is not held out, but: {side}")
        chosen[turns] += 1
    right = {
        turns: min(available[turns], settings.scenes_per_length)
        for turns in range(settings.min_turns, settings.max_turns + 1)
    }
    for turns in sorted(chosen.keys() | right.keys()):
        _require(
            chosen[turns] == right.get(turns, 0),
            f"{chosen[turns]} test scenes of {turns} turns, not {right.get(turns, 0)}",
        )
    table = tuple(
        LengthRow(turns=turns, available=available[turns], chosen=chosen[turns]) for turns in right
    )
    _require(table == certificate.test_table, "the table of the test set does not match it")


def _difference(found: SideFacts, certificate: Certificate, side: str) -> str:
    stated = certificate.sides.get(side)
    if stated is None:
        return "the certificate says nothing about it"
    if (found.recordings, found.scenes) != (stated.recordings, stated.scenes):
        return (
            f"{found.recordings} recordings and {found.scenes} scenes, "
            f"certified {stated.recordings} and {stated.scenes}"
        )
    kinds = [kind for kind, value in found.sha256.items() if value != stated.sha256.get(kind)]
    return f"other {', '.join(kinds)}"


def _require(holds: bool, violation: str) -> None:
    if not holds:
        raise CertificateViolated(violation)
