"""The report as one HTML file that needs nothing else: no network, no script.

All text of the corpora is outside text, and hostile: Jinja escapes it, the page's policy allows no
script at all, and every piece of it is isolated in its own text direction.
"""

from __future__ import annotations

import base64
from typing import Any

import jinja2

from pipelines.reporting import training, wording
from pipelines.reporting.bars import coloured_losses, funnel_bars, value_stretches
from pipelines.reporting.drama import LAST_BAR
from pipelines.reporting.facts import CorpusReport, Report
from pipelines.reporting.notices import notices
from pipelines.reporting.sound import Sound
from pipelines.reporting.spending import spending

# Counts that the page draws, and does not list once more.
DRAWN = ("value", "turns.", "overlap.", "margin.", "assign.", "rl.")


def render(report: Report) -> str:
    """The page; the same report gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines", "report_page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": wording.count,
        "money": wording.money,
        "seconds": wording.seconds,
        "memory": wording.memory,
        "figure": wording.figure,
        "words": wording.words,
        "visible": wording.visible,
        "spending": spending,
        "sound_uri": _sound_uri,
    }
    environment.globals |= {"share": wording.share, "drawn": DRAWN, "last_bar": LAST_BAR}
    environment.globals |= {"curve_width": training.WIDTH, "curve_height": training.HEIGHT}
    corpora = [_corpus_view(corpus) for corpus in report.corpora]
    template = environment.get_template("page.html")
    return template.render(corpora=corpora, training=report.training, evaluation=report.evaluation)


def _corpus_view(corpus: CorpusReport) -> dict[str, Any]:
    first = corpus.first
    return {
        "corpus": corpus,
        "notices": notices(corpus),
        "unit": wording.time_unit(first.hours_in if first else 0.0),
        "bars": funnel_bars(corpus),
        "losses": coloured_losses(corpus),
        "values": [(values, value_stretches(values)) for values in corpus.values],
        "total": spending(corpus.run),
    }


def _sound_uri(sound: Sound) -> str:
    return f"data:{sound.media_type};base64,{base64.b64encode(sound.content).decode('ascii')}"
