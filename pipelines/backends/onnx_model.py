"""A small ONNX model on the CPU, one thread: the parallel work is that of Beam's workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def load_onnx(path: Path, inputs: Sequence[str]) -> InferenceSession:
    """The model, ready to run.

    Args:
        path: of the ``.onnx`` file.
        inputs: the names that its inputs must have.

    Raises:
        UsageError: the file is not a model that onnxruntime reads, or is another model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own have no public base class
        raise UsageError(f"{path}: not a model that onnxruntime reads: {error}") from error
    found = [one.name for one in session.get_inputs()]
    if found != list(inputs):
        raise UsageError(f"{path}: another model: its inputs are {found}, not {list(inputs)}")
    return session
