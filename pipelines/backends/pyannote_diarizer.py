"""pyannote.audio (MCLP 5.1): the paper's diarizer, as the library runs it.

The sound is passed in memory: the library's own decoder is not used. Its telemetry is switched off
before it is imported. Turns may overlap, where several speak at once.
"""

from __future__ import annotations

import importlib.metadata
import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.device import choose_device
from pipelines.backends.diarizer import ChunkDiarization, Voice
from pipelines.backends.media_settings import PyannoteSettings
from pipelines.backends.pyannote_files import PyannoteFiles, check_checkpoint, find_pipeline
from pipelines.errors import UsageError
from schemas.episode import SpeechTurn

_SAMPLE_RATE_HZ = 16_000  # of all its models; it resamples what is not
_VERSION = 1  # raise it when the same settings give other turns than before
_NO_TORCHCODEC = r"\s*torchcodec is not installed correctly"
_ONE_FRAME = r"std\(\): degrees of freedom is <= 0"  # of a voice that is heard in one frame only


class PyannoteDiarizer:
    """A :class:`pipelines.backends.diarizer.Diarizer`."""

    def __init__(self, settings: PyannoteSettings, device: Literal["auto", "cpu", "cuda"]) -> None:
        """Takes the settings; the pipeline is loaded with the first chunk."""
        self._settings, self._device = settings, device

    @property
    def name(self) -> str:
        """``pyannote:`` and the pipeline: its name, of a folder the last part."""
        pipeline = self._settings.pipeline
        return f"pyannote:{Path(pipeline).resolve().name if Path(pipeline).is_dir() else pipeline}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The library's version, and every file of the pipeline."""
        return {
            "backend": "pyannote",
            "pyannote_audio": importlib.metadata.version("pyannote.audio"),
            "files_sha256": self._sha256,
            "version": _VERSION,
        }

    @property
    def sample_rate_hz(self) -> int:
        """16,000."""
        return _SAMPLE_RATE_HZ

    @property
    def link_distance(self) -> float:
        """As the settings say."""
        return self._settings.link_distance

    def check(self) -> None:
        """Makes sure that the pipeline's files are there, downloading them where they are not.

        Raises:
            UsageError: they cannot be had, or a wanted GPU is not there.
        """
        choose_device(self._device)
        _ = self._files

    def diarize(self, samples: NDArray[np.float32]) -> ChunkDiarization:
        """Who speaks when.

        Raises:
            UsageError: the pipeline cannot be loaded.
        """
        if not len(samples):
            return ChunkDiarization((), {})
        import torch

        waveform = torch.from_numpy(np.ascontiguousarray(samples))[None]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _ONE_FRAME, UserWarning)
            found = self._pipeline(
                {"waveform": waveform, "sample_rate": _SAMPLE_RATE_HZ, "uri": "chunk"}
            )
        diarization = found.speaker_diarization
        turns = [
            _turn(segment.start, min(segment.end, len(samples) / _SAMPLE_RATE_HZ), str(label))
            for segment, _, label in diarization.itertracks(yield_label=True)
        ]
        vectors = found.speaker_embeddings
        voices: dict[str, Voice] = {}
        labels = [] if vectors is None else diarization.labels()
        for label, vector in zip(labels, vectors, strict=True) if labels else ():
            length = float(np.linalg.norm(vector))
            if np.isfinite(length) and length > 0:  # a speaker heard too little for a voice has 0
                voices[str(label)] = (vector / length).astype(np.float32)
        return ChunkDiarization(tuple(turn for turn in turns if turn.duration > 0), voices)

    @cached_property
    def _files(self) -> PyannoteFiles:
        return find_pipeline(self._settings.pipeline, self._settings.revision)

    @cached_property
    def _sha256(self) -> dict[str, str]:
        return self._files.sha256()

    @cached_property
    def _pipeline(self) -> Any:  # noqa: ANN401  (pyannote's, untyped)
        os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # it would report every call to its makers
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _NO_TORCHCODEC, UserWarning)
            from pyannote.audio import Pipeline
        import torch

        for checkpoint in self._files.checkpoints:
            check_checkpoint(checkpoint)
        folder = self._files.folder
        try:
            pipeline = Pipeline.from_pretrained(folder)
        except Exception as error:  # the library's own have no common class
            raise UsageError(
                f"{folder}: pyannote.audio cannot open it: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]}"
            ) from error
        if pipeline is None:
            raise UsageError(f"{folder}: pyannote.audio finds no pipeline in it")
        return pipeline.to(torch.device(choose_device(self._device)))


def _turn(start: float, end: float, label: str) -> SpeechTurn:
    first, last = round(max(start, 0.0), 3), round(end, 3)
    return SpeechTurn(start=first, duration=round(last - first, 3), speaker=label)
