"""The certificate of a split: what was done with what, for a check that trusts none of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from pipelines.stages.components import KEY_KINDS, Fingerprint
from pipelines.stages.near_duplicates import SimilarPair
from pipelines.stages.settings import Count, Share, Strict

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
    """How a corpus was split. ``split_verify`` checks all of it but how links were found."""

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
