"""What there is to encode: the folders of shards under an output of emit, and what is finished."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from manifests.emitted import NotEmitted, check_complete
from manifests.prompt_cuts import are_prompts
from manifests.scene_cuts import SPLITS
from manifests.shards import FOLDER, ShardPaths, list_shards
from manifests.storage import LocalFiles
from schemas import PartFacts, StageFacts
from trainer.errors import DataError, UsageError
from trainer.tokenizing.done import known, origin, read_done
from trainer.tokenizing.turns import STAGE


@dataclass(frozen=True, kw_only=True)
class Job:
    """One folder of shards, and where its codes go."""

    input: str
    output: str
    shards: tuple[ShardPaths, ...]
    facts: StageFacts  # of the whole input, all splits together
    keep_audio: bool
    batch_s: float  # seconds of speech encoded together

    def origin(self, shard: ShardPaths, codec: str) -> dict[str, Any]:
        """What the shard's codes are made of."""
        found = Path(shard.cuts).stat()
        return _origin(shard, codec, self.keep_audio, found.st_size, found.st_mtime_ns)

    def finished(self, codec: str) -> dict[int, PartFacts]:
        """The facts of the shards that have their codes already, by number."""
        found = {
            s.index: read_done(self.output, s.index, self.origin(s, codec)) for s in self.shards
        }
        return {index: facts for index, facts in found.items() if facts is not None}

    def left(self, codec: str, part: tuple[int, int]) -> list[ShardPaths]:
        """The shards of this part that have no codes yet."""
        done = self.finished(codec)
        return [s for s in self.shards if s.index % part[1] == part[0] and s.index not in done]


@cache  # of a file that did not change, which size and time tell
def _origin(
    shard: ShardPaths, codec: str, keep_audio: bool, size: int, modified_ns: int
) -> dict[str, Any]:
    return origin(shard, codec, keep_audio)


def refuse_prompts(folder: str) -> None:
    """Checks that there is speech in a folder of emit.

    Raises:
        UsageError: there are prompts without any.
    """
    if are_prompts(folder):
        raise UsageError(
            f"{folder} has prompts without speech: nothing to encode; trainer.grpo takes the "
            "folder as it is, in data.sources"
        )


def jobs_of(folder: str, output: str, *, keep_audio: bool, batch_s: float) -> list[Job]:
    """What there is to encode in an output folder of emit: the folder, or each split in it.

    Raises:
        UsageError: it is not one that emit finished, or the output is no place for its codes.
    """
    refuse_prompts(folder)
    facts = _facts(folder)
    try:
        check_complete(folder, facts, LocalFiles())
    except NotEmitted as error:
        raise UsageError(str(error)) from error
    splits = [name for name in SPLITS if Path(folder, name, FOLDER).is_dir()]
    if Path(folder).resolve() == Path(output).resolve():
        raise UsageError(f"{output}: codes go into a folder of their own, not the input's")
    jobs = []
    for split in [""] if Path(folder, FOLDER).is_dir() else splits:
        where = posixpath.join(folder, split) if split else folder
        into = posixpath.join(output, split) if split else output
        shards = _shards(where, into)
        jobs.append(
            Job(
                input=where,
                output=into,
                shards=tuple(shards),
                facts=facts,
                keep_audio=keep_audio,
                batch_s=batch_s,
            )
        )
    if not jobs:
        raise UsageError(f"{folder}: no shards there; give the output folder of emit")
    return jobs


def _shards(folder: str, output: str) -> list[ShardPaths]:
    shards, _ = list_shards(folder)
    if not shards:
        raise UsageError(f"{folder}: no shards there; give the output folder of emit")
    lost = [path for s in shards for path in (s.cuts, s.recording) if not Path(path).is_file()]
    if lost:
        raise UsageError(f"{lost[0]} is missing: a shard without cuts or audio; run emit again")
    strange = known(output) - {shard.index for shard in shards}
    if strange:
        raise UsageError(
            f"{output} has shard {min(strange)}, which {folder} does not: it holds the codes of "
            "something else; remove it, or give another --output"
        )
    return shards


def _facts(folder: str) -> StageFacts:
    path = Path(folder, "stage.json")
    try:
        return StageFacts.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give the output folder of emit") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}; run emit again") from error


def write_facts(output: str, jobs: Sequence[Job], codec: str) -> bool:
    """Writes ``stage.json`` of every folder that is finished, and of all together.

    Returns:
        Whether all are.

    Raises:
        DataError: what came in is not what went out and what was rejected.
    """
    totals = []
    for job in jobs:
        done = job.finished(codec)
        if len(done) == len(job.shards):
            totals.append(sum(done.values(), PartFacts()))
            _write(job.output, totals[-1], job.facts, codec)
    if len(totals) < len(jobs):
        return False
    if [job.output for job in jobs] != [output]:
        _write(output, sum(totals, PartFacts()), jobs[0].facts, codec)
    return True


def _write(folder: str, total: PartFacts, facts_in: StageFacts, codec: str) -> None:
    if total.rows_in != total.rows_out + total.rejected.total():
        raise DataError(
            f"{folder}: {total.rows_in} {facts_in.unit}s came in, {total.rows_out} went out and "
            f"{total.rejected.total()} were rejected: these must add up; remove it and run again"
        )
    facts = StageFacts.of_parts(
        total,
        stage=STAGE,
        source=facts_in.source,
        unit=facts_in.unit,
        backend=codec,
        prompt_sha256={},
    )
    with LocalFiles().atomic_write(posixpath.join(folder, "stage.json")) as stream:
        stream.write(facts.to_json().encode())
