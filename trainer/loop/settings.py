"""Settings of the loop, as the YAML files in ``trainer/configs`` give them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainer.settings import Strict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class LoraSettings(Strict):
    """Low-rank adapters instead of all weights (peft)."""

    rank: Count
    alpha: Count
    dropout: Share = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")


class ModelSettings(Strict):
    """The policy: where it is, and what of it is trained."""

    path: str  # a folder that transformers loads, or a name on the hub
    lora: LoraSettings | None = None  # None trains every weight
    gradient_checkpointing: bool = False


class OptimSettings(Strict):
    """AdamW and the course of its learning rate."""

    learning_rate: Positive
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_share: Share = 0.03  # of all steps; MCLP 6.1
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    max_grad_norm: Positive | None = 1.0  # None does not clip


class LoopSettings(Strict):
    """How long, how often, on what."""

    seed: int = 0
    epochs: Count = 1
    max_steps: Count | None = None  # an end before the epochs'
    precision: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; weights stay float32
    strategy: Literal["ddp", "fsdp"] = "ddp"  # of several ranks
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None  # of a CPU, for each process; None: as many as PyTorch takes
    checkpoint_every: Count = 500  # steps
    keep_checkpoints: Count = 2  # the newest ones
    log_every: Count = 1  # steps
