"""Episodes and scenes -> training side, held-out side and test set, with a certificate (MCLP 5.3).

The paper holds out 200 videos "ensuring no overlap in source material" and draws exactly 100 scenes
for each dialogue length from 2 to 10. Source material here: the video, the audio file (md5), the
series by its normalised name, and the transcript (re-uploads under another name, excerpts,
compilations). Whatever shares one of them is one component, and components are never parted.

Everything is chosen by the order of SHA-256 over the seed and the record's own id: the result does
not depend on the order of the input, the platform or the version of any library. Held-out scenes
that are not drawn belong to neither side's use: they are not trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.stages.components import Fingerprint, components, fingerprint
from pipelines.stages.near_duplicates import SimilarPair, crossing_pairs, similar_pairs
from pipelines.stages.split_certificate import (
    HELD_OUT,
    METHOD,
    TRAIN,
    Certificate,
    LengthRow,
    SplitSettings,
    side_facts,
)
from schemas.episode import Episode, Scene

TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Where everything belongs."""

    recordings: dict[str, str]  # id -> train | held_out
    scenes: dict[str, str]  # id -> train | test | held_out (held out, not drawn)
    certificate: Certificate


def split(
    episodes: Iterable[Episode], scenes: Iterable[Scene], settings: SplitSettings | None = None
) -> Splits:
    """Splits a corpus; both arguments are read once, as streams, in any order.

    Raises:
        ValueError: an id comes twice, or a scene's episode is not among the episodes.

    >>> split([], []).certificate.warnings[0]
    '0 recordings held out, not 200: the corpus has 0, of which at most 0.2 may be held out'
    """
    settings = settings or SplitSettings()
    characters, scale = settings.shingle_characters, settings.shingle_scale
    prints = [fingerprint(episode, characters, scale) for episode in episodes]
    return split_fingerprints(
        prints, ((one.id, one.episode_id, len(one.sentences)) for one in scenes), settings
    )


def split_fingerprints(
    fingerprints: Sequence[Fingerprint],
    scenes: Iterable[tuple[str, str, int]],
    settings: SplitSettings,
) -> Splits:
    """The same, from what workers made of the records: (scene id, recording id, turns).

    A fingerprint is about 8 kB with the defaults; while they are compared some 60 kB a recording
    are in use: a few hundred MB for the paper's 8,237 videos.

    Raises:
        ValueError: an id comes twice, or a scene's recording is not among the fingerprints.
    """
    side, groups, links, compared, crossing = _sides(fingerprints, settings)
    turns: dict[str, int] = {}
    places: dict[str, str] = {}
    for name, recording, count in scenes:
        if name in turns:
            raise ValueError(f"scene {name} comes twice")
        if recording not in side:
            raise ValueError(f"scene {name}: no recording {recording}")
        turns[name], places[name] = count, side[recording]
    facts = side_facts(fingerprints, side, places)
    chosen, table = draw_test_scenes(
        {name: count for name, count in turns.items() if places[name] == HELD_OUT}, settings
    )
    held_out = tuple(names for names in groups if side[names[0]] == HELD_OUT)
    certificate = Certificate(
        method=METHOD,
        settings=settings,
        sides=facts,
        held_out=held_out,
        largest_component=max(map(len, groups), default=0),
        near_duplicates=tuple(links),
        pairs_compared=compared,
        crossing_pairs_compared=crossing,
        too_short=sum(len(one.hashes) < settings.min_hashes for one in fingerprints),
        unknown_series=sum(not one.series for one in fingerprints),
        test_table=table,
        test_scenes=chosen,
        warnings=tuple(_warnings(len(fingerprints), sum(map(len, held_out)), table, settings)),
    )
    return Splits(
        recordings=side, scenes=places | dict.fromkeys(chosen, TEST), certificate=certificate
    )


