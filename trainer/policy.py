"""The module that is trained: a causal LM that gives log-probs of targets instead of logits.

Everything that needs gradients happens inside its forward, body and head: that is where DDP and
FSDP2 have the weights whole.

Shapes: B sequences, T tokens, V ids.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from trainer.batch import Batch
from trainer.head import hidden_states, output_head
from trainer.logprobs import CHUNK, Support, selected_logprobs


class Policy(nn.Module):
    """A causal LM, adapters included."""

    def __init__(self, model: nn.Module, chunk: int = CHUNK) -> None:
        """Takes the model; ``chunk`` is how many targets are projected at a time."""
        super().__init__()
        self.model = model
        self.chunk = chunk

    def forward(
        self,
        batch: Batch,
        support: Support | None = None,
        temperature: float = 1.0,
        with_entropy: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Log-probs of the targets [B, T], 0 elsewhere, and their entropies where asked for."""
        hidden_BTD = hidden_states(self.model, batch.ids_BT, batch.attention_BT)
        found = selected_logprobs(
            hidden_BTD,
            output_head(self.model),
            batch.ids_BT,
            batch.target_BT,
            support=support,
            temperature=temperature,
            chunk=self.chunk,
            with_entropy=with_entropy,
        )
        return found.logprobs_BT, found.entropy_BT

    def within(self, work: Callable[[], None]) -> None:
        """Does the work; FSDP2 takes this for a forward, see `ranks.with_whole_weights`."""
        work()
