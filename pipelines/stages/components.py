"""Recordings -> groups that may not be parted: linked by video, file, series or transcript."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.stages.near_duplicates import normal_text, sketch
from schemas.episode import Episode, EpisodeScene, Sentence
from schemas.facts import Hashes


@dataclass(frozen=True)
class Fingerprint:
    """All of a recording that a leak can be found by; a few kilobytes in place of an episode."""

    id: str
    video_id: str
    md5: str
    series: str  # normalised; "" where it is not known
    hashes: Hashes = field(repr=False, compare=False)  # sketch of the transcript

    def keys(self) -> Iterator[tuple[str, str]]:
        """(kind, key) for everything that no two sides may share; unknown ones left out."""
        for kind in KEY_KINDS:
            if key := getattr(self, kind):
                yield kind, key


KEY_KINDS = ("video_id", "md5", "series")


def fingerprint(episode: Episode, shingle_characters: int, scale: int) -> Fingerprint:
    """The episode's keys and the sketch of its transcript; pure, for workers to call.

    Sentences are taken by start, whatever their order in the record.
    """
    return _fingerprint(episode.id, episode, episode.sentences, shingle_characters, scale)


def scenes_fingerprint(
    scenes: Sequence[EpisodeScene], shingle_characters: int, scale: int
) -> Fingerprint:
    """The same of a recording whose sentences lie in scenes.

    Args:
        scenes: all scenes of one recording, in any order.
        shingle_characters: length of a shingle.
        scale: one shingle in so many is kept.

    Raises:
        ValueError: no scenes, or scenes that say different things about their recording.
    """
    if not scenes:
        raise ValueError("no scenes, so no recording")
    first = scenes[0]
    for scene in scenes:
        for name in ("episode_id", *KEY_KINDS):
            one, other = getattr(first, name), getattr(scene, name)
            if one != other:
                raise ValueError(
                    f"scenes {first.id} and {scene.id} of one recording differ in {name}: "
                    f"{one!r} and {other!r}"
                )
    sentences = [sentence for scene in scenes for sentence in scene.sentences]
    return _fingerprint(first.episode_id, first, sentences, shingle_characters, scale)


def normal_series(name: str) -> str:
    """A series name in the form it is compared in: `normal_text`, or the name if that is empty.

    Width, case, spaces and punctuation (《》 too) do not matter. Traditional and simplified
    characters stay different: they do not map one to one, and the transcript links re-uploads.

    >>> normal_series("《春风小巷》"), normal_series("Spring  Alley"), normal_series("!!!")
    ('春风小巷', 'springalley', '!!!')
    """
    # A title of signs alone is a title still, and not an unknown one.
    return normal_text(name) or unicodedata.normalize("NFKC", name).strip()


def components(
    fingerprints: Sequence[Fingerprint], links: Iterable[tuple[str, str]]
) -> list[tuple[str, ...]]:
    """The connected components: ids in order, components by their first id.

    Two recordings are linked where they share a video id, an md5 or a series name, and where
    ``links`` says so. The order of the arguments does not matter.

    Args:
        fingerprints: of all recordings.
        links: pairs of ids, of near-duplicate transcripts say.

    Raises:
        ValueError: two recordings have one id.
        KeyError: a link names an unknown id.

    >>> from schemas.facts import no_hashes
    >>> found = [Fingerprint("A", "v1", "m1", "s", no_hashes()),
    ...          Fingerprint("B", "v2", "m2", "", no_hashes()),
    ...          Fingerprint("C", "v3", "m3", "s", no_hashes())]
    >>> components(found, [])
    [('A', 'C'), ('B',)]
    """
    parent = {one.id: one.id for one in fingerprints}
    if len(parent) != len(fingerprints):
        raise ValueError("two recordings have one id")
    owner: dict[tuple[str, str], str] = {}
    for one in fingerprints:
        for key in one.keys():
            _unite(parent, one.id, owner.setdefault(key, one.id))
    for left, right in links:
        _unite(parent, left, right)
    members: dict[str, list[str]] = {}
    for name in sorted(parent):
        members.setdefault(_root(parent, name), []).append(name)
    return sorted(tuple(names) for names in members.values())


def side_keys(
    fingerprints: Iterable[Fingerprint], sides: Mapping[str, str]
) -> dict[tuple[str, str, str], str]:
    """(side, kind, key) -> the first id that has it, for every key of every recording."""
    found: dict[tuple[str, str, str], str] = {}
    for one in fingerprints:
        for kind, key in one.keys():
            place = (sides[one.id], kind, key)
            found[place] = min(found.get(place, one.id), one.id)
    return found


def _fingerprint(
    name: str,
    keys: Episode | EpisodeScene,
    sentences: Sequence[Sentence],
    shingle_characters: int,
    scale: int,
) -> Fingerprint:
    ordered = sorted(sentences, key=lambda one: (one.start, one.duration, one.id))
    return Fingerprint(
        id=name,
        video_id=keys.video_id,
        md5=keys.md5.lower(),
        series=normal_series(keys.series or ""),
        hashes=sketch((one.text for one in ordered), shingle_characters, scale),
    )


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def _unite(parent: dict[str, str], one: str, other: str) -> None:
    one, other = sorted((_root(parent, one), _root(parent, other)))
    parent[other] = one
