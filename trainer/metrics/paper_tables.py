"""The papers' own tables: their figures as data, and what each column is of.

The figures are in `papers/*.yaml`, one file a table, typed off the papers; nothing here was
measured by this project. Where a paper contradicts itself, a note says so, and the figure stays as
it is printed.
"""

from __future__ import annotations

import importlib.resources
import json
from typing import Literal

import pydantic
import yaml
from pydantic import Field

from trainer.metrics.measurement import TASKS, Measurement
from trainer.settings import Strict

# In this order they are shown.
TABLES = (
    *("flexivoice_2", "flexivoice_3", "flexivoice_4", "flexivoice_5", "flexivoice_7"),
    *("flexivoice_8", "mclp_2", "mclp_3"),
)
# Columns of means over tasks, which are no task of their own.
AVERAGES = ("decoupling_average",)

TASK_LABELS = {
    "to_easy": "TO easy",
    "to_hard": "TO hard",
    "tr_easy": "TR easy",
    "tr_hard": "TR hard",
    "decoupling_average": "decoupling average",
    "aps": "APS",
    "dsd": "DSD",
    "rp": "RP",
    "instruct_average": "average",
    "speed": "speed",
    "pitch": "pitch",
    "rp_audio_history": "with audio history",
    "rp_no_audio_history": "without audio history",
    "rp_listening": "listeners",
}
# Name, unit, and which way is better.
METRIC_LABELS = {
    "acc_i": "ACC-I % ↑",
    "acc_t": "ACC-T % ↓",
    "acc_r": "ACC-R % ↓",
    "e_sim": "E-SIM ↑",
    "sv": "SV % ↑",
    "wer": "WER % ↓",
    "cer": "CER % ↓",
    "pinyin_wer": "pinyin WER % ↓",
    "mclp": "MCLP ↑",
    "q_mos": "Q-MOS ↑",
    "cmos": "CMOS ↑",
    "mos": "MOS ↑",
    "accuracy": "true % ↑",
    "spearman": "Spearman ↑",
    "macro_f1": "macro F1 ↑",
}


def metric_name(metric: str) -> str:
    """Without unit and direction.

    >>> metric_name("pinyin_wer"), metric_name("e_sim")
    ('pinyin WER', 'E-SIM')
    """
    return METRIC_LABELS[metric].removesuffix("↑").removesuffix("↓").strip().removesuffix(" %")


PaperFigure = float | tuple[float, float] | None  # a figure; with half its 95 % interval; none


class Column(Strict):
    """What one column is of."""

    task: str
    metric: str
    digits: int = Field(ge=0, le=4)  # after the point, as the paper prints it
    by_language: dict[str, str] = {}  # language -> another metric
    average_of: tuple[str, ...] = ()  # tasks that it is the plain mean of

    def metric_in(self, language: str) -> str:
        """The metric for a language: CER where WER says nothing."""
        return self.by_language.get(language, self.metric)

    @pydantic.model_validator(mode="after")
    def _is_known(self) -> Column:
        for task in (self.task, *self.average_of):
            if task not in TASKS + AVERAGES:
                raise ValueError(f"task {task!r} is none of {', '.join(TASKS + AVERAGES)}")
        for metric in (self.metric, *self.by_language.values()):
            if metric not in METRIC_LABELS:
                raise ValueError(f"metric {metric!r} is none of {', '.join(METRIC_LABELS)}")
        return self


class PaperSystem(Strict):
    """What the paper prints of one system; a figure for each column."""

    name: str
    en: tuple[PaperFigure, ...] | None = None
    zh: tuple[PaperFigure, ...] | None = None

    def figures(self, language: str) -> tuple[PaperFigure, ...] | None:
        """Of a language; None where the paper gives none."""
        return {"en": self.en, "zh": self.zh}.get(language)


class PaperTable(Strict):
    """One table of a paper."""

    paper: str
    table: int
    title: str  # in our words
    judges: str  # who judged in the paper
    needs: str | None = None  # what would give figures of ours, where no evaluation stores them
    layout: Literal["sections", "columns"]  # where its languages stand
    columns: tuple[Column, ...]
    systems: tuple[PaperSystem, ...]
    notes: tuple[str, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that the paper has figures of; English first."""
        return tuple(
            language
            for language in ("en", "zh")
            if any(system.figures(language) is not None for system in self.systems)
        )

    def shows(self, one: Measurement) -> bool:
        """Whether a measurement has a column here, or is part of an average."""
        return any(
            column.metric_in(one.language) == one.metric
            and one.task in (column.task, *column.average_of)
            for column in self.columns
        )

    @pydantic.model_validator(mode="after")
    def _is_full(self) -> PaperTable:
        for system in self.systems:
            for figures in (system.en, system.zh):
                if figures is not None and len(figures) != len(self.columns):
                    raise ValueError(
                        f"{system.name} has {len(figures)} figures for {len(self.columns)} columns"
                    )
        return self


def load_table(name: str) -> PaperTable:
    """One of `TABLES`.

    >>> table = load_table("flexivoice_4")
    >>> table.systems[-1].figures("en")
    (81.2, 85.2, 71.4, 79.3)
    """
    file = importlib.resources.files("trainer.metrics") / "papers" / f"{name}.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return PaperTable.model_validate_json(json.dumps(content))
