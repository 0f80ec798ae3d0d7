from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from trainer import projection
from trainer.head import Head
from trainer.logprobs import LogProbs, Support, selected_logprobs
from trainer.vocab import TokenClass

B, T, D, V = 3, 11, 16, 61


class Case:
    """Random hidden states, head and targets."""

    def __init__(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.hidden = torch.randn(B, T, D, generator=generator).to(dtype).requires_grad_()
        self.weight = torch.randn(V, D, generator=generator).to(dtype).requires_grad_()
        self.bias = torch.randn(V, generator=generator).to(dtype).requires_grad_()
        self.ids = torch.randint(0, V, (B, T), generator=generator)
        self.mask = torch.rand(B, T, generator=generator) > 0.4
        self.mask[:, 0] = False
        self.classes = 2 ** torch.randint(0, 4, (V,), generator=generator)
        self.classes = self.classes.to(torch.uint8)
        extra = torch.randint(0, 16, (B, T), generator=generator).to(torch.uint8)
        self.support = Support(self.classes[self.ids] | extra, self.classes)
        self.factors = torch.randn(2, B, T, generator=generator)

    def found(self, **options: object) -> LogProbs:
        return selected_logprobs(
            self.hidden,
            Head(self.weight, self.bias),
            self.ids,
            self.mask,
            with_entropy=True,
            **options,  # type: ignore[arg-type]
        )

    def naive(self, temperature: float = 1.0, support: Support | None = None) -> LogProbs:
        """All logits, and float32 log_softmax over them."""
        logits = (self.hidden @ self.weight.T + self.bias).float()[:, :-1] / temperature
        if support is not None:
            closed = (support.sets_BT[:, 1:, None] & support.classes_V) == 0
            logits = logits.masked_fill(closed, -1e30)
        logprobs = logits.log_softmax(-1)
        entropy = -(logprobs.exp() * logprobs.clamp(min=-1e5)).sum(-1)
        selected = logprobs.gather(-1, self.ids[:, 1:, None])[..., 0]
        mask = self.mask[:, 1:]
        first = torch.zeros(B, 1)
        return LogProbs(
            torch.cat([first, torch.where(mask, selected, 0.0)], 1),
            torch.cat([first, torch.where(mask, entropy, 0.0)], 1),
        )

    def grads(self, found: LogProbs) -> list[Tensor]:
        """Of a random mix of log-probs and entropies."""
        assert found.entropy_BT is not None
        mixed = self.factors[0] * found.logprobs_BT + self.factors[1] * found.entropy_BT
        return list(torch.autograd.grad(mixed.sum(), (self.hidden, self.weight, self.bias)))


@pytest.fixture(params=[5, 8192], ids=["many blocks", "one block"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(projection, "BLOCK", request.param)
    yield


@pytest.mark.parametrize("supported", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("chunk", [1, 4, 1024])
@pytest.mark.usefixtures("block")
def test_it_is_the_naive_log_softmax_with_its_gradients(
    supported: bool, temperature: float, chunk: int
) -> None:
    case = Case()
    support = case.support if supported else None
    ours = case.found(temperature=temperature, support=support, chunk=chunk)
    naive = case.naive(temperature, support)
    assert ours.entropy_BT is not None and naive.entropy_BT is not None
    torch.testing.assert_close(ours.logprobs_BT, naive.logprobs_BT, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.entropy_BT, naive.entropy_BT, rtol=0, atol=1e-5)
    for one, other in zip(case.grads(ours), case.grads(naive), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_without_entropy_the_gradients_of_log_probs_are_the_same() -> None:
    case = Case(1)
    found = selected_logprobs(case.hidden, Head(case.weight), case.ids, case.mask)
    assert found.entropy_BT is None
    ours = torch.autograd.grad(
        (case.factors[0] * found.logprobs_BT).sum(), (case.hidden, case.weight)
    )
    case.bias = torch.zeros(V)
    naive = torch.autograd.grad(
        (case.factors[0] * case.naive().logprobs_BT).sum(), (case.hidden, case.weight)
    )
    for one, other in zip(ours, naive, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_a_frozen_head_gets_no_gradient() -> None:
    case = Case()
    case.weight.requires_grad_(False)
    case.bias.requires_grad_(False)
    case.found().logprobs_BT.sum().backward()
    assert case.weight.grad is None and case.bias.grad is None
    assert case.hidden.grad is not None and bool(case.hidden.grad.abs().sum() > 0)


def test_prompts_and_padding_have_no_influence() -> None:
    case = Case()
    before = case.found(support=case.support)
    grads = case.grads(before)
    with torch.no_grad():
        # Everything that is not looked at: ids that are no target, and states before no target.
        case.ids[~case.mask] = (case.ids[~case.mask] + 7) % V
        predicts = torch.zeros_like(case.mask)
        predicts[:, :-1] = case.mask[:, 1:]
        case.hidden[~predicts] = float("nan")
        case.support.sets_BT[~case.mask] = 0
    after = case.found(support=case.support)
    assert torch.equal(before.logprobs_BT, after.logprobs_BT)
    for one, other in zip(grads, case.grads(after), strict=True):
        assert torch.equal(one, other)
    assert bool((after.logprobs_BT[~case.mask] == 0).all())


def test_a_support_makes_the_probabilities_inside_it_sum_to_one() -> None:
    case = Case()
    row = selected_logprobs(
        case.hidden[:1, :1].expand(1, V, D).flatten(0, 1)[:, None].expand(V, 2, D),
        Head(case.weight, case.bias),
        torch.stack([torch.zeros(V, dtype=torch.long), torch.arange(V)], 1),
        torch.tensor([[False, True]]).expand(V, 2) & (case.classes[:, None] & 5 != 0),
        support=Support(torch.full((V, 2), 5, dtype=torch.uint8), case.classes),
    )
    probabilities = row.logprobs_BT[:, 1].detach().exp()[case.classes & 5 != 0]
    assert float(probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
    assert 0 < len(probabilities) < V


def test_in_bfloat16_the_softmax_is_still_that_of_float32() -> None:
    """The trap: a log-softmax in bfloat16 is off by more than MCLP's decisive difference of 0.1."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(1, 65, 64, generator=generator)
    weight = torch.randn(6562, 64, generator=generator) * 0.3
    ids = torch.randint(0, 6562, (1, 65), generator=generator)
    mask = torch.ones(1, 65, dtype=torch.bool)
    mask[:, 0] = False
    exact = selected_logprobs(hidden.bfloat16().float(), Head(weight.bfloat16().float()), ids, mask)
    ours = selected_logprobs(hidden.bfloat16(), Head(weight.bfloat16()), ids, mask)
    cast = selected_logprobs(hidden.bfloat16().float(), Head(weight.bfloat16()), ids, mask)
    logits = hidden.bfloat16() @ weight.bfloat16().T
    all_bf16 = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0].float()

    def error(found: Tensor) -> float:
        return float((found - exact.logprobs_BT)[:, 1:].abs().mean())

    assert ours.logprobs_BT.dtype == torch.float32
    assert error(cast.logprobs_BT) < 1e-5  # float32 states give float32 logits
    assert error(ours.logprobs_BT) < 5e-3  # bfloat16 logits, float32 softmax
    assert error(torch.cat([torch.zeros(1, 1), all_bf16], 1)) > 1e-2
    assert abs(float((ours.logprobs_BT - exact.logprobs_BT)[:, 1:].mean())) < 1e-3  # as MCLP does


def test_gradients_of_bfloat16_are_close_and_in_its_type() -> None:
    exact, low = Case(), Case(dtype=torch.bfloat16)
    for name in ("hidden", "weight", "bias"):
        rounded = getattr(low, name).detach().float().requires_grad_()
        setattr(exact, name, rounded)
    for one, other in zip(low.grads(low.found()), exact.grads(exact.found()), strict=True):
        assert one.dtype == torch.bfloat16
        torch.testing.assert_close(one.float(), other, rtol=0.05, atol=0.1)


def test_under_autocast_the_projection_stays_in_the_type_of_the_states() -> None:
    case = Case()
    plain = case.found()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = case.found()
    assert torch.equal(plain.logprobs_BT, under.logprobs_BT)


def test_no_targets_at_all_give_zeros_and_a_backward_pass() -> None:
    case = Case()
    case.mask[:] = False
    found = case.found()
    assert bool((found.logprobs_BT == 0).all())
    assert all(bool((one == 0).all()) for one in case.grads(found))


def test_what_cannot_be_is_an_error() -> None:
    case = Case()
    head = Head(case.weight, case.bias)
    first = case.mask.clone()
    first[1, 0] = True
    with pytest.raises(ValueError, match="sequence 1 begins with a target"):
        selected_logprobs(case.hidden, head, case.ids, first)
    with pytest.raises(ValueError, match=f"not in 0..{V - 1}"):
        selected_logprobs(case.hidden, head, case.ids + V, case.mask)
    with pytest.raises(ValueError, match="temperature is 0"):
        case.found(temperature=0.0)
    with pytest.raises(ValueError, match="chunk is 0"):
        case.found(chunk=0)
    none = Support(torch.zeros(B, T, dtype=torch.uint8), case.classes)
    with pytest.raises(ValueError, match="not in its own support"):
        case.found(support=none)


def test_one_class_of_few_ids_is_projected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes constrained training cheap: 6,562 codes are projected, not 158,720 ids."""
    classes = torch.full((V,), int(TokenClass.TEXT), dtype=torch.uint8)
    classes[40:50] = int(TokenClass.CODE)
    case = Case()
    case.ids = torch.randint(40, 50, (B, T))
    widths: list[int] = []
    project = projection._Blocks.block

    def record(self: object, part: object, rows: object, columns: Tensor, weight: Tensor) -> object:
        widths.append(len(weight))
        return project(self, part, rows, columns, weight)  # type: ignore[arg-type]

    monkeypatch.setattr(projection._Blocks, "block", record)
    sets = torch.full((B, T), int(TokenClass.CODE), dtype=torch.uint8)
    case.found(support=Support(sets, classes))
    assert widths == [10]
