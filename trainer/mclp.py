"""MCLP: how likely the ground truth's speech is after the candidate's (MCLP 4.1, eq. 1).

    MCLP(z_eval, z_gt) = mean over the audio tokens of z_gt of log p(z_k | w, z_eval, w, z_<k)

w is the transcript that both say, z its speech in TA4 tokens. The closer the candidate's style is
to the ground truth's, the likelier the ground truth is as its continuation. Nats a token, below 0;
higher is better. A difference of 0.1 decides (6.3), so nothing here may be off by more than 0.001.

Where it is fast: the head is used for the ground truth's audio tokens only, for those of many pairs
at once; there is no padding; equal pairs are scored once. Only `w` could be shared
between the candidates of one ground truth, since z_gt comes after z_eval: nothing is gained there.

What the paper leaves open is in `MclpSettings`; see docs/adr/0021-mclp-choices.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from trainer.errors import LayoutError
from trainer.head import causal_lm, hidden_states, output_head
from trainer.logprobs import CHUNK, token_logprobs
from trainer.packing import Pack, bins, check_packable
from trainer.settings import Strict
from trainer.tokens.ta4 import Ta4Layout

Delimiters = Literal["markers", "chat", "none"]
# What stands around the four parts. S and E begin and end speech, {w} is the transcript.
_TEMPLATES: dict[Delimiters, tuple[str, str]] = {
    "markers": ("{w}<S>", "<E>{w}<S>"),
    "chat": (
        "<B>human\n{w}<T><B>assistant\n<S>",
        "<E><T><B>human\n{w}<T><B>assistant\n<S>",
    ),
    "none": ("{w}", "{w}"),
}
_GPU_PACK_TOKENS = 4096


class MclpSettings(Strict):
    """What the paper leaves open, and how it is computed."""

    # What stands between w, z_eval, w and z_gt: the speech markers; whole turns of a chat, each
    # transcript one of the human; nothing.
    delimiters: Delimiters = "markers"
    count_audio_pads: bool = False  # whether the pads of z_gt are audio tokens in the mean
    # Logits in float32 whatever the model's weights are: rounding them to bfloat16 costs 4e-4.
    float32_head: bool = True
    # Tokens of one forward pass; None: a pair at a time on a CPU, 4096 on a GPU.
    pack_tokens: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate and the ground truth it is held against."""

    transcript: str
    candidate: tuple[int, ...]  # codes
    truth: tuple[int, ...]  # codes
    # Token ids as they were sampled, without the ends of speech and turn: the candidate is then
    # scored as it is, malformed or not, and not put together again from transcript and codes.
    raw: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A pair as tokens, up to the last that counts."""

    ids: tuple[int, ...]
    counted: tuple[int, ...]  # positions of the ground truth's audio tokens


@dataclass(slots=True)
class _Waiting:
    """Targets whose hidden states are known, until there are enough for the head."""

    hidden: list[Tensor] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # whose target it is


class MclpScorer:
    """Scores pairs with a frozen model. Never part of a policy that is wrapped or sharded."""

    def __init__(
        self, model: nn.Module, layout: Ta4Layout, settings: MclpSettings | None = None
    ) -> None:
        """Takes a pre-trained speech model and its tokenizer's layout.

        Args:
            model: a causal LM; bfloat16 or float32, on any device. It is put into eval mode.
            layout: TA4, for the model's own tokenizer.
            settings: see `MclpSettings`.

        Raises:
            VocabError: the model has fewer ids than the tokenizer.
            UsageError: the head or attention of the model is of a kind that is not known.
        """
        self._model = model.eval()
        self._layout = layout
        self._settings = settings or MclpSettings()
        head = output_head(model)
        layout.vocab.check_rows(head.weight_VD.shape[0])
        check_packable(model)
        self._head = head
        self._device = head.weight_VD.device

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything a score depends on but model and pair; to be reported with it."""
        before, between = _TEMPLATES[self._settings.delimiters]
        template = f"{before}|z_eval|{between}|z_gt"
        return {
            "delimiters": self._settings.delimiters,
            "template_sha256": hashlib.sha256(template.encode()).hexdigest(),
            "count_audio_pads": self._settings.count_audio_pads,
            "dtype": str(self._head.weight_VD.dtype).removeprefix("torch."),
            "head_dtype": "float32" if self._settings.float32_head else "model",
        }

    def row(self, pair: Pair) -> Row:
        """A pair as tokens.

        Raises:
            LayoutError: candidate or ground truth has no codes or one out of range, or the
                transcript is empty or holds the name of a special token.
        """
        layout, vocab = self._layout, self._layout.vocab
        before, between = (self._fill(part, pair) for part in _TEMPLATES[self._settings.delimiters])
        words = vocab.to_text(layout.tokenizer, pair.transcript, "transcript")
        candidate = pair.raw
        if candidate is None:
            candidate = tuple(layout.groups(words, pair.candidate))
        elif not candidate or not all(0 <= token_id < vocab.size for token_id in candidate):
            raise LayoutError("the candidate has no tokens, or an id that the tokenizer has not")
        context = [*before, *candidate, *between]
        truth = layout.groups(words, pair.truth)
        counted = [
            len(context) + index
            for index, token_id in enumerate(truth)
            if vocab.is_code(token_id)
            or (self._settings.count_audio_pads and token_id == vocab.audio_pad_id)
        ]
        return Row(tuple(context + truth)[: counted[-1] + 1], tuple(counted))

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """MCLP of each pair, in order.

        What else is scored with a pair changes its score by float32 noise at most; equal pairs
        have the same score exactly.

        Raises:
            LayoutError: a pair cannot be scored, see `row`, or is longer than the model's
                positions; the message names it by its index.
        """
        rows = [self._checked_row(number, pair) for number, pair in enumerate(pairs)]
        different = list(dict.fromkeys(rows))
        scores = dict(zip(different, self._score(different), strict=True))
        return [scores[row] for row in rows]

    @torch.inference_mode()
    def _score(self, rows: Sequence[Row]) -> list[float]:
        scores = [0.0] * len(rows)
        waiting = _Waiting()
        for together in self._packs(rows):
            pack = Pack.of([rows[index].ids for index in together], self._device)
            hidden_1ND = hidden_states(
                self._model, pack.ids_1N, position_ids_BT=pack.position_ids_1N
            )
            before: list[int] = []  # the state at the token before predicts it
            for index, start in zip(together, pack.starts, strict=True):
                row = rows[index]
                before += [start + position - 1 for position in row.counted]
                waiting.ids += [row.ids[position] for position in row.counted]
                waiting.rows += [index] * len(row.counted)
            waiting.hidden.append(hidden_1ND[0, torch.tensor(before, device=self._device)])
            if len(waiting.ids) >= CHUNK:
                self._add(waiting, scores)
                waiting = _Waiting()
        if waiting.ids:
            self._add(waiting, scores)
        return [score / len(row.counted) for score, row in zip(scores, rows, strict=True)]

    def _add(self, waiting: _Waiting, scores: list[float]) -> None:
        hidden_ND = torch.cat(waiting.hidden)
        if self._settings.float32_head:
            hidden_ND = hidden_ND.float()
        ids_N = torch.tensor(waiting.ids, device=self._device)
        logprobs_N, _ = token_logprobs(hidden_ND, self._head, ids_N)
        for row, logprob in zip(waiting.rows, logprobs_N.tolist(), strict=True):
            scores[row] += logprob

    def _packs(self, rows: Sequence[Row]) -> list[list[int]]:
        limit = self._settings.pack_tokens
        if limit is None:
            limit = 1 if self._device.type == "cpu" else _GPU_PACK_TOKENS
        return list(bins([len(row.ids) for row in rows], limit))

    def _checked_row(self, number: int, pair: Pair) -> Row:
        try:
            row = self.row(pair)
        except LayoutError as error:
            raise LayoutError(f"pair {number}: {error}", error.position) from error
        inner: Any = causal_lm(self._model)
        limit = getattr(inner.config, "max_position_embeddings", None)
        if limit is not None and len(row.ids) > limit:
            raise LayoutError(
                f"pair {number}: {len(row.ids)} tokens, and the model has {limit} positions: leave "
                "speech that long out"
            )
        return row

    def _fill(self, template: str, pair: Pair) -> list[int]:
        """A template's tokens; markers become ids here, not in text, so none can be slipped in."""
        vocab = self._layout.vocab
        markers = {
            "S": vocab.start_id,
            "E": vocab.end_id,
            "B": vocab.turn_start_id,
            "T": vocab.turn_end_id,
        }
        ids: list[int] = []
        for piece in template.replace("<", "\0").replace(">", "\0").split("\0"):
            marker = markers.get(piece)
            if marker is not None:
                ids.append(marker)
            elif piece:
                text = piece.replace("{w}", pair.transcript)
                ids += vocab.to_text(self._layout.tokenizer, text, "transcript")
        return ids
