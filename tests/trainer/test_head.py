from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from trainer.errors import UsageError
from trainer.head import causal_lm, hidden_states, output_head
from trainer.tiny import tiny_model

IDS = torch.tensor([[3, 1, 4, 1, 5, 9]])


def test_both_halves_make_the_model_s_logits() -> None:
    model = tiny_model(20)
    head = output_head(model)
    logits = hidden_states(model, IDS) @ head.weight_VD.T
    torch.testing.assert_close(logits, model(IDS).logits)
    assert head.bias_V is None


def test_adapters_are_in_and_can_be_switched_off() -> None:
    plain = tiny_model(20)
    before = hidden_states(plain, IDS).detach()
    adapted = get_peft_model(tiny_model(20), LoraConfig(r=2, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
    changed = hidden_states(adapted, IDS)
    assert not torch.allclose(changed, before, atol=1e-4)
    with adapted.disable_adapter():
        torch.testing.assert_close(hidden_states(adapted, IDS), before)
    assert type(causal_lm(adapted)) is type(plain)


def test_an_adapted_head_is_refused() -> None:
    adapted = get_peft_model(tiny_model(20), LoraConfig(r=2, target_modules=["lm_head"]))
    with pytest.raises(UsageError, match="leave lm_head out of the LoRA target modules"):
        output_head(adapted)


@pytest.mark.parametrize(
    ("name", "value"), [("final_logit_softcapping", 30.0), ("logit_scale", 0.5)]
)
def test_a_model_that_changes_its_logits_is_refused(name: str, value: float) -> None:
    model = tiny_model(20)
    setattr(model.config, name, value)
    with pytest.raises(UsageError, match=f"{name} = {value}"):
        output_head(model)


def test_a_head_of_another_kind_is_refused() -> None:
    model = tiny_model(20)
    model.lm_head = nn.Sequential(nn.Linear(64, 20))
    with pytest.raises(UsageError, match="Sequential, not a plain linear layer"):
        output_head(model)
