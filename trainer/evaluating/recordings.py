"""Recordings of ground truths and references, cut out of shards with audio, as FLAC at 16 kHz."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from manifests.recorded import ShardDamaged, read_recorded
from manifests.shards import list_shards
from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.errors import DataError, UsageError
from trainer.evaluating.case import Case
from trainer.evaluating.sounds import write_flac
from trainer.speech.sound import SoundUndecodable, cut_sound, decode_sound


def with_recordings(cases: Sequence[Case], audio: str, folder: Path) -> list[Case]:
    """The cases with their recordings, which are written below the folder.

    Args:
        cases: of one corpus.
        audio: its shards with recordings; turns are found by their ids.
        folder: of the evaluation.

    Raises:
        UsageError: there are no shards, or a turn is not in them.
        DataError: a shard is damaged, or a recording does not decode.
    """
    wanted = {id_ for case in cases for id_ in (case.truth_id, case.reference_id) if id_}
    if not wanted:
        return list(cases)
    paths: dict[str, str] = {}
    for turn_id, sound in _sounds(audio, wanted):
        name = hashlib.sha256(f"{audio}\n{turn_id}".encode()).hexdigest()[:32]
        paths[turn_id] = f"audio/{name}.flac"
        write_flac(folder / paths[turn_id], sound, SAMPLE_RATE_HZ)
    if missing := wanted - paths.keys():
        raise UsageError(
            f"{audio} has no recording of {min(missing)!r} and {len(missing) - 1} others: give the "
            "folder of emit that was tokenized, or leave `audio` out"
        )
    return [_placed(case, paths) for case in cases]


def _placed(case: Case, paths: Mapping[str, str]) -> Case:
    return dataclasses.replace(
        case,
        truth_audio=paths.get(case.truth_id or ""),
        reference_audio=paths.get(case.reference_id or ""),
    )


def _sounds(audio: str, wanted: set[str]) -> Iterator[tuple[str, Samples]]:
    shards, _ = list_shards(audio)
    if not shards:
        raise UsageError(f"{audio}: no shards with recordings; give the output folder of emit")
    for shard in shards:
        try:
            for cut in read_recorded(shard):
                turns = [one for one in cut.manifest["supervisions"] if one["id"] in wanted]
                whole = decode_sound(cut.audio, SAMPLE_RATE_HZ) if turns else None
                for turn in turns:
                    assert whole is not None  # noqa: S101  (there are turns)
                    span = float(turn["start"]), float(turn["duration"])
                    yield str(turn["id"]), cut_sound(whole, SAMPLE_RATE_HZ, *span).numpy()
        except (ShardDamaged, SoundUndecodable) as error:
            raise DataError(
                f"{shard.cuts}: {error}; `python -m manifests.validate` says more"
            ) from error
