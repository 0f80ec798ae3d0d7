"""What a stage with a model and a store has in common: its flags, and what a dry run says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel

from schemas import Episode, record_of

Settings = TypeVar("Settings", bound=BaseModel)


class StoredStage(Protocol):
    """A stage over episodes whose results are kept."""

    name: ClassVar[str]

    @property
    def backend(self) -> str | None:
        """What makes its results."""

    def read(self, element: str) -> Iterator[Any]:
        """The part's episodes, a table at a time."""

    def stored(self, episode: Episode) -> bool:
        """Whether its result is there."""


def add_model_arguments(parser: argparse.ArgumentParser, backends: Sequence[str]) -> None:
    """Adds the choice of a backend and device, and the dry run."""
    parser.add_argument("--backend", choices=list(backends), help="instead of params.yaml's")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], help="instead of params.yaml's"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is to be done, run no model"
    )


def chosen_model(arguments: argparse.Namespace, settings: Settings) -> Settings:
    """The settings of params.yaml with what the command line says on top."""
    given = {key: getattr(arguments, key) for key in ("backend", "device")}
    return settings.model_copy(
        update={key: value for key, value in given.items() if value is not None}
    )


def describe_work(stage: StoredStage, parts: Sequence[str]) -> str:
    """One line on the episodes of all parts; their files are read, for their hashes.

    Raises:
        StageFailed: a part, or a file that an episode names, cannot be read.
        UsageError: the model's weights cannot be found.
    """
    episodes = stored = 0
    hours = hours_stored = 0.0
    for part in parts:
        for chunk in stage.read(part):
            for row in chunk.to_pylist():
                episode = record_of(Episode, row)
                episodes += 1
                hours += episode.duration / 3600
                if stage.stored(episode):
                    stored += 1
                    hours_stored += episode.duration / 3600
    return (
        f"{episodes:,} episodes ({hours:,.2f} h): {stored:,} ({hours_stored:,.2f} h) are in the "
        f"store, {episodes - stored:,} ({hours - hours_stored:,.2f} h) to {stage.name} with "
        f"{stage.backend}"
    )
