from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from tests.trainer.layouts import CODES, append, ta4
from trainer.errors import LayoutError, UsageError, VocabError
from trainer.logprobs import token_logprobs
from trainer.mclp import Delimiters, MclpScorer, MclpSettings, Pair
from trainer.tiny import tiny_model

WORDS = ("Go.", "你来了", "What are you waiting for", "a")


def model(seed: int = 0, **sizes: Any) -> LlamaForCausalLM:  # noqa: ANN401
    return tiny_model(ta4().vocab.size, seed=seed, **sizes)


def pairs(count: int = 6, seed: int = 0) -> list[Pair]:
    """Speech of very different lengths, where text or speech runs out first."""
    chance = random.Random(seed)

    def speech() -> tuple[int, ...]:
        return tuple(chance.randrange(CODES) for _ in range(chance.randint(1, 40)))

    return [Pair(WORDS[i % len(WORDS)], speech(), speech()) for i in range(count)]


def naive(
    scorer_model: LlamaForCausalLM,
    pair: Pair,
    *,
    delimiters: Delimiters = "markers",
    count_pads: bool = False,
) -> float:
    """Eq. 1 as one would write it down: one pair, all logits, log_softmax, pick, mean."""
    layout = ta4()
    by_name = layout.tokenizer.get_vocab()

    def text(words: str) -> list[int]:
        return layout.tokenizer.encode(words, add_special_tokens=False)

    w = text(pair.transcript)
    z_eval = list(pair.raw) if pair.raw is not None else layout.groups(w, pair.candidate)
    z_gt = layout.groups(w, pair.truth)
    start, end = by_name["<tts_start>"], by_name["<tts_end>"]
    begin, over = by_name["<|BOT|>"], by_name["<|EOT|>"]
    ask = [begin, *text("human\n" + pair.transcript), over, begin, *text("assistant\n"), start]
    history = {
        "markers": [*w, start, *z_eval, end, *w, start],
        "chat": [*ask, *z_eval, end, over, *ask],
        "none": [*w, *z_eval, *w],
    }[delimiters]
    ids = torch.tensor([history + z_gt])
    with torch.no_grad():
        logprobs = scorer_model(ids).logits.float().log_softmax(-1)
    total, count = 0.0, 0
    for position in range(len(history), ids.shape[1]):
        token = int(ids[0, position])
        is_code = by_name["<audio_0>"] <= token <= by_name["<audio_15>"]
        if is_code or (count_pads and token == by_name["<audio_16>"]):
            total += float(logprobs[0, position - 1, token])
            count += 1
    return total / count


@pytest.mark.parametrize("delimiters", ["markers", "chat", "none"])
@pytest.mark.parametrize("count_pads", [False, True])
def test_it_is_the_naive_loop(delimiters: Delimiters, count_pads: bool) -> None:
    settings = MclpSettings(delimiters=delimiters, count_audio_pads=count_pads)
    found = MclpScorer(model(), ta4(), settings).score(pairs())
    expected = [
        naive(model(), pair, delimiters=delimiters, count_pads=count_pads) for pair in pairs()
    ]
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("pack_tokens", [1, 150, 100_000])
def test_many_at_once_are_what_each_is_alone(attention: str, pack_tokens: int) -> None:
    scoring = model()
    scoring.set_attn_implementation(attention)
    alone = MclpScorer(scoring, ta4(), MclpSettings(pack_tokens=1))
    together = MclpScorer(scoring, ta4(), MclpSettings(pack_tokens=pack_tokens))
    expected = [alone.score([pair])[0] for pair in pairs(9)]
    assert together.score(pairs(9)) == pytest.approx(expected, abs=1e-5)


