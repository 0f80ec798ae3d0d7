"""The papers' figures, held against each other and against what the papers' text says."""

from __future__ import annotations

import pytest

from trainer.metrics.averages import average
from trainer.metrics.figure import Figure
from trainer.metrics.paper_tables import TABLES, Column, PaperFigure, load_table

# Rows of FlexiVoice Table 4 whose average is not that of its parts: printed, and the mean.
ERRATA = {("PromptStyle", "en"): (38.2, 44.9), ("Hume", "en"): (71.1, 70.9)}
SHAPES = {  # columns, rows of English, rows of Chinese
    "flexivoice_2": (11, 8, 5),
    "flexivoice_3": (9, 5, 5),
    "flexivoice_4": (4, 12, 8),
    "flexivoice_5": (9, 8, 0),
    "flexivoice_7": (3, 1, 1),
    "flexivoice_8": (2, 6, 4),
    "mclp_2": (7, 0, 5),
    "mclp_3": (6, 0, 5),
}
RANGES = {
    **dict.fromkeys(("acc_i", "acc_t", "acc_r", "sv", "accuracy"), (0.0, 100.0)),
    **dict.fromkeys(("wer", "cer", "pinyin_wer"), (0.0, 70.0)),
    **dict.fromkeys(("e_sim", "spearman", "macro_f1"), (0.0, 1.0)),
    **dict.fromkeys(("q_mos", "mos"), (0.5, 5.0)),
    "cmos": (-2.0, 2.0),
    "mclp": (-5.0, -4.5),
}


def _figure(name: str, system: str, language: str, task: str, metric: str) -> PaperFigure:
    table = load_table(name)
    for one in table.systems:
        figures = one.figures(language)
        if one.name == system and figures is not None:
            for column, figure in zip(table.columns, figures, strict=True):
                if (column.task, column.metric_in(language)) == (task, metric):
                    return figure
    raise LookupError(system)


@pytest.mark.parametrize("name", TABLES)
def test_shape_and_range(name: str) -> None:
    table = load_table(name)
    rows = [sum(one.figures(code) is not None for one in table.systems) for code in ("en", "zh")]
    assert (len(table.columns), *rows) == SHAPES[name]
    for system in table.systems:
        for language in table.languages:
            figures = system.figures(language)
            for column, figure in zip(table.columns, figures, strict=True) if figures else ():
                low, high = RANGES[column.metric_in(language)]
                middle = figure[0] if isinstance(figure, tuple) else figure
                assert middle is None or low <= middle <= high, (system.name, column, figure)


@pytest.mark.parametrize("name", ["flexivoice_4", "flexivoice_5"])
def test_printed_averages_are_means_but_for_the_errata(name: str) -> None:
    table = load_table(name)
    wrong: dict[tuple[str, str], tuple[float, float]] = {}
    for system in table.systems:
        for language in table.languages:
            figures = system.figures(language)
            if figures is None:
                continue
            tasks = [column.task for column in table.columns]
            values = {t: f for t, f in zip(tasks, figures, strict=True) if isinstance(f, float)}
            for column in table.columns:
                if column.average_of:
                    mean = average({task: Figure(values[task], 1) for task in column.average_of})
                    assert mean.value is not None
                    if abs(values[column.task] - mean.value) > 0.1:  # some are cut, not rounded
                        wrong[system.name, language] = (values[column.task], round(mean.value, 1))
    assert wrong == (ERRATA if name == "flexivoice_4" else {})
    for printed, mean_of_parts in wrong.values():
        assert any(str(printed) in note and str(mean_of_parts) in note for note in table.notes)


def test_tables_2_and_5_agree_but_for_the_erratum() -> None:
    for base, system in (
        ("FlexiVoice-Base", "FlexiVoice-Base"),
        ("FlexiVoice", "S1, S2, S3 (FlexiVoice)"),
    ):
        for task in ("to_easy", "to_hard", "tr_easy", "tr_hard"):
            two = _figure("flexivoice_2", base, "en", task, "acc_i")
            five = _figure("flexivoice_5", system, "en", task, "acc_i")
            if (base, task) == ("FlexiVoice", "to_easy"):
                assert (two, five) == (97.4, 97.7)
            else:
                assert two == five
    for name in ("flexivoice_2", "flexivoice_5"):
        assert any("97.4" in note and "97.7" in note for note in load_table(name).notes)


def test_tables_4_and_5_agree() -> None:
    for base, system in (
        ("FlexiVoice-Base", "FlexiVoice-Base"),
        ("FlexiVoice", "S1, S2, S3 (FlexiVoice)"),
    ):
        for task in ("aps", "dsd", "rp", "instruct_average"):
            four = _figure("flexivoice_4", base, "en", task, "accuracy")
            assert four == _figure("flexivoice_5", system, "en", task, "accuracy")


def test_the_two_tables_of_mclp_agree() -> None:
    for system in ("Step-Audio-2-mini", "SFT and GRPO (the paper's own)"):
        for task in ("rp_audio_history", "rp_no_audio_history"):
            for metric in ("cer", "pinyin_wer", "mclp"):
                two = _figure("mclp_2", system, "zh", task, metric)
                assert two == _figure("mclp_3", system, "zh", task, metric)


def test_what_the_papers_say_about_their_figures() -> None:
    def of(system: str, task: str, metric: str) -> float:
        figure = _figure("mclp_3", system, "zh", task, metric)
        assert isinstance(figure, float)
        return figure

    # MCLP 6.3: GRPO lowers the CER by 2.204 and 4.681 points.
    own = "SFT and GRPO (the paper's own)"
    for task, fall in (("rp_audio_history", 2.204), ("rp_no_audio_history", 4.681)):
        assert of("SFT", task, "cer") - of(own, task, "cer") == pytest.approx(fall)
    # FlexiVoice 5.4: S1 gains 28.3 points, S3 7.6 of InstructTTSEval.
    gains = [
        ("S1", "FlexiVoice-Base", "decoupling_average", "acc_i", 28.3),
        ("S1, S2, S3 (FlexiVoice)", "S1, S2", "instruct_average", "accuracy", 7.6),
    ]
    for after, before, task, metric, gain in gains:
        one = _figure("flexivoice_5", after, "en", task, metric)
        other = _figure("flexivoice_5", before, "en", task, metric)
        assert isinstance(one, float)
        assert isinstance(other, float)
        assert one - other == pytest.approx(gain)


def test_a_column_of_something_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="task 'to_medium' is none of"):
        Column(task="to_medium", metric="acc_i", digits=1)
    with pytest.raises(ValueError, match="metric 'acc_x' is none of"):
        Column(task="to_easy", metric="acc_x", digits=1)