def choose_components(
    groups: Sequence[Sequence[str]], target: int, seed: int
) -> list[Sequence[str]]:
    """Components with exactly ``target`` recordings in all, or the most below it.

    Of all such choices the one that comes first in the seeded order of components, whose key is
    the component's smallest id.

    >>> choose_components([("A", "B", "C"), ("D", "E"), ("F", "G")], target=4, seed=1)
    [('D', 'E'), ('F', 'G')]
    """
    ordered = sorted(groups, key=lambda names: _rank(seed, min(names)))
    # reach[i]: bit n is set where some of the components from the i-th on have n recordings.
    reach = [1]
    below = (1 << (target + 1)) - 1
    for names in reversed(ordered):
        reach.append((reach[-1] | reach[-1] << len(names)) & below)
    reach.reverse()
    left = reach[0].bit_length() - 1
    chosen = []
    for index, names in enumerate(ordered):
        if len(names) <= left and reach[index + 1] >> (left - len(names)) & 1:
            chosen.append(names)
            left -= len(names)
    return chosen


def draw_test_scenes(
    turns: Mapping[str, int], settings: SplitSettings
) -> tuple[tuple[str, ...], tuple[LengthRow, ...]]:
    """For each dialogue length exactly ``scenes_per_length`` scenes, or all where there are fewer.

    Args:
        turns: number of turns of each held-out scene, by id.
        settings: the lengths, both ends inclusive; how many of each; the seed.

    >>> drawn, table = draw_test_scenes({"A": 2, "B": 2, "C": 11}, SplitSettings(max_turns=2))
    >>> drawn, table
    (('A', 'B'), (LengthRow(turns=2, available=2, chosen=2),))
    """
    by_length: dict[int, list[str]] = {}
    for name, count in turns.items():
        by_length.setdefault(count, []).append(name)
    drawn: list[str] = []
    table = []
    for length in range(settings.min_turns, settings.max_turns + 1):
        names = sorted(by_length.get(length, []), key=lambda name: _rank(settings.seed, name))
        chosen = names[: settings.scenes_per_length]
        drawn += chosen
        table.append(LengthRow(turns=length, available=len(names), chosen=len(chosen)))
    return tuple(sorted(drawn)), tuple(table)


def _sides(
    fingerprints: Sequence[Fingerprint], settings: SplitSettings
) -> tuple[dict[str, str], list[tuple[str, ...]], list[SimilarPair], int, int]:
    """The side of each recording; components; links; pairs compared: while linking, across."""
    target = min(settings.test_videos, int(len(fingerprints) * settings.max_test_share))
    sketches = {one.id: one.hashes for one in fingerprints}
    limits = (settings.near_duplicate, settings.min_hashes)
    links, compared = similar_pairs(list(sketches), list(sketches.values()), *limits)
    while True:
        groups = components(fingerprints, [(pair.one, pair.other) for pair in links])
        # Where the series is not known, nobody can say that the training side does not have it.
        known = {one.id for one in fingerprints if one.series}
        candidates = [names for names in groups if known.issuperset(names)]
        held_out = {
            n for names in choose_components(candidates, target, settings.seed) for n in names
        }
        # The linking step may pass over a pair; the comparison across the sides does not. Each
        # turn of the loop joins at least two components, so it ends, nearly always at once.
        missed, crossing = crossing_pairs(
            [(name, sketches[name]) for name in sorted(held_out)],
            ((name, hashes) for name, hashes in sketches.items() if name not in held_out),
            *limits,
        )
        if not missed:
            break
        links = sorted([*links, *missed], key=lambda pair: (pair.one, pair.other))
    sides = {name: HELD_OUT if name in held_out else TRAIN for name in sketches}
    return sides, groups, links, compared, crossing


def _warnings(
    recordings: int, held_out: int, table: Sequence[LengthRow], settings: SplitSettings
) -> list[str]:
    warnings = []
    if held_out < settings.test_videos:
        warnings.append(
            f"{held_out} recordings held out, not {settings.test_videos}: the corpus has "
            f"{recordings}, of which at most {settings.max_test_share} may be held out"
        )
    wanted = settings.scenes_per_length
    warnings += [
        f"{row.chosen} test scenes of {row.turns} turns, not {wanted}"
        for row in table
        if row.chosen < wanted
    ]
    return warnings


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
