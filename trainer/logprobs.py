"""Log-probabilities of given tokens, without the logits of all the others.

One function for SFT, DPO, GRPO and MCLP. The logits of 8 sequences of 600 tokens over 158,720 ids
are 6.1 GB of which one number in 158,720 is wanted, so here

- only positions that hold a target are projected, `chunk` of them at a time, and over the ids in
  blocks: what is in memory is chunk x block logits;
- log-sum-exp, softmax and entropy are float32 whatever the model's type: in bfloat16 the
  log-softmax alone is wrong by 0.03, and MCLP's decisive difference is 0.1;
- the backward pass projects again instead of keeping anything;
- where a grammar allowed only some classes of ids, only those are projected and normalised over,
  so that what is trained on is what was sampled from.

The projection is in the type of the hidden states: cast them to float32 for exact logits.

Shapes: B sequences, T tokens, N targets, D width of the model, V ids, K ids projected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from trainer.head import Head
from trainer.projection import Part, SelectedLogProbs
from trainer.vocab import TokenClass

CHUNK = 1024  # targets at a time


@dataclass(frozen=True, slots=True)
class Support:
    """What each token could have been: the sampler's support, as a set of classes a position."""

    sets_BT: Tensor  # uint8, sums of `TokenClass`; looked at where there is a target
    classes_V: Tensor  # uint8, the class of each row of the head: `walk.class_table`


@dataclass(frozen=True, slots=True)
class LogProbs:
    """What is known about each target; 0 at positions without one."""

    logprobs_BT: Tensor  # float32, of the token at t given those before t; differentiable
    entropy_BT: Tensor | None  # float32, nats, of the distribution it is from; None: not asked


def selected_logprobs(
    hidden_BTD: Tensor,
    head: Head,
    ids_BT: Tensor,
    mask_BT: Tensor,
    *,
    support: Support | None = None,
    temperature: float = 1.0,
    chunk: int = CHUNK,
    with_entropy: bool = False,
) -> LogProbs:
    """Log p(ids[b, t] | ids[b, :t]) wherever the mask is true.

    The token at t is predicted from the hidden state at t - 1, so a target needs a token before it;
    in packed sequences, one of its own.

    Args:
        hidden_BTD: the model's last hidden states, after its final norm.
        head: the projection to logits.
        ids_BT: the tokens.
        mask_BT: bool, true for targets. Everything else, prompts and padding, has no influence.
        support: None: all ids.
        temperature: what logits are divided by; that of sampling in GRPO, else 1.
        chunk: targets that are projected at a time.
        with_entropy: find the entropy of each distribution as well; differentiable too.

    Raises:
        ValueError: a target has no token before it, an id is not in the head, a target is not in
            its own support, or the temperature is not positive.
    """
    if bool(mask_BT[:, 0].any()):
        row = int(mask_BT[:, 0].nonzero()[0])
        raise ValueError(
            f"sequence {row} begins with a target: nothing predicts it. Put a prompt before it"
        )
    mask_BT = mask_BT.bool()
    target_mask = mask_BT[:, 1:]
    logprobs_N, entropy_N = token_logprobs(
        hidden_BTD[:, :-1][target_mask],
        head,
        ids_BT[:, 1:][target_mask],
        sets_N=None if support is None else support.sets_BT[:, 1:][target_mask],
        classes_V=None if support is None else support.classes_V,
        temperature=temperature,
        chunk=chunk,
        with_entropy=with_entropy,
    )
    empty_BT = logprobs_N.new_zeros(mask_BT.shape)
    return LogProbs(
        logprobs_BT=empty_BT.masked_scatter(mask_BT, logprobs_N),
        entropy_BT=None if entropy_N is None else empty_BT.masked_scatter(mask_BT, entropy_N),
    )


def token_logprobs(
    hidden_ND: Tensor,
    head: Head,
    ids_N: Tensor,
    *,
    sets_N: Tensor | None = None,
    classes_V: Tensor | None = None,
    temperature: float = 1.0,
    chunk: int = CHUNK,
    with_entropy: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """The same for targets that are rows already: hidden state n predicts id n.

    Raises:
        ValueError: see `selected_logprobs`.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature is {temperature}, and must be above 0")
    if chunk < 1:
        raise ValueError(f"the chunk is {chunk} targets, and must be 1 at least")
    rows = head.weight_VD.shape[0]
    if len(ids_N) and not bool(((ids_N >= 0) & (ids_N < rows)).all()):
        raise ValueError(f"a target id is not in 0..{rows - 1}, the rows of the model's head")
    if sets_N is None or classes_V is None:
        parts = [Part(None, None, None)]
    else:
        parts = list(_parts(sets_N, classes_V, ids_N))
    logprobs_N, entropy_N = SelectedLogProbs.apply(  # type: ignore[no-untyped-call]
        hidden_ND, head.weight_VD, head.bias_V, ids_N, parts, temperature, chunk, with_entropy
    )
    return logprobs_N, entropy_N if with_entropy else None


def _parts(sets_N: Tensor, classes_V: Tensor, ids_N: Tensor) -> Iterator[Part]:
    """One part for each set of classes that occurs."""
    outside_N = (classes_V[ids_N] & sets_N) == 0
    if bool(outside_N.any()):
        row = int(outside_N.nonzero()[0])
        raise ValueError(
            f"target {row}, id {int(ids_N[row])}, is not in its own support "
            f"{TokenClass(int(sets_N[row]))!r}: the support is not that of this sample"
        )
    for one in sets_N.unique():
        allowed_V = (classes_V & one) != 0
        columns_K = allowed_V.nonzero()[:, 0]
        rows_M = (sets_N == one).nonzero()[:, 0]
        if len(columns_K) == len(classes_V):
            yield Part(rows_M, None, None)
        elif 2 * len(columns_K) <= len(classes_V):
            yield Part(rows_M, columns_K, None)
        else:  # copying most of the head would cost more than it saves
            yield Part(rows_M, None, ~allowed_V)
