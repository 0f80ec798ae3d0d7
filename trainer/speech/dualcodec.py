"""DualCodec: the semantic codes that FlexiVoice speaks in (FlexiVoice A.1), from its own package.

Needs `pip install dualcodec==0.4.2` and two models: DualCodec's and w2v-bert-2.0. Both are given as
folders, or come from the hub by name. The paper does not say which frame rate it used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from manifests.codec import CodecIdentity
from trainer.errors import DataError, UsageError
from trainer.speech.tokenizer import NotInvertible

FRAME_RATES = {"12hz_v1": 12.5, "25hz_v1": 25.0}  # Hz, by model id
_HUB, _HUB_W2V = "hf://amphion/dualcodec", "hf://facebook/w2v-bert-2.0"
_SAMPLE_RATE = 24000
_CARDINALITY = 16384  # of the semantic codebook, of both models
_SHORTEST = _SAMPLE_RATE // 10  # samples; below this w2v-bert has no frame to give


class DualCodecTokenizer:
    """The semantic codebook of DualCodec, frozen."""

    frame_rate: float
    sample_rate = _SAMPLE_RATE
    cardinality = _CARDINALITY
    num_codebooks = 1

    def __init__(
        self,
        model_id: str,
        device: str,
        folder: str | None = None,
        w2v_folder: str | None = None,
    ) -> None:
        """Loads both models.

        Args:
            model_id: `12hz_v1` or `25hz_v1`.
            device: where they run; half precision, as the package has it.
            folder: with DualCodec's weights; None: the hub.
            w2v_folder: with w2v-bert-2.0; None: the hub.

        Raises:
            UsageError: the package or the weights are missing, or no model has this id.
        """
        if model_id not in FRAME_RATES:
            raise UsageError(
                f"dualcodec:{model_id}: no such model; there are {sorted(FRAME_RATES)}"
            )
        try:
            import dualcodec
            from cached_path import cached_path
            from dualcodec.infer.dualcodec.get_model import model_id_to_fname
        except ImportError as error:
            raise UsageError(
                f"dualcodec:{model_id} needs a package that is not installed ({error}): "
                "pip install dualcodec==0.4.2, or use a fitted codec, kmeans:PATH"
            ) from error
        try:
            where = folder or _HUB
            weights = Path(cached_path(where)) / model_id_to_fname[model_id]
            with weights.open("rb") as stream:
                fingerprint = hashlib.file_digest(stream, "sha256").hexdigest()
            model = dualcodec.get_model(model_id, where)
            self._inference: Any = dualcodec.Inference(
                dualcodec_model=model,
                dualcodec_path=where,
                w2v_path=w2v_folder or _HUB_W2V,
                device=device,
            )
        except (OSError, ValueError, RuntimeError) as error:
            line = " ".join(str(error).split())
            raise UsageError(
                f"dualcodec:{model_id}: its weights cannot be had ({line}): name their folders "
                "with weights.dualcodec and weights.w2v_bert"
            ) from error
        self.name = f"dualcodec:{model_id}"
        self.frame_rate = FRAME_RATES[model_id]
        self.identity = CodecIdentity(
            name=self.name,
            frame_rate=self.frame_rate,
            sample_rate=_SAMPLE_RATE,
            cardinality=_CARDINALITY,
            num_codebooks=1,
            fingerprint=fingerprint,
        )

    @torch.inference_mode()
    def encode(self, audio: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Semantic codes, one stretch at a time: the package's batches have no padding mask."""
        codes = []
        for one in audio:
            if len(one) < _SHORTEST:
                codes.append(torch.empty(0, dtype=torch.int64))
                continue
            semantic, _ = self._inference.encode(one[None, None, :], n_quantizers=1)
            codes.append(_row(semantic))
        return codes

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Semantic codes alone are no audio: DualCodec's own decoder needs the acoustic ones.

        Raises:
            NotInvertible: always. The paper decodes with flow matching and a vocoder of its own.
        """
        raise NotInvertible(
            f"{self.name}: semantic codes become audio only with FlexiVoice's flow matching and "
            "vocoder (A.1); give a decoder of that kind to what needs audio"
        )


def _row(semantic_B1T: torch.Tensor) -> torch.Tensor:
    row = semantic_B1T.reshape(-1).long().cpu()
    if len(row) and not (0 <= int(row.min()) and int(row.max()) < _CARDINALITY):
        raise DataError(f"DualCodec gave a code outside 0..{_CARDINALITY - 1}: other weights?")
    return row
