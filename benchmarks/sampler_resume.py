"""Going on in the middle of an epoch of 12,000 cuts: ``python -m benchmarks.sampler_resume``.

Ours is `trainer.data`: rows of FlexiVoice (reference speech included), 64 a batch. The time is from
nothing to the first batch after the checkpoint: folder, vocabulary check, state, rows. The peer is
lhotse 1.33's DynamicBucketingSampler over the same shards, codes attached, batches of as many
tokens; the time is from the state to the first batch. It replays the epoch.

The bar: exact, that is the next batches are those of a run without a break, in under 1 s. What
lhotse gives after its replay is compared with its own unbroken run and printed; it has no bar.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import itertools
import json
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from manifests.codec import CodecIdentity, write_codec
from manifests.codes import CodeShardWriter
from schemas import StageFacts
from trainer.data.settings import DataSettings
from trainer.data.stream import BatchStream
from trainer.tiny import tiny_tokenizer
from trainer.tokens.append import AppendLayout
from trainer.vocab import SpeechVocab, flexivoice

BAR_S = 1.0
CARDINALITY = 512
SHARD = 1000  # cuts
COMPARED = 20  # batches


def main(argv: list[str] | None = None) -> int:
    """Prints the times; exit status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--cuts", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), arguments.cuts)
        names = flexivoice(CARDINALITY)
        tokenizer = tiny_tokenizer(names)
        layout = AppendLayout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
        ours, exact, early = measure_ours(folder, layout, arguments.cuts, arguments.rounds)
        theirs, same = measure_lhotse(folder, arguments.cuts, arguments.rounds)
    print(f"ours: {min(ours):.2f} s to the next batch after {arguments.cuts // 2:,} rows", end=", ")
    print(f"{early:.2f} s after 64; {'exact' if exact else 'NOT the batches of an unbroken run'}")
    verdict = "exact" if same else "not the batches of its own unbroken run"
    print(f"lhotse 1.33: {min(theirs):.2f} s after as many cuts; {verdict}")
    print(f"lhotse / ours: {min(theirs) / min(ours):.1f}; the bar is exact and {BAR_S:g} s")
    return int(not exact or min(ours) >= BAR_S)


def measure_ours(
    folder: str, layout: AppendLayout, cuts: int, rounds: int
) -> tuple[list[float], bool, float]:
    """Seconds of each round, whether the batches are those of an unbroken run, seconds early on."""
    unbroken = _stream(folder, layout)
    batches = iter(unbroken)
    next(batches)
    states = [json.dumps(unbroken.state_dict())]
    for _ in range(cuts // 2 // 64 - 1):
        next(batches)
    states.append(json.dumps(unbroken.state_dict()))
    expected = [_digest(row.id for row in next(batches)) for _ in range(COMPARED)]
    times: dict[str, list[float]] = {state: [] for state in states}
    exact = True
    for _ in range(rounds):
        for state in states:
            started = time.perf_counter()
            resumed = _stream(folder, layout)
            resumed.load_state_dict(json.loads(state))
            found = iter(resumed)
            first = next(found)
            times[state].append(time.perf_counter() - started)
            if state == states[-1]:
                after = [first, *itertools.islice(found, COMPARED - 1)]
                exact &= [_digest(row.id for row in rows) for rows in after] == expected
    return times[states[-1]], exact, min(times[states[0]])


def _stream(folder: str, layout: AppendLayout) -> BatchStream:
    settings = {
        "layout": "append",
        "sources": [{"folder": folder, "references": [{}]}],
        "rows_per_batch": 64,
    }
    return BatchStream(DataSettings.model_validate_json(json.dumps(settings)), layout)


def measure_lhotse(folder: str, cuts: int, rounds: int) -> tuple[list[float], bool]:
    """Seconds of each round, and whether the batches are those of an unbroken run."""
    unbroken = _sampler(folder)
    batches = iter(unbroken)
    seen = 0
    while seen < cuts // 2:
        seen += len(next(batches))
    state = copy.deepcopy(unbroken.state_dict())  # it goes on counting
    expected = [_digest(cut.id for cut in next(batches)) for _ in range(COMPARED)]
    times, exact = [], True
    for _ in range(rounds):
        started = time.perf_counter()
        resumed = _sampler(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            resumed.load_state_dict(copy.deepcopy(state))
        found = iter(resumed)
        first = next(found)
        times.append(time.perf_counter() - started)
        after = [first, *(next(found) for _ in range(COMPARED - 1))]  # iter() would begin anew
        exact &= [_digest(cut.id for cut in cuts_) for cuts_ in after] == expected
    return times, exact


def _sampler(folder: str) -> Any:  # noqa: ANN401  (lhotse has no types)
    from lhotse import CutSet
    from lhotse.dataset import DynamicBucketingSampler

    cuts = CutSet.from_shar(in_dir=f"{folder}/shar", shuffle_shards=True, seed=0)
    return DynamicBucketingSampler(
        cuts, max_duration=64 * 5.0, num_buckets=8, shuffle=True, seed=0, drop_last=False
    )


def write(folder: Path, cuts: int) -> None:
    """A tokenized folder of utterances of 2 to 8 s."""
    chance = random.Random(0)
    generator = np.random.default_rng(0)
    codec = CodecIdentity(
        name="kmeans",
        frame_rate=25.0,
        sample_rate=16000,
        cardinality=CARDINALITY,
        num_codebooks=1,
        fingerprint="0" * 64,
    )
    for first in range(0, cuts, SHARD):
        with CodeShardWriter(str(folder), first // SHARD, keep_audio=False) as writer:
            for number in range(first, min(cuts, first + SHARD)):
                frames = chance.randint(50, 200)
                codes = generator.integers(0, CARDINALITY, frames).astype(np.int16)
                writer.write(_cut(number, frames / codec.frame_rate), [codes], codec.short)
    write_codec(str(folder), codec)
    facts: dict[str, Any] = dict.fromkeys(("hours_in", "hours_out"), 0.0)
    facts |= dict.fromkeys(("rejected", "rejected_hours", "prompt_sha256"), {})
    facts |= dict.fromkeys(("rows_in", "rows_out"), cuts)
    facts |= dict.fromkeys(("speakers_in", "speakers_out"), cuts // 20)
    facts |= {"stage": "tokenize", "source": "made", "unit": "utterance", "backend": codec.short}
    facts |= {"counts": {"cuts": cuts}}
    (folder / "stage.json").write_text(StageFacts(**facts).to_json())


def _cut(number: int, duration: float) -> dict[str, Any]:
    """A cut with about as many fields as emit writes."""
    key = f"EN_B{number // 1000:05d}_S{number // 20:05d}_W{number:06d}"
    custom = {
        "instruction": "Call it like a commentator who can hardly believe what he sees.",
        "instruction_default": False,
        "source": "emilia",
        "source_id": f"EN_B00000_S{number // 20:05d}",
        "licence": "CC-BY-NC-4.0",
        "lineage": {"audio_uri": "EN/EN-B000000.tar", "audio_member": f"{key}.mp3"},
        "value": "high",
        "prompt_sha256": "0" * 64,
        "reply_sha256": "1" * 64,
        "title": "Cup final LIVE commentary: the last ten minutes",
        "tags": ["football", "sports commentary", "live"],
    }
    supervision = {
        "id": key,
        "recording_id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "text": "And that is the third goal, would you believe it, from that far out!",
        "language": "en",
        "speaker": f"EN_B00000_S{number // 20:05d}",
        "custom": custom,
    }
    return {
        "id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "supervisions": [supervision],
        "recording": None,
        "type": "MonoCut",
    }


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
