"""New tokens for a text LLM: its tokenizer gets them, its embedding and head get rows for them.

FlexiVoice A.1: Phi-3.5-mini-instruct's vocabulary is expanded by the codes of DualCodec, and by the
tags of NVSpeech (A.2). The paper does not say how the new rows begin. Here a new row is the mean of
the old ones, so that at first no code is likelier than the average word, plus a little noise with
the old rows' own covariance, so that no two codes begin alike.

Shapes: V old rows, N new ones, D numbers a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import UsageError, VocabError
from trainer.tags import check_tags
from trainer.vocab import SpeechNames, SpeechVocab

_DRAWN = 1024  # old rows that the noise of one new row is made of


@dataclass(frozen=True, slots=True)
class Expansion:
    """What was added."""

    tokens_before: int  # ids of the tokenizer
    tokens_after: int
    rows: int  # of the embedding
    tied: bool  # whether the head is the embedding


def expand(
    model: nn.Module,
    tokenizer: Any,  # noqa: ANN401  (a Hugging Face fast tokenizer)
    names: SpeechNames,
    tags: Sequence[str] = (),
    *,
    noise: float = 0.1,
    seed: int = 0,
    multiple: int = 64,
) -> Expansion:
    """Adds the speech tokens and tags that the tokenizer lacks, and rows for them.

    Rows that a model has beyond its tokenizer's ids, as Phi-3.5's has, were never trained; the new
    tokens take them first, and they begin as the others do.

    Args:
        model: a Hugging Face causal LM; changed.
        tokenizer: its own; changed.
        names: the speech tokens.
        tags: paralinguistic tags, which become ordinary tokens.
        noise: standard deviation of the noise, as a share of the old rows'; 0: the mean alone.
        seed: of the noise.
        multiple: the rows are made a multiple of this, which GPUs are faster with.

    Raises:
        UsageError: the model and the tokenizer do not belong together, or the noise is negative.
        VocabError: the tokenizer has some of the speech tokens already, and not as they should be.
    """
    if noise < 0:
        raise UsageError(f"noise is {noise}: it is a share of the old rows' deviation, 0 or more")
    inner: Any = model
    before = max(tokenizer.get_vocab().values()) + 1
    rows = inner.get_input_embeddings().weight.shape[0]
    if rows < before:
        raise UsageError(
            f"the model has {rows} rows of embeddings and the tokenizer {before} ids: they do not "
            "belong together"
        )
    _add(tokenizer, names, check_tags(tags))
    SpeechVocab.from_tokenizer(tokenizer, names)
    after = max(tokenizer.get_vocab().values()) + 1
    wanted = -(-max(rows, after) // multiple) * multiple
    inner.resize_token_embeddings(wanted, mean_resizing=False)
    embedding, head = inner.get_input_embeddings(), inner.get_output_embeddings()
    tied = head is not None and head.weight is embedding.weight
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        _begin(embedding.weight, before, noise, generator)
        if head is not None and not tied:
            _begin(head.weight, before, noise, generator)
            if getattr(head, "bias", None) is not None:
                head.bias[before:] = head.bias[:before].mean()
    return Expansion(before, after, wanted, tied)


def new_rows(old_VD: Tensor, count: int, noise: float, generator: torch.Generator) -> Tensor:
    """Rows ``[count, D]`` near the mean of the old ones, float32.

    The noise is a random combination of old rows' distances from the mean, so that its covariance
    is theirs without the covariance ever being computed.

    >>> old = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    >>> new_rows(old, 2, 0.0, torch.Generator())
    tensor([[2., 0.],
            [2., 0.]])
    """
    old = old_VD.float()
    mean = old.mean(dim=0)
    if not noise:
        return mean.expand(count, -1).clone()
    drawn = torch.randint(len(old), (min(_DRAWN, len(old)),), generator=generator)
    weights = torch.randn(count, len(drawn), generator=generator)
    away = (old[drawn.to(old.device)] - mean) / len(drawn) ** 0.5
    found: Tensor = mean + noise * weights.to(old.device) @ away
    return found


def _begin(rows: Tensor, before: int, noise: float, generator: torch.Generator) -> None:
    fresh = new_rows(rows[:before], len(rows) - before, noise, generator)
    rows[before:] = fresh.to(rows.dtype)


def _add(tokenizer: Any, names: SpeechNames, tags: list[str]) -> None:  # noqa: ANN401
    from tokenizers import AddedToken

    there = tokenizer.get_vocab()
    special = [name for name in names.tokens() if name not in there]
    codes = sum(names.code.format(number) in there for number in range(names.n_codes))
    if 0 < codes < names.n_codes:
        raise VocabError(
            f"the tokenizer has {codes} of the {names.n_codes} codes already: it was expanded for "
            "another speech tokenizer; begin with the text LLM"
        )
    if names.code.format(names.n_codes) in there and names.audio_pad is None:
        raise VocabError(
            f"the tokenizer has more codes than {names.n_codes}: it was expanded for another "
            "speech tokenizer; begin with the text LLM"
        )
    tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    # Tags in one piece with what stands around them: no blank is taken off, none added.
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in tags if tag not in there])
