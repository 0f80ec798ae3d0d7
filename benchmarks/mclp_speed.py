"""MCLP of a group of candidates: ``python -m benchmarks.mclp_speed``.

One ground truth and 8 candidates, as in one GRPO group: transcript, candidate, transcript, ground
truth of about 550 tokens together, 158,720 ids (Step-Audio 2's vocabulary), a small model. The peer
is transformers alone, in a process of its own: the naive loop runs each candidate by itself through
the model, takes `log_softmax` of all logits in float32 and picks the ground truth's. Both read the
same weights from the same files and take turns; on one thread, in CPU seconds, so that what else
runs on the machine does not count. Candidates are all different, so nothing is gained by scoring
equal ones once. The gain is in the head: the larger the body of a model is beside it, the smaller
the ratio (``--hidden``, ``--layers``).

Bars: 2.5 times the naive loop at 8 candidates; both agree within 1e-5.

    python -m benchmarks.mclp_speed
    python -m benchmarks.mclp_speed --hidden 512 --layers 8 --growth 1 4
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.results import Claim, Result, finish, make_parser, version
from benchmarks.turns import (
    Found,
    Peer,
    Program,
    Round,
    agreement_claim,
    fewer,
    rounds_text,
    speed_claim,
    take_turns,
    to_series,
)
from trainer.mclp import MclpScorer, MclpSettings, Pair
from trainer.models import load_scorer, without_bars
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, step_audio_2

NAIVE = "transformers loop"
BAR, LARGEST_GAP = 2.5, 1e-5
AT = 8  # candidates, MCLP 6.1's G
WORDS = "你说什么租店面的"  # 24 tokens of the tiny tokenizer
CODEBOOK = 6561  # Step-Audio 2's


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below a bar."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--candidates", type=int, default=2, help="of the smallest group")
    parser.add_argument("--codes", type=int, default=200, help="of a speech; 25 a second")
    parser.add_argument("--ids", type=int, default=158_720, help="of the vocabulary")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    without_bars()
    sizes = [arguments.candidates * times for times in sorted(arguments.growth)]
    rounds = fewer(sizes, arguments.rounds, AT)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        model = tiny_model(arguments.ids, hidden=arguments.hidden, layers=arguments.layers)
        model.save_pretrained(folder / "model")
        del model
        ours = Ours(folder, arguments.codes, arguments.threads)
        tokens = ours.write(sizes)
        programs: dict[str, Program] = {"ours": ours}
        if not arguments.without_peers:
            peer = Peer(sys.executable, "transformers_mclp", folder, str(arguments.threads))
            programs[NAIVE] = stack.enter_context(peer)
        found = take_turns(programs, sizes, rounds)
    setting = (
        f"One ground truth and its candidates, {tokens} tokens each, {arguments.ids:,} ids, a "
        f"model of {arguments.layers} layers of {arguments.hidden}, float32, "
        f"{arguments.threads} thread(s) of a CPU. Timed is the scoring of the whole group, warm, "
        "without start-up; each side in a process of its own, on the same files. "
        + rounds_text(rounds)
    )
    result = Result(
        benchmark="mclp_speed",
        title="MCLP of a group of candidates",
        setting=setting,
        claims=claims(found, tokens),
        series=to_series(found, "candidates", "CPU s" if arguments.threads == 1 else "s"),
        versions={name: version(name) for name in ("torch", "transformers")},
        notes=(
            "The gain is in the head of the model: ours projects the ground truth's tokens alone, "
            "the loop every position. With a larger body beside the head the ratio falls "
            "(`--hidden`, `--layers`).",
        ),
    )
    return finish(result, arguments, started)


def claims(found: Found, tokens: str) -> tuple[Claim, ...]:
    """The ratio at PEERS.md's size, and that the scores are the same."""
    text = f"MCLP, {AT} candidates of {tokens} tokens, against a loop over all logits"
    gap = "MCLP, largest difference of a score from the loop's, nats a token"
    return (
        speed_claim(found, NAIVE, AT, BAR, text),
        agreement_claim(found, NAIVE, LARGEST_GAP, gap),
    )


class Ours:
    """`trainer.mclp`, as the rewards use it."""

    def __init__(self, folder: Path, codes: int, threads: int) -> None:
        """Loads the model of the folder; `codes` is how long a speech is."""
        names = step_audio_2()
        tokenizer = tiny_tokenizer(names)
        layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
        model = load_scorer(str(folder / "model"), "float32", torch.device("cpu"))
        self._scorer = MclpScorer(model, layout, MclpSettings())
        self._clock = time.process_time if threads == 1 else time.perf_counter
        self._folder, self._codes = folder, codes

    def write(self, sizes: list[int]) -> str:
        """Writes every group as tokens, for the peer; how long its rows are, "540 to 560"."""
        lengths = []
        for size in sizes:
            rows = [self._scorer.row(pair) for pair in make_pairs(size, self._codes)]
            lengths += [len(row.ids) for row in rows]
            content = [{"ids": row.ids, "counted": row.counted} for row in rows]
            (self._folder / f"{size}.json").write_text(json.dumps(content), encoding="utf-8")
        return f"{min(lengths)} to {max(lengths)}"

    def __call__(self, size: int) -> Round:
        """Scores one group, from its text and codes on."""
        pairs = make_pairs(size, self._codes)
        started = self._clock()
        scores = self._scorer.score(pairs)
        return Round(self._clock() - started, tuple(scores))


def make_pairs(candidates: int, codes: int) -> list[Pair]:
    """One ground truth and candidates of about its length."""
    chance = random.Random(0)

    def speech() -> tuple[int, ...]:
        length = chance.randint(codes - codes // 10, codes + codes // 10)
        return tuple(chance.randrange(CODEBOOK) for _ in range(length))

    truth = speech()
    return [Pair(WORDS, speech(), truth) for _ in range(candidates)]


if __name__ == "__main__":
    sys.exit(main())
