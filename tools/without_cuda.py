"""Makes torchaudio and torchvision work beside a CPU build of PyTorch, in this environment only.

The registry has both as CUDA builds alone. Their libraries want libcudart and a CUDA PyTorch: the
import of torchaudio fails, and with it that of transformers, peft and pyannote; torchvision's fails
for want of an operator. Without the libraries both run on plain Python. What is lost: torchaudio's
`forced_align` and `rnnt_loss`, torchvision's image decoders and `nms`. With a CUDA build of PyTorch
nothing is touched.

    .venv/bin/python tools/without_cuda.py
"""

import importlib.util
import sys
from pathlib import Path

# torchvision describes nms to the compiler at import, so that at least its name must be known.
OPERATORS = """

# Added by tools/without_cuda.py: the names of operators that the removed library defined.
torch.library.define("torchvision::nms", "(Tensor dets, Tensor scores, float t) -> Tensor")
torch.library.define(
    "torchvision::qnms", "(Tensor dets, Tensor scores, float t) -> Tensor"
)
"""


def main() -> int:
    """Changes the two packages if PyTorch was built without CUDA; returns the exit status."""
    import torch

    if torch.version.cuda is not None:
        print("PyTorch has CUDA: nothing to do")
        return 0
    for library in sorted((folder_of("torchaudio") / "lib").glob("*.so")):
        print(f"removing {library}")
        library.unlink()
    vision = folder_of("torchvision")
    for library in sorted(vision.glob("*.so")):
        print(f"removing {library}")
        library.unlink()
    extension = vision / "extension.py"
    text = extension.read_text(encoding="utf-8")
    if OPERATORS not in text:
        extension.write_text(text + OPERATORS, encoding="utf-8")
    return 0


def folder_of(package: str) -> Path:
    """Where a package of this environment lies; it is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


if __name__ == "__main__":
    sys.exit(main())
