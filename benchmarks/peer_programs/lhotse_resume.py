"""lhotse goes on in the middle of an epoch: DynamicBucketingSampler over Shar with its codes.

    lhotse_resume.py FOLDER SECONDS BATCHES [indexed]

FOLDER has ``<size>/shar`` for each number of cuts. The state is taken after half of them, in
batches of SECONDS; a round is from that state to the first batch behind it. Every line
``{"size": N}`` on standard input is answered by ``{"seconds": ..., "values": [exact]}``: 1 where
the next BATCHES are those of the run that was not broken off, else 0. With ``indexed`` (lhotse 2)
the shards are first copied uncompressed with an index, without which there is no restore but
replay.
"""

import copy
import gzip
import json
import os
import shutil
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lhotse import CutSet
from lhotse.dataset import DynamicBucketingSampler
from lhotse.dataset.sampling.dynamic_bucketing import estimate_duration_buckets


@dataclass(frozen=True)
class Broken:
    """A run broken off in the middle of its epoch.

    Attributes:
        bins: durations between the buckets, found once and kept, as lhotse's guide advises.
        state: of the sampler.
        expected: ids of the next batches of the run that was not broken off.
    """

    bins: list[float]
    state: Any
    expected: list[list[str]]


def read(folder: Path) -> CutSet:
    """Shards in random order."""
    return CutSet.from_shar(in_dir=str(folder), shuffle_shards=True, seed=0)


def make_sampler(folder: Path, seconds: float, bins: list[float]) -> Any:  # noqa: ANN401
    """Batches of equal durations."""
    return DynamicBucketingSampler(
        read(folder),
        max_duration=seconds,
        duration_bins=bins,
        shuffle=True,
        seed=0,
        drop_last=False,
    )


def index(source: Path, target: Path) -> Path:
    """The shards as lhotse 2 can read them at any place."""
    from lhotse.indexing import create_shar_index

    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed, (target / path.stem).open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        else:
            shutil.copy(path, target)
    create_shar_index(str(target))
    return target


def batches(sampler: Any, count: int) -> list[list[str]]:  # noqa: ANN401
    """Ids of the next ones, fewer at the end of the epoch; the sampler has been started."""
    found = []
    for _ in range(count):
        batch = next(sampler, None)  # a for loop over it would begin the epoch anew
        if batch is None:
            break
        found.append([cut.id for cut in batch])
    return found


def break_off(folder: Path, seconds: float, cuts: int, count: int) -> Broken:
    """Runs to the middle."""
    bins = estimate_duration_buckets(read(folder), num_buckets=8)
    sampler = iter(make_sampler(folder, seconds, bins))
    seen = 0
    while seen < cuts // 2:
        seen += len(next(sampler))
    state = copy.deepcopy(sampler.state_dict())  # it goes on counting
    return Broken(bins, state, batches(sampler, count))


def main() -> None:
    """Answers until its standard input ends."""
    root, seconds, count = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")
    runs: dict[int, Broken] = {}
    for line in sys.stdin:
        size = json.loads(line)["size"]
        folder = root / str(size) / "shar"
        if "indexed" in sys.argv:
            folder = root / str(size) / "indexed"
        if size not in runs:
            if "indexed" in sys.argv:
                index(root / str(size) / "shar", folder)
            runs[size] = break_off(folder, seconds, size, count)
        broken = runs[size]
        state = copy.deepcopy(broken.state)  # it is taken apart
        started = time.process_time()
        sampler = make_sampler(folder, seconds, broken.bins)
        sampler.load_state_dict(state)
        found = iter(sampler)
        first = [cut.id for cut in next(found)]
        taken = time.process_time() - started
        exact = [first, *batches(found, count - 1)] == broken.expected
        print(json.dumps({"seconds": taken, "values": [exact]}), file=answers, flush=True)


if __name__ == "__main__":
    main()
