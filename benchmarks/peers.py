"""Loads one pure function of a peer whose package needs far more than that function does.

A peer is looked for among the installed packages, then in `build/peers`, where it can be put
without what it depends on: `pip install --no-deps --target build/peers whisperx nemo-curator`.
Modules that only its other functions use are replaced by empty ones while it is imported. Nothing
is skipped silently: a benchmark prints why a peer is missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[1] / "build" / "peers"


class PeerMissing(Exception):
    """The peer is not installed; the message says how to install it."""


class _Empty(ModuleType):
    """A module that has every name, each a class that does nothing."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__class_getitem__": classmethod(lambda cls, _: cls)})


def load(package: str, module: str, function: str, unused: Sequence[str]) -> Callable[..., Any]:
    """The function, from a module imported with ``unused`` modules left out where not installed.

    Raises:
        PeerMissing: the package is not there, or its module has no such function.
    """
    name = module.split(".")[0]
    if importlib.util.find_spec(name) is None and FOLDER.is_dir():
        sys.path.append(str(FOLDER))
    if importlib.util.find_spec(name) is None:
        raise PeerMissing(f"not installed: pip install --no-deps --target build/peers {package}")
    replaced = [one for one in unused if _is_missing(one)]
    for one in replaced:
        sys.modules[one] = _Empty(one)
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise PeerMissing(f"{module}.{function} cannot be imported: {error}") from error
    finally:
        for one in replaced:
            del sys.modules[one]
    return found


def _is_missing(module: str) -> bool:
    if module in sys.modules:
        return False
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:  # of its parent
        return True
