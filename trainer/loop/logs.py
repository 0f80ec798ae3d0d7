"""What a run tells: a JSON line a step, the same to TensorBoard, and a bar with ETA."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FILE = "log.jsonl"
_SHOWN = ("loss", "reward", "tokens_per_s")


class RunLog:
    """Writes the first rank's logs; does nothing on the others."""

    def __init__(self, folder: Path, total_steps: int, name: str, *, active: bool) -> None:
        """Takes the run's folder; a log that is there is continued."""
        self._folder, self._total, self._name, self._active = folder, total_steps, name, active
        self._console = Console(stderr=True)

    def __enter__(self) -> Self:
        """Opens the files."""
        if self._active:
            from torch.utils.tensorboard import SummaryWriter

            self._folder.mkdir(parents=True, exist_ok=True)
            _end_whole(self._folder / FILE)
            self._lines = (self._folder / FILE).open("a", encoding="utf-8")
            self._board = SummaryWriter(str(self._folder / "tensorboard"))
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[facts]}"),
                TimeRemainingColumn(),
                console=self._console,
                disable=not self._console.is_terminal,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self._total, facts="")
        return self

    def step(self, step: int, facts: Mapping[str, float]) -> None:
        """Logs one step's facts; those of time go to the log, never into a checkpoint."""
        if not self._active:
            return
        self._lines.write(json.dumps({"step": step, **facts}) + "\n")
        self._lines.flush()
        for key, value in facts.items():
            self._board.add_scalar(key, value, step)
        shown = ", ".join(f"{key} {facts[key]:.4g}" for key in _SHOWN if key in facts)
        self._bar.update(self._task, completed=step + 1, facts=shown)
        if not self._console.is_terminal:
            self._console.print(f"{self._name}: step {step + 1} of {self._total}, {shown}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the files."""
        if self._active:
            self._bar.stop()
            self._board.close()
            self._lines.close()


def _end_whole(path: Path) -> None:
    """Takes away the beginning of a line that a killed run left at the end of its log."""
    if path.is_file():
        content = path.read_bytes()
        path.write_bytes(content[: content.rfind(b"\n") + 1])


def read_log(folder: Path) -> list[dict[str, float]]:
    """The steps of a run's log; of steps that were trained again after a kill the last counts."""
    steps: dict[int, dict[str, float]] = {}
    for line in (folder / FILE).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        steps[int(entry["step"])] = entry
    return [steps[step] for step in sorted(steps)]
