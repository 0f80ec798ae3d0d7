"""Settings of the trainer: YAML files read strictly, with single values changed from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict

from trainer.errors import UsageError


class Strict(BaseModel):
    """No unknown keys, no coercion from text, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Settings = TypeVar("Settings", bound=BaseModel)


def load_settings(
    path: str | None, model: type[Settings], overrides: Sequence[str] = ()
) -> Settings:
    """Reads and checks a YAML file.

    Args:
        path: the file; None for one without any key.
        model: what it must be.
        overrides: changes to single values, ``optimiser.lr=1e-4``: a path of keys, and YAML.

    Raises:
        UsageError: the file is missing, not YAML, or has a missing, unknown or wrong key.
    """
    content = {} if path is None else _read(path)
    for override in overrides:
        _change(content, override)
    where = path or model.__name__
    try:
        # Through JSON, where lists are what YAML's lists are; strict Python wants tuples.
        text = json.dumps(content, default=str)
    except (TypeError, ValueError, RecursionError) as error:  # a date as a key, a list in itself
        raise UsageError(f"{where}: not settings as JSON can hold them: {error}") from error
    try:
        return model.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        steps = ".".join(str(step) for step in first["loc"])
        found = first["msg"].removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        key = f"{steps}: " if steps else ""
        raise UsageError(f"{where}: {key}{found}{more}") from error


def _read(path: str) -> dict[str, Any]:
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date of month 99, say
        line = " ".join(str(error).split())
        raise UsageError(f"{path}: not YAML: {line}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not a mapping of settings but {type(content).__name__}")
    return content


def _change(content: dict[str, Any], override: str) -> None:
    keys, equals, value = override.partition("=")
    steps = keys.strip().split(".")
    if not equals or not all(steps):
        raise UsageError(f"{override!r}: a change of a setting is KEY=VALUE, KEY like optimiser.lr")
    for step in steps[:-1]:
        if content.get(step) is None:  # a section that the file leaves out, or leaves empty
            content[step] = {}
        inner = content[step]
        if not isinstance(inner, dict):
            raise UsageError(f"{override!r}: {step} has a value, not settings of its own")
        content = inner
    try:
        content[steps[-1]] = yaml.load(value, _Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{override!r}: the value is not YAML") from error


class _Loader(yaml.SafeLoader):
    """YAML in which ``1e-5`` is a number, and a key may be there only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; a repeated key is an error and not the last one's win."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key!r} is there twice {node.start_mark}")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: list(resolvers) for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)
