"""MCLP: how likely the ground truth is as the continuation (MCLP 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from trainer.errors import LayoutError
from trainer.evaluating.case import ROLE_PLAY, Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.settings import MclpJudgeSettings
from trainer.evaluating.spoken import Sounds, Spoken
from trainer.mclp import MclpScorer, Pair
from trainer.models import load_scorer, load_tokenizer
from trainer.scoring.command import identity as scorer_identity
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab


class MclpJudge:
    """How likely the ground truth is behind what was spoken (MCLP 4.1)."""

    name = "mclp"
    fallible = False

    def __init__(self, settings: MclpJudgeSettings, device: str) -> None:
        """Loads the frozen scorer.

        Raises:
            UsageError: it is not there, or has not the speech tokens that the settings name.
        """
        tokenizer = load_tokenizer(settings.model, "score.mclp.model")
        vocab = SpeechVocab.from_tokenizer(tokenizer, settings.vocab.speech_names())
        model = load_scorer(settings.model, settings.dtype, torch.device(device))
        self._scorer = MclpScorer(model, Ta4Layout(vocab, tokenizer), settings.scorer)
        self._identity = scorer_identity(settings.model, model, self._scorer)
        about = self._scorer.identity
        template = str(about["template_sha256"])[:8]
        self.label = f"{settings.model}, {about['dtype']}, template {template}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The scorer and its weights."""
        return self._identity

    def wants(self, case: Case) -> bool:
        """Role play with a ground truth."""
        return case.task in ROLE_PLAY and bool(case.truth_codes)

    def depends(self, case: Case) -> Mapping[str, object]:
        """The words and the ground truth."""
        return {"text": case.text, "codes": case.truth_codes}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """The scores; one that cannot be read does not keep the others from theirs."""
        del sounds  # codes are judged, not sound
        found: list[Verdict] = [{} for _ in batch]
        readable: list[tuple[int, Pair]] = []
        for number, one in enumerate(batch):
            pair = Pair(one.case.text, one.codes, one.case.truth_codes)
            try:
                self._scorer.row(pair)
            except LayoutError as error:
                found[number] = {"why": str(error)}
                continue
            readable.append((number, pair))
        scores = self._scorer.score([pair for _, pair in readable]) if readable else []
        for (number, _), score in zip(readable, scores, strict=True):
            found[number] = {"value": score}
        return found
