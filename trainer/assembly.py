"""From settings to everything that a run is made of; what can be wrong is found here, before."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.data.rows import Row
from trainer.data.stream import BatchStream, Mapped
from trainer.errors import DataError, UsageError
from trainer.loop.logs import read_log
from trainer.loop.loop import seed_everything, train
from trainer.loop.ranks import Ranks, spread
from trainer.loop.task import Task
from trainer.model_codec import check_model_codec, model_codec, write_model_codec
from trainer.models import export, load_policy
from trainer.policy import Policy
from trainer.stage_settings import GrpoSettings, StageSettings
from trainer.tokens.append import AppendLayout
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab

MODEL = "model"  # folder of the trained model in a run's output


@dataclass(frozen=True)
class Assembly:
    """Model, data and layout of one run, checked against each other."""

    settings: StageSettings
    policy: Policy
    tokenizer: Any
    layout: AppendLayout | Ta4Layout
    stream: BatchStream
    total_steps: int
    ranks: Ranks

    @property
    def fingerprint(self) -> str:
        """What may not change between the parts of one run.

        Where it runs, how often it logs and keeps, and how much it computes at a time may.
        """
        free = {"device", "threads", "log_every", "checkpoint_every", "keep_checkpoints"}
        about = self.settings.model_dump(mode="json", exclude={"microbatch_tokens": True})
        about["loop"] = {key: value for key, value in about["loop"].items() if key not in free}
        text = json.dumps([about, self.stream.fingerprint], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def describe(self) -> str:
        """One line for a dry run."""
        trained = sum(w.numel() for w in self.policy.parameters() if w.requires_grad)
        rows = self.settings.data.rows_per_batch
        return (
            f"{self.total_steps:,} steps of "
            + (f"{rows:,} rows" if rows else f"{self.settings.data.tokens_per_batch:,} tokens")
            + f" from {len(self.settings.data.sources)} sources, codes of {self.stream.codec.short}"
            + f"; {trained / 1e6:,.1f} M weights trained on {self.ranks.world_size} ranks"
        )


def assemble(settings: StageSettings, ranks: Ranks) -> Assembly:
    """Loads and checks.

    Raises:
        UsageError: the model or its vocabulary does not fit, or folders are not what they should
            be, or a source has no row that can be used, or there are fewer rows in a batch than
            ranks.
    """
    if settings.loop.threads is not None:
        torch.set_num_threads(settings.loop.threads)
    seed_everything(settings.loop.seed)  # adapters begin at random, on every rank the same
    model, tokenizer = load_policy(settings.model)
    vocab = SpeechVocab.from_tokenizer(tokenizer, settings.vocab.speech_names())
    vocab.check_rows(int(model.get_input_embeddings().num_embeddings))  # type: ignore[operator]
    layout: AppendLayout | Ta4Layout
    if settings.data.layout == "append":
        layout = AppendLayout(vocab, tokenizer, settings.data.joiner)
    else:
        layout = Ta4Layout(vocab, tokenizer)
    with before_work():
        stream = BatchStream(
            settings.data,
            layout,
            prompts=isinstance(settings, GrpoSettings),
            codec=model_codec(settings.model.path),
        )
        check_model_codec(settings.model.path, stream.codec)
        stream.check()
    rows = settings.data.rows_per_batch
    if rows is not None and rows < ranks.world_size:
        raise UsageError(
            f"data.rows_per_batch is {rows}, and there are {ranks.world_size} ranks: give each one"
        )
    longest = settings.loop.max_steps
    if rows is None and longest is None:
        raise UsageError("with data.tokens_per_batch the steps must be given: loop.max_steps")
    with before_work():
        steps = stream.steps(settings.loop.epochs) if rows is not None else longest
    assert steps is not None  # noqa: S101  (one of the two is there)
    total = steps if longest is None else min(steps, longest)
    return Assembly(settings, Policy(model), tokenizer, layout, stream, total, ranks)


def run(
    assembly: Assembly,
    task: Task,
    make: Callable[[Sequence[Row]], Any],
    output: Path,
    wrapped: nn.Module,
) -> str:
    """Trains to the end and exports the model; gives the closing line.

    Args:
        assembly: what the run is made of.
        task: what it trains.
        make: what the task wants of each batch of rows.
        output: folder for logs, checkpoints and the model.
        wrapped: the policy, spread over its ranks.
    """
    done = train(
        wrapped,
        task,
        Mapped(assembly.stream, make),
        ranks=assembly.ranks,
        loop=assembly.settings.loop,
        optim=assembly.settings.optim,
        total_steps=assembly.total_steps,
        folder=output,
        fingerprint=assembly.fingerprint,
    )
    export(assembly.policy.model, assembly.tokenizer, output / MODEL, assembly.ranks)
    if not assembly.ranks.first:
        return ""
    write_model_codec(str(output / MODEL), assembly.stream.codec)
    entries = read_log(output)
    found = f"{task.name}: {done:,} of {assembly.total_steps:,} steps trained here"
    for name in ("loss", "reward"):
        values = [entry[name] for entry in entries if name in entry]
        if values:
            found += f"; {name} {values[0]:.4g} -> {values[-1]:.4g}"
    dropped = sum(assembly.stream.dropped.values())
    return f"{found}; {dropped:,} rows left out; model: {output / MODEL}"


@contextlib.contextmanager
def before_work() -> Iterator[None]:
    """What is found wrong with the data in here is found before any work: bad usage.

    Raises:
        UsageError: where the block raises a DataError.
    """
    try:
        yield
    except DataError as error:
        raise UsageError(str(error)) from error


def spread_policy(assembly: Assembly) -> nn.Module:
    """The policy on this rank's device, wrapped for its strategy, ready to be trained."""
    assembly.policy.train()
    return spread(assembly.policy, assembly.ranks, assembly.settings.loop)
