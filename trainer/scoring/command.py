"""What `trainer.score` does with its arguments; each gives the line that it ends with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.errors import UsageError, VocabError
from trainer.loop.ranks import joined
from trainer.mclp import MclpScorer
from trainer.model_codec import check_model_codec
from trainer.models import load_scorer, load_tokenizer
from trainer.scoring.pairs import FilePairs, ShardPairs, named_folders
from trainer.scoring.parts import score_parts, summary, there
from trainer.scoring.settings import ScoreSettings
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, step_audio_2

_BLOCK = 2**24  # bytes of weights hashed at a time


def pairs_of(
    path: str, candidates: Sequence[str], settings: ScoreSettings
) -> ShardPairs | FilePairs:
    """The pairs that the arguments name.

    Raises:
        UsageError: there are none.
    """
    if Path(path).is_dir():
        return ShardPairs(path, named_folders(candidates), settings.turns, settings.where)
    if candidates:
        raise UsageError("--candidates goes with a folder; a file of pairs names its own")
    return FilePairs(path, settings.pairs_per_part)


def plan(pairs: ShardPairs | FilePairs, output: str, settings: ScoreSettings) -> str:
    """What :func:`run` would do; loads no model."""
    done = len(there(output))
    return (
        f"would score {pairs.expected():,} pairs at most in {pairs.parts:,} parts with "
        f"{settings.model}; {done:,} parts are there already"
    )


def run(pairs: ShardPairs | FilePairs, output: str, settings: ScoreSettings) -> str:
    """Scores what is not finished.

    Raises:
        UsageError: the scorer cannot be loaded, its vocabulary is not for these codes, or the
            output has scores of something else.
        DataError: the input is damaged.
    """
    tokenizer = load_tokenizer(settings.model, "model")
    vocab = SpeechVocab.from_tokenizer(tokenizer, step_audio_2(settings.vocab.n_codes))
    for codec in pairs.codecs if isinstance(pairs, ShardPairs) else ():
        check_model_codec(settings.model, codec)
        if codec.cardinality != vocab.n_codes:
            raise VocabError(
                f"the scorer {settings.model} has {vocab.n_codes} codes, and {codec.short} are "
                f"{codec.cardinality}: tokenize with the scorer's speech tokenizer"
            )
    with joined(settings.device) as ranks:
        model = load_scorer(settings.model, settings.dtype, ranks.device)
        scorer = MclpScorer(model, Ta4Layout(vocab, tokenizer), settings.scorer)
        about = identity(settings.model, model, scorer)
        new = score_parts(pairs, scorer, about, output, settings.batch_pairs)
    return _line(output, new, summary(output, pairs.parts, about))


def identity(name: str, model: nn.Module, scorer: MclpScorer) -> Mapping[str, object]:
    """Everything that changes a score but the pair: the weights themselves, and how they are used.

    The name is not among it: the same weights in another folder are the same scorer.
    """
    return {**scorer.identity, "weights_sha256": weights_sha256(model)}


def weights_sha256(model: nn.Module) -> str:
    """Hash of all weights, with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        flat = weight.detach().contiguous().view(-1).view(torch.uint8)
        for block in flat.split(_BLOCK):
            digest.update(block.cpu().numpy().tobytes())
    return digest.hexdigest()


def _line(output: str, new: int, found: Mapping[str, Any]) -> str:
    means = ", ".join(f"{name} {mean:.4f}" for name, mean in found["mclp"].items())
    lost = ", ".join(f"{count:,} {reason}" for reason, count in found["rejected"].items())
    return f"{output}: {new:,} new pairs of {found['in']:,}; mean MCLP: {means or 'none'}" + (
        f"; without score: {lost}" if lost else ""
    )
