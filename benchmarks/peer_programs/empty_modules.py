"""Empty packages in place of those that a peer imports and what is measured never uses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Thing:
    """A class or function of an empty module: can be called, subscripted and inherited from."""

    def __init__(self, *args: object, **options: object) -> None:
        """Keeps nothing."""

    def __class_getitem__(cls, item: object) -> type:
        return cls


class _Empty(ModuleType):
    """A module that has every name, each a class that does nothing."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Thing,), {})


class _Finder:
    """Finds empty modules for some packages and all that is in them."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in self._packages:
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leaves it empty."""


def put(*packages: str) -> None:
    """Whoever imports one of the packages, or what is in it, gets an empty module."""
    sys.meta_path.insert(0, _Finder(packages))
