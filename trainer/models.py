"""Policies: loaded, adapted, checkpointed, exported; and the reference that KL is measured from."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from trainer.errors import UsageError
from trainer.head import causal_lm, output_head
from trainer.loop.ranks import Ranks
from trainer.loop.settings import LoraSettings, ModelSettings
from trainer.policy import Policy


def load_policy(settings: ModelSettings) -> tuple[nn.Module, Any]:
    """The causal LM in float32 with what is to be trained, and its tokenizer.

    Raises:
        UsageError: the model or its tokenizer cannot be loaded, its head is of a kind that the
            trainer does not know, or LoRA's targets are not in it.
    """
    from transformers import AutoModelForCausalLM

    without_bars()
    tokenizer = load_tokenizer(settings.path)
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(settings.path, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise _unloadable(f"model.path {settings.path}", "it", settings.path, error) from error
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise UsageError(
            f"model.path {settings.path}: its tokenizer has {len(tokenizer)} tokens, its "
            f"embedding {model.get_input_embeddings().num_embeddings}; expand the model first: "
            "python -m trainer.expand"
        )
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.config.use_cache = False
    if settings.lora is not None:
        model = with_lora(model, settings.lora)
    output_head(model)
    return model, tokenizer


def load_tokenizer(path: str, what: str = "model.path") -> Any:  # noqa: ANN401
    """A model's own tokenizer.

    Args:
        path: of the model: a folder, or a name on the hub.
        what: where the path is from, for the message.

    Raises:
        UsageError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise _unloadable(f"{what} {path}", "its tokenizer", path, error) from error


def _unloadable(where: str, what: str, path: str, error: Exception) -> UsageError:
    if not Path(path).is_dir():
        return UsageError(f"{where}: {what} cannot be loaded: no such folder here, nor on the hub")
    line = " ".join(str(error).split())
    return UsageError(f"{where}: {what} cannot be loaded: {line}")


def without_bars() -> None:
    """Leaves progress to the commands: transformers draws bars, terminal or not."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def load_scorer(
    path: str, dtype: Literal["bfloat16", "float32"], device: torch.device
) -> nn.Module:
    """A frozen model to score with.

    Raises:
        UsageError: it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    without_bars()
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
    except (OSError, ValueError) as error:
        raise _unloadable(f"scorer {path}", "it", path, error) from error
    frozen: nn.Module = model.to(device).requires_grad_(False).eval()
    return frozen


def with_lora(model: nn.Module, settings: LoraSettings) -> nn.Module:
    """The model with trainable adapters; all else is frozen.

    Raises:
        UsageError: none of the targets is in the model.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        task_type="CAUSAL_LM",
    )
    try:
        adapted: nn.Module = get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(f"model.lora.targets {list(settings.targets)}: {error}") from error
    enable = getattr(model, "enable_input_require_grads", None)
    if callable(enable):  # without it, checkpointed blocks see no input that wants a gradient
        enable()
    return adapted


class Reference:
    """The policy as it was at the start: its adapters switched off, or a frozen copy."""

    def __init__(self, policy: Policy, device: torch.device) -> None:
        """Takes the policy before it is wrapped for its ranks; a copy goes to the device whole."""
        self._adapted: Any = policy.model if hasattr(policy.model, "disable_adapter") else None
        self._copy = None
        if self._adapted is None:
            self._copy = copy.deepcopy(policy).requires_grad_(False).eval().to(device)

    @contextlib.contextmanager
    def policy(self, wrapped: nn.Module) -> Iterator[nn.Module]:
        """The reference, without gradients.

        Args:
            wrapped: the policy as it is trained. With adapters it is the reference as well, and
                only its own forward has the weights whole.
        """
        with torch.no_grad():
            if self._copy is not None:
                yield self._copy
            else:
                with self._adapted.disable_adapter():
                    yield wrapped


def export(model: nn.Module, tokenizer: Any, folder: Path, ranks: Ranks) -> None:  # noqa: ANN401
    """Saves the model as transformers loads it, adapters merged; all ranks call it.

    Args:
        model: as it was before it was wrapped for its ranks; FSDP2 wraps in place.
        tokenizer: goes beside it.
        folder: written by the first rank.
        ranks: this process among all.
    """
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(model, options=options)
    if not ranks.first:
        ranks.barrier()
        return
    if hasattr(model, "merge_and_unload"):
        _merged(model, weights).save_pretrained(folder)
    else:
        inner: Any = causal_lm(model)
        inner.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)
    ranks.barrier()


def _merged(model: Any, weights: dict[str, Any]) -> Any:  # noqa: ANN401
    """A model of its own with the adapters in its weights; a sharded one cannot be copied."""
    from peft import get_peft_model

    inner: Any = causal_lm(model)
    with torch.device("meta"):  # no memory, and no time for random weights
        fresh: Any = type(inner)(copy.deepcopy(inner.config))
        adapted: Any = get_peft_model(fresh, copy.deepcopy(model.active_peft_config))
    adapted.load_state_dict(weights, assign=True)
    merged = adapted.merge_and_unload()
    merged.tie_weights()
    merged.generation_config = inner.generation_config
    return merged
