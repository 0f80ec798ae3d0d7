"""Shards with audio -> shards with codes, one after the other, whole or not at all.

The output folder has the shards, ``codec.json`` (whose codes they are), ``rejected/`` (what was not
passed on), ``done/`` (what is finished) and, when all is, ``stage.json``. What is counted is the
turn, that is the supervision; a scene of which one turn has no codes goes as a whole.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from manifests.codec import CodecMissing, read_codec, write_codec
from manifests.codes import Codes, CodeShardWriter
from manifests.recorded import RecordedCut, ShardDamaged, read_recorded
from manifests.shards import ShardPaths
from manifests.storage import LocalFiles
from schemas import PartFacts, Reason, Rejection, table_of
from trainer.errors import DataError, UsageError
from trainer.progress import progress
from trainer.speech.tokenizer import SpeechTokenizer
from trainer.tokenizing.done import forget, write_done
from trainer.tokenizing.job import Job
from trainer.tokenizing.turns import STAGE, facts_of, rejection, sounds_of, turn_rejections


def tokenize(
    jobs: Sequence[Job], tokenizer: SpeechTokenizer, part: tuple[int, int] = (0, 1)
) -> PartFacts:
    """Encodes what is not finished yet.

    Args:
        jobs: what to encode, and where to; see :func:`trainer.tokenizing.job.jobs_of`.
        tokenizer: gives the codes.
        part: ``(k, n)``: only every n-th shard, from the k-th on, for n processes beside each
            other; whoever finds all finished writes ``stage.json``.

    Returns:
        The facts of the shards that this call encoded.

    Raises:
        UsageError: an output folder has codes of another tokenizer.
        DataError: a shard of the input is damaged; what was finished stays.
    """
    for job in jobs:
        _claim(job.output, tokenizer)
    codec, new = tokenizer.identity.short, PartFacts()
    left = [(job, shard) for job in jobs for shard in job.left(codec, part)]
    there = sum(facts.rows_in for job in jobs for facts in job.finished(codec).values())
    expected = jobs[0].facts.rows_out - there if part == (0, 1) else None
    with progress(STAGE, jobs[0].facts.unit, expected) as advance:
        for job, shard in left:
            forget(job.output, shard.index)
            facts = PartFacts()
            for more in _encode(shard, job, tokenizer):
                facts += more
                advance(more.rows_in)
            write_done(job.output, shard.index, job.origin(shard, codec), facts)
            new += facts
    return new


def _claim(output: str, tokenizer: SpeechTokenizer) -> None:
    """Makes the folder one of this tokenizer's codes, or finds that it is."""
    try:
        there = read_codec(output)
    except CodecMissing:
        write_codec(output, tokenizer.identity)
        return
    if there != tokenizer.identity:
        raise UsageError(
            f"{output} has codes of {there.short}, not of {tokenizer.identity.short}: remove it, "
            "or give another --output"
        )


def _encode(shard: ShardPaths, job: Job, tokenizer: SpeechTokenizer) -> Iterator[PartFacts]:
    """Writes one shard; gives the facts of its cuts as they are done."""
    rejections: list[Rejection] = []
    try:
        with CodeShardWriter(job.output, shard.index, keep_audio=job.keep_audio) as writer:
            for cuts, sounds in _batches(shard, job.batch_s, tokenizer.sample_rate):
                codes = iter(tokenizer.encode([s for one in sounds for s in _list(one)]))
                for cut, sound in zip(cuts, sounds, strict=True):
                    turns = [next(codes) for _ in _list(sound)]
                    lost = _rejected(cut, sound, turns)
                    rejections += lost
                    if not lost:
                        arrays = [_int16(one, tokenizer, cut) for one in turns]
                        audio = (cut.audio, cut.extension)
                        writer.write(cut.manifest, arrays, tokenizer.identity.short, audio)
                    yield facts_of(cut, lost, sum(map(len, turns)))
            _write_rejections(job.output, shard.index, rejections)
    except ShardDamaged as error:
        raise DataError(
            f"{error}; `python -m manifests.validate` says more; finished shards stay"
        ) from error


def _batches(
    shard: ShardPaths, batch_s: float, sample_rate: int
) -> Iterator[tuple[list[RecordedCut], list[list[torch.Tensor] | Rejection]]]:
    cuts: list[RecordedCut] = []
    sounds: list[list[torch.Tensor] | Rejection] = []
    samples = 0
    for cut in read_recorded(shard):
        sound = sounds_of(cut, sample_rate)
        cuts.append(cut)
        sounds.append(sound)
        samples += sum(map(len, _list(sound)))
        if samples >= batch_s * sample_rate:
            yield cuts, sounds
            cuts, sounds, samples = [], [], 0
    if cuts:
        yield cuts, sounds


def _list(sound: list[torch.Tensor] | Rejection) -> list[torch.Tensor]:
    return [] if isinstance(sound, Rejection) else sound


def _rejected(
    cut: RecordedCut, sound: list[torch.Tensor] | Rejection, turns: Sequence[torch.Tensor]
) -> list[Rejection]:
    if isinstance(sound, Rejection):
        return turn_rejections(cut, sound, None)
    for number, codes in enumerate(turns):
        if not len(codes):
            seconds = cut.manifest["supervisions"][number]["duration"]
            why = rejection(cut, Reason.CODES_EMPTY, f"{seconds:.3f} s give no frame of codes")
            return turn_rejections(cut, why, number)
    return []


def _int16(codes: torch.Tensor, tokenizer: SpeechTokenizer, cut: RecordedCut) -> Codes:
    if not 0 <= int(codes.min()) <= int(codes.max()) < tokenizer.cardinality:
        raise DataError(
            f"{cut.where}: {tokenizer.name} gave the codes {int(codes.min())}..{int(codes.max())}, "
            f"which are not in 0..{tokenizer.cardinality - 1}"
        )
    return codes.numpy().astype(np.int16)


def _write_rejections(output: str, index: int, rejections: list[Rejection]) -> None:
    path = posixpath.join(output, "rejected", f"part-{index:06d}.parquet")
    if not rejections:
        Path(path).unlink(missing_ok=True)  # of an earlier run over other cuts
        return
    with LocalFiles().atomic_write(path) as stream:
        pq.write_table(table_of(Rejection, rejections), stream, compression="zstd")
