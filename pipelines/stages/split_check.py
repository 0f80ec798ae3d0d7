"""The output of select against its certificate: what the rows say, and what they were made of.

Two things are checked, neither of which trusts what select computed. The split that was certified:
from the records that select read, all sentences included, and the scenes that it left. And the
split that is in the rows: every label is the certified one, every row says of its recording what
the records say, and no key and no transcript of the rows themselves is on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pipelines.stages.components import KEY_KINDS, Fingerprint, normal_series, scenes_fingerprint
from pipelines.stages.split_certificate import HELD_OUT, TRAIN, Certificate
from pipelines.stages.split_verify import CertificateViolated, require_apart, verify_fingerprints
from pipelines.stages.splits import TEST
from schemas import EpisodeScene

Recording = Sequence[EpisodeScene]  # all scenes of one


def verify_rows(
    certificate: Certificate, records: Iterable[Recording], selected: Iterable[Recording]
) -> int:
    """Checks everything; both are read once, as streams.

    Args:
        certificate: what select says.
        records: the recordings that select read, each with all scenes and sentences.
        selected: the recordings that it left, each with the scenes that stayed.

    Returns:
        The number of scenes that were checked.

    Raises:
        CertificateViolated: names the first violation.

    >>> from pipelines.stages.splits import split
    >>> verify_rows(split([], []).certificate, [], [])
    0
    """
    prints = [_print(scenes, certificate) for scenes in records]
    known = {one.id: one for one in prints}
    held_out = {name for names in certificate.held_out for name in names}
    drawn = frozenset(certificate.test_scenes)
    left: list[Fingerprint] = []
    turns: list[tuple[str, str, int]] = []
    for scenes in selected:
        name = scenes[0].episode_id
        if name not in known:
            raise CertificateViolated(f"scene {scenes[0].id}: no recording {name} in the records")
        side = HELD_OUT if name in held_out else TRAIN
        for scene in scenes:
            _check_row(scene, known[name], TEST if scene.id in drawn else side)
            turns.append((scene.id, name, len(scene.sentences)))
        left.append(_print(scenes, certificate))
    sides = {one.id: HELD_OUT if one.id in held_out else TRAIN for one in left}
    if len(sides) != len(left):
        raise CertificateViolated("the scenes of a recording do not lie together")
    require_apart(left, sides, certificate.settings)
    verify_fingerprints(certificate, prints, turns)
    return len(turns)


def verify_table(certificate: Certificate, text: str) -> None:
    """Checks ``splits.json`` against the certificate.

    Raises:
        CertificateViolated: it is not JSON of its form, or says something else.
    """
    try:
        content = json.loads(text)
        recordings = dict(content["recordings"])
        drawn = [name for names in content["test_scenes"].values() for name in names]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CertificateViolated(f"splits.json is not a table of splits: {error}") from error
    held_out = {name for names in certificate.held_out for name in names}
    if {name for name, side in recordings.items() if side == HELD_OUT} != held_out:
        raise CertificateViolated("splits.json holds out other recordings than were certified")
    if len(recordings) != sum(one.recordings for one in certificate.sides.values()):
        raise CertificateViolated("splits.json has another number of recordings")
    if sorted(drawn) != sorted(certificate.test_scenes):
        raise CertificateViolated("splits.json has another test set than was certified")


def _print(scenes: Recording, certificate: Certificate) -> Fingerprint:
    settings = certificate.settings
    try:
        return scenes_fingerprint(scenes, settings.shingle_characters, settings.shingle_scale)
    except ValueError as error:
        raise CertificateViolated(str(error)) from error


def _check_row(scene: EpisodeScene, recording: Fingerprint, place: str) -> None:
    if scene.split != place:
        raise CertificateViolated(f"scene {scene.id} is {scene.split}, certified is {place}")
    if scene.rl and place != TRAIN:
        raise CertificateViolated(f"scene {scene.id} is for reinforcement learning and {place}")
    stated = {
        "video_id": scene.video_id,
        "md5": scene.md5.lower(),
        "series": normal_series(scene.series or ""),
    }
    for kind in KEY_KINDS:
        if stated[kind] != (certified := getattr(recording, kind)):
            raise CertificateViolated(
                f"scene {scene.id}: {kind} is {stated[kind]!r}, the records have {certified!r}"
            )