def test_a_pack_is_one_forward_pass_without_padding() -> None:
    scoring, shapes = model(), list[tuple[int, ...]]()
    scoring.model.register_forward_pre_hook(
        lambda _, __, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    scorer = MclpScorer(scoring, ta4(), MclpSettings(pack_tokens=100_000))
    scorer.score(pairs())
    assert shapes == [(1, sum(len(scorer.row(pair).ids) for pair in pairs()))]


def test_equal_pairs_are_scored_once_and_exactly_equal() -> None:
    scoring, passes = model(), list[int]()
    scoring.model.register_forward_pre_hook(lambda *_: passes.append(1))
    one, other = pairs(2)
    found = MclpScorer(scoring, ta4()).score([one, other, one, one])
    assert len(passes) == 2
    assert found[0] == found[2] == found[3] != found[1]
    assert MclpScorer(scoring, ta4()).score([]) == []


def test_the_head_is_used_for_ground_truth_audio_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def record(hidden: torch.Tensor, head: Any, ids: torch.Tensor) -> Any:  # noqa: ANN401
        seen.extend(ids.tolist())
        return token_logprobs(hidden, head, ids)

    monkeypatch.setattr("trainer.mclp.token_logprobs", record)
    (pair,) = pairs(1)
    MclpScorer(model(), ta4()).score([pair])
    assert seen == ta4().vocab.to_ids(pair.truth)


def test_pads_do_not_count_unless_asked_for() -> None:
    """The trap: three pads in the last group are easy to predict and would lift the mean."""
    pair = Pair("a", (1, 2, 3, 4), (5, 6, 7, 8, 9))
    plain = MclpScorer(model(), ta4())
    padded = MclpScorer(model(), ta4(), MclpSettings(count_audio_pads=True))
    assert len(plain.row(pair).counted) == 5
    assert len(padded.row(pair).counted) == 8
    assert plain.row(pair).ids[-1] == ta4().vocab.first_code_id + 9  # nothing after what counts
    assert plain.score([pair]) != padded.score([pair])


def test_a_raw_candidate_is_scored_as_it_was_sampled() -> None:
    layout = ta4()
    pair = pairs(1)[0]
    words = layout.tokenizer.encode(pair.transcript, add_special_tokens=False)
    whole = layout.groups(words, pair.candidate)
    scorer = MclpScorer(model(), layout)
    same = Pair(pair.transcript, (), pair.truth, raw=tuple(whole))
    broken = Pair(pair.transcript, pair.candidate, pair.truth, raw=tuple(whole[1:]))
    assert scorer.score([same]) == scorer.score([pair])
    assert scorer.score([broken]) == pytest.approx([naive(model(), broken)], abs=1e-5)
    assert scorer.score([broken]) != scorer.score([pair])


def test_a_candidate_like_the_truth_is_better_once_a_model_has_learned_to_continue() -> None:
    """What the score is for: a model that copies finds the truth likelier after itself."""
    torch.manual_seed(0)
    scoring, layout = model(hidden=64, layers=2), ta4()
    scorer = MclpScorer(scoring, layout)
    optimiser = torch.optim.AdamW(scoring.parameters(), lr=3e-3)
    chance = random.Random(1)
    for _ in range(60):  # speech of one voice: a few codes of its own, over and over
        rows = []
        for _ in range(8):
            own = chance.sample(range(CODES), 2)
            first, second = (tuple(chance.choice(own) for _ in range(8)) for _ in "ab")
            rows.append(scorer.row(Pair("ab", first, second)).ids)
        ids = torch.tensor(rows)
        loss = scoring(ids, labels=ids).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    truth = (3, 3, 9, 3, 9, 9, 3, 3)
    alike, unlike = (9, 3, 3, 9, 3, 9, 9, 3), (1, 6, 1, 1, 6, 6, 1, 6)
    near, far = scorer.score([Pair("ab", alike, truth), Pair("ab", unlike, truth)])
    assert near > far + 0.3


def test_bfloat16_weights_are_off_by_less_than_the_bar() -> None:
    """The decisive difference is 0.1; the bar is 1e-3 from float32 on the same weights."""
    low = model().bfloat16()
    exact = model()
    exact.load_state_dict({name: one.float() for name, one in low.state_dict().items()})
    many = pairs(12, seed=3)
    found = MclpScorer(low, ta4()).score(many)
    expected = MclpScorer(exact, ta4()).score(many)
    assert found == pytest.approx(expected, abs=1e-3)
    assert MclpScorer(low, ta4()).identity["dtype"] == "bfloat16"


def test_what_a_score_depends_on_is_reported() -> None:
    plain = MclpScorer(model(), ta4()).identity
    assert plain["dtype"] == plain["head_dtype"] == "float32"
    assert plain["delimiters"] == "markers" and plain["count_audio_pads"] is False
    chat = MclpScorer(model(), ta4(), MclpSettings(delimiters="chat")).identity
    assert plain["template_sha256"] != chat["template_sha256"]
    packed = MclpScorer(model(), ta4(), MclpSettings(pack_tokens=9)).identity
    assert packed == plain  # how it is computed is no part of it


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (Pair("a", (1,), ()), "pair 1: the speech has no codes"),
        (Pair("a", (), (1,)), "pair 1: the speech has no codes"),
        (Pair("", (1,), (1,)), "pair 1: the speech has no text"),
        (Pair("a", (1, 99), (1,)), "pair 1: code 99 at position 1"),
        (Pair("a<tts_end>", (1,), (1,)), "pair 1: .*special token"),
        (Pair("a", (), (1,), raw=()), "pair 1: the candidate has no tokens"),
        (Pair("a", (), (1,), raw=(10**6,)), "pair 1: the candidate has no tokens, or an id"),
        (Pair("a", (1,) * 20_000, (1,)), "pair 1: .*the model has 16384 positions"),
    ],
)
def test_a_pair_that_cannot_be_scored_is_named(pair: Pair, words: str) -> None:
    with pytest.raises(LayoutError, match=words):
        MclpScorer(model(), ta4()).score([Pair("a", (1,), (1,)), pair])


def test_a_model_that_does_not_fit_is_refused() -> None:
    with pytest.raises(VocabError, match="rows of embeddings"):
        MclpScorer(tiny_model(ta4().vocab.size - 1), ta4())
    strange = model()
    strange.config._attn_implementation = "paged"
    with pytest.raises(UsageError, match="attention is 'paged'"):
        MclpScorer(strange, ta4())
    with pytest.raises(VocabError):
        MclpScorer(tiny_model(append().vocab.size - 100), ta4())
