"""Which scenes go into which shard."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from manifests.scene_cuts import SPLITS
from pipelines.stages.emit_scenes import plan_scene_shards
from pipelines.stages.split_certificate import HELD_OUT, TRAIN
from pipelines.stages.splits import TEST

parts = st.lists(st.fixed_dictionaries({split: st.integers(0, 20) for split in SPLITS}), max_size=8)


def test_the_splits_are_those_of_the_certificate() -> None:
    assert set(SPLITS) == {TRAIN, TEST, HELD_OUT}


@given(parts, st.integers(1, 9))
def test_the_plan_has_every_scene_once_in_order(sizes: list[dict[str, int]], size: int) -> None:
    counts = [(f"part{n}", Counter(one)) for n, one in enumerate(sizes)]
    shards = plan_scene_shards(counts, size)
    for split in SPLITS:
        chosen = [shard for shard in shards if shard.split == split]
        assert [shard.index for shard in chosen] == list(range(len(chosen)))
        lengths = [sum(one.stop - one.start for one in shard.ranges) for shard in chosen]
        assert all(length == size for length in lengths[:-1])
        assert all(0 < length <= size for length in lengths)
        planned = [
            (one.path, at)
            for shard in chosen
            for one in shard.ranges
            for at in range(one.start, one.stop)
        ]
        assert planned == [(path, at) for path, count in counts for at in range(count[split])]
