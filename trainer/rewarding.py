"""The parts of a GRPO run: rewards with their models, the sampler, the reference."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trainer.assembly import Assembly, before_work
from trainer.data.rows import Row
from trainer.errors import UsageError
from trainer.loop.ranks import Ranks
from trainer.mclp import MclpScorer
from trainer.model_codec import check_model_codec
from trainer.models import Reference, load_scorer
from trainer.rewards.registry import make_hub
from trainer.rewards.settings import MclpRewardSettings
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.speech.registry import load_tokenizer
from trainer.stage_settings import GrpoSettings
from trainer.tasks.grpo import Grpo, GrpoRecipe, Script
from trainer.tokens.ta4 import Ta4Layout
from trainer.tokens.walk import class_table


@contextlib.contextmanager
def make_task(assembly: Assembly, settings: GrpoSettings) -> Iterator[Grpo]:
    """The task, with its rewards' models loaded; their connections close at the end.

    Raises:
        UsageError: a reward cannot be had, a source asks for one that is not there, or the codes
            are of another speech tokenizer than the one named.
    """
    ranks, layout = assembly.ranks, assembly.layout
    _check_ranks(settings, ranks)
    tokenizer = None
    if settings.speech_tokenizer is not None:
        tokenizer = load_tokenizer(settings.speech_tokenizer)
        if tokenizer.identity != assembly.stream.codec:
            raise UsageError(
                f"speech_tokenizer is {tokenizer.identity.short}, but the shards have codes of "
                f"{assembly.stream.codec.short}"
            )

    def make_scorer(reward: MclpRewardSettings) -> MclpScorer:
        if not isinstance(layout, Ta4Layout):
            raise UsageError("rewards.mclp needs data.layout ta4")
        check_model_codec(reward.model, assembly.stream.codec)
        model = load_scorer(reward.model, reward.dtype, ranks.device)
        return MclpScorer(model, layout, reward.scorer)

    hub = make_hub(
        settings.rewards,
        speech_tokenizer=tokenizer,
        make_scorer=make_scorer,
        end_id=layout.vocab.end_id,
    )
    with hub:
        asked = {name: frozenset(rewards) for name, rewards in settings.asks.items()}
        rows = int(assembly.policy.model.get_input_embeddings().num_embeddings)  # type: ignore[operator]
        sharded = ranks.world_size > 1 and settings.loop.strategy == "fsdp"
        task = Grpo(
            ranks,
            Reference(assembly.policy, ranks.device) if settings.beta else None,
            TorchSampler(
                assembly.policy.model,
                layout.vocab,
                max_rollouts=settings.rollouts.max_rollouts,
                any_rank=ranks.any if sharded else bool,
            ),
            hub,
            layout,
            GrpoRecipe(
                group_size=settings.rollouts.group_size,
                beta=settings.beta,
                clip=settings.clip,
                kl=settings.kl,
                form=settings.form,
                weights=settings.weights,
                sampling=SamplingSettings(
                    max_tokens=settings.rollouts.max_tokens,
                    temperature=settings.rollouts.temperature,
                    seed=settings.loop.seed,
                ),
                max_tokens=settings.microbatch_tokens,
            ),
            asks=lambda row: asked[row.source],
            classes_V=class_table(layout.vocab, rows, ranks.device),
            script=_script(assembly) if settings.rollouts.forced_text else lambda row: None,
        )
        with before_work():
            hub.check([task.target(row, row.id) for row in _first_rows(assembly)])
        yield task


def _first_rows(assembly: Assembly) -> list[Row]:
    """The rows of the first batches, until every source had one; the stream is left as it was."""
    stream = assembly.stream
    missing = {one.name or one.folder for one in assembly.settings.data.sources}
    place, rows = stream.state_dict(), list[Row]()
    for batch in stream:
        rows += batch
        missing -= {row.source for row in batch}
        if not missing:
            break
    stream.load_state_dict(place)
    return rows


def _check_ranks(settings: GrpoSettings, ranks: Ranks) -> None:
    """Checks that every rank has as many prompts: all go through the model equally often.

    Raises:
        UsageError: they have not.
    """
    rows = settings.data.rows_per_batch
    if ranks.world_size > 1 and (rows is None or rows % ranks.world_size):
        raise UsageError(
            f"data.rows_per_batch is {rows}: prompts of rollouts are spread evenly over the "
            f"{ranks.world_size} ranks, so give a multiple of that"
        )


def _script(assembly: Assembly) -> Script:
    if not isinstance(assembly.layout, Ta4Layout):
        raise UsageError("rollouts.forced_text is for data.layout ta4")
    vocab, tokenizer = assembly.layout.vocab, assembly.tokenizer

    def script(row: Row) -> tuple[int, ...]:
        return tuple(vocab.to_text(tokenizer, row.text, f"text of {row.id}"))

    return script
