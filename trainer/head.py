"""A causal language model in two halves: hidden states, and the head that makes logits of them.

The trainer never asks a model for its logits (`trainer.logprobs`), so it has to know that the head
is what it takes it for: one linear layer. Models that scale or squash their logits are refused.

Shapes: B sequences, T tokens, D width of the model, V ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from trainer.errors import UsageError

# Names under which models keep a factor or a cap of their logits, and the value that does nothing.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "final_logit_softcapping": (None,),
    "logit_scale": (None, 1, 1.0),
    "logits_scaling": (None, 1, 1.0),
    "lm_head_multiplier": (None, 1, 1.0),
    "output_multiplier": (None, 1, 1.0),
}


@dataclass(frozen=True, slots=True)
class Head:
    """The projection from hidden states to logits."""

    weight_VD: Tensor
    bias_V: Tensor | None = None


def output_head(model: nn.Module) -> Head:
    """The head of a Hugging Face causal LM, with or without LoRA adapters on its other layers.

    Raises:
        UsageError: the head is not one plain linear layer, or the model changes its logits.
    """
    inner: Any = causal_lm(model)
    layer = inner.get_output_embeddings()
    if type(layer) is not nn.Linear:
        raise UsageError(
            f"the model's head is a {type(layer).__name__}, not a plain linear layer: leave "
            "lm_head out of the LoRA target modules, and do not quantise it"
        )
    config = inner.config.get_text_config()
    for name, neutral in _NEUTRAL.items():
        if getattr(config, name, None) not in neutral:
            raise UsageError(
                f"the model's configuration has {name} = {getattr(config, name)}: its logits are "
                "not those of its head, and this trainer does not know such models"
            )
    return Head(layer.weight, layer.bias)


def hidden_states(
    model: nn.Module,
    ids_BT: Tensor,
    attention_mask: Tensor | None = None,
    position_ids_BT: Tensor | None = None,
) -> Tensor:
    """The last hidden states [B, T, D], after the final norm, of all tokens.

    Gradients flow. Under DDP or FSDP call it inside the forward of the module that is wrapped:
    what is called here is the body of the model, not the model.

    Args:
        model: a Hugging Face causal LM, with or without adapters.
        ids_BT: the tokens.
        attention_mask: as the model takes it: 1 for tokens and 0 for padding [B, T], or true for
            what may be seen [B, 1, T, T]. None: every token sees those before it.
        position_ids_BT: None: 0, 1, ... in each sequence.
    """
    inner: Any = causal_lm(model)
    output = inner.base_model(
        input_ids=ids_BT,
        attention_mask=attention_mask,
        position_ids=position_ids_BT,
        use_cache=False,
    )
    hidden_BTD: Tensor = output.last_hidden_state
    return hidden_BTD


def causal_lm(model: nn.Module) -> nn.Module:
    """The causal LM inside a peft model, or the model itself.

    The adapters are modules inside it, so they stay on or off as they are.
    """
    find = getattr(model, "get_base_model", None)
    inner: nn.Module = find() if callable(find) else model
    return inner
