"""Checks a split against its certificate, anew from the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pipelines.errors import PipelineError
from pipelines.stages.components import Fingerprint, fingerprint, side_keys
from pipelines.stages.near_duplicates import containment, crossing_pairs
from pipelines.stages.split_certificate import (
    HELD_OUT,
    SIDES,
    TRAIN,
    Certificate,
    LengthRow,
    SideFacts,
    SplitSettings,
    side_facts,
)
from schemas.episode import Episode, Scene


class CertificateViolated(PipelineError):
    """The first thing about a split that is not as its certificate says."""


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
    characters, scale = certificate.settings.shingle_characters, certificate.settings.shingle_scale
    verify_fingerprints(
        certificate,
        [fingerprint(episode, characters, scale) for episode in episodes],
        ((one.id, one.episode_id, len(one.sentences)) for one in scenes),
    )


def verify_fingerprints(
    certificate: Certificate,
    prints: Sequence[Fingerprint],
    scenes: Iterable[tuple[str, str, int]],
) -> None:
    """The same from fingerprints that were made anew, and (scene id, recording id, turns).

    Raises:
        CertificateViolated: names the first violation.
    """
    settings = certificate.settings
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
    require_apart(prints, sides, settings)
    _check_statements(certificate, prints, sides)
    lengths: dict[str, tuple[str, int]] = {}
    for name, recording, turns in scenes:
        _require(name not in lengths, f"scene {name} comes more than once")
        side = sides.get(recording)
        _require(side is not None, f"scene {name}: no recording {recording}")
        lengths[name] = (side or "", turns)
    found = side_facts(prints, sides, {name: side for name, (side, _) in lengths.items()})
    for side in SIDES:
        _require(
            found[side] == certificate.sides.get(side),
            f"{side} is not what was certified: {_difference(found[side], certificate, side)}",
        )
    _check_test_set(certificate, lengths)


def require_apart(
    prints: Sequence[Fingerprint], sides: Mapping[str, str], settings: SplitSettings
) -> None:
    """Checks that no key and no transcript is on both sides; all pairs across are compared.

    Args:
        prints: fingerprints of recordings.
        sides: train or held_out, by recording id.
        settings: what counts as a leak.

    Raises:
        CertificateViolated: names the first thing that both sides share.
    """
    _check_keys(prints, sides)
    _check_transcripts(prints, sides, settings)


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
