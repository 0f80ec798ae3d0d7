"""The report as HTML files that need nothing else: no network, no file beside them.

All text of the corpora is outside text, and hostile: Jinja escapes it, every piece of it is
isolated in its own text direction, and each page's policy allows no script but the one that is
named by its hash, if any (ADR 0026).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import jinja2
from markupsafe import Markup

from pipelines.reporting import curves, paper, wording
from pipelines.reporting.bars import coloured_losses, funnel_bars, value_stretches
from pipelines.reporting.facts import VALUE_ORDER, CorpusReport, Example, Report
from pipelines.reporting.notices import notices
from pipelines.reporting.rejected import REJECTED_ROWS
from pipelines.reporting.scene_samples import SceneExample
from pipelines.reporting.set_kinds import drawn as set_drawn
from pipelines.reporting.sound import Sound
from pipelines.reporting.spending import spending

INDEX, LISTENING, REJECTED = "index.html", "listen.html", "rejects.html"
PAGES = (INDEX, LISTENING, REJECTED)

INDEX_EXAMPLES = 6  # of each corpus on the first page; the listening page has more
INDEX_SCENES = 3
INDEX_ROWS = 3  # rejected records of each reason on the first page
REASONS_NAMED = 3  # beside each stage of the funnel
INDEX_SOUND_BYTES = 750_000  # of encoded audio on the first page: 1 MB as base64

# Counts that the page draws, and does not list once more.
DRAWN = ("value", "turns.", "overlap.", "margin.", "assign.", "rl.")
_SCRIPT = "pages.js"

Heard = TypeVar("Heard", Example, SceneExample)


def render_pages(report: Report) -> dict[str, str]:
    """File name -> page, all that link each other."""
    return {
        INDEX: render(report),
        LISTENING: render_listening(report),
        REJECTED: render_rejects(report),
    }


def render(report: Report) -> str:
    """The first page; the same report gives the same bytes. It runs no script at all."""
    sound_bytes = INDEX_SOUND_BYTES // max(len(report.corpora), 1)
    return (
        _environment()
        .get_template("page.html")
        .render(
            corpora=[_corpus_view(corpus, sound_bytes) for corpus in report.corpora],
            sets=[_corpus_view(one, 0) for one in report.sets if one.stages],
            not_composed=[one.source for one in report.sets if not one.stages],
            training=report.training,
            purchases=report.purchases,
            evaluation=report.evaluation,
            script=None,
        )
    )


def render_listening(report: Report) -> str:
    """The page to listen to utterances, to scenes turn by turn, and to the rows of sets."""
    heard = [corpus for corpus in report.corpora if corpus.examples or corpus.scenes]
    examples = [example for corpus in heard for example in corpus.examples]
    values = [example.value or "" for example in examples]
    sets = [one for one in report.sets if one.training_set is not None]
    rows = [row for one in sets if one.training_set for row in one.training_set.samples]
    emotions = [one.emotion or "" for one in examples] + [row.emotion or "" for row in rows]
    kinds = {
        "source": _different(corpus.source for corpus in (*heard, *sets)),
        "value": _different(value for value in [*VALUE_ORDER, *values] if value in values),
        "emotion": _different(sorted(emotions)),
    }
    return _with_script("listen.html", report, kinds)


def render_rejects(report: Report) -> str:
    """The page to look through what was rejected, by source, stage and reason."""
    marks = [
        (corpus.source, sample.stage, sample.reason)
        for corpus in (*report.corpora, *report.sets)
        for stage in corpus.stages
        for sample in stage.rejected
    ]
    kinds = {
        "source": _different(source for source, _, _ in marks),
        "stage": _different(stage for _, stage, _ in marks),
        "reason": _different(sorted(reason for _, _, reason in marks)),
    }
    return _with_script("rejects.html", report, kinds)


def _different(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(map(_mark, values)) if value]


def _mark(text: str) -> str:
    """What an item is found by: of outside text too, so no control characters and no megabytes."""
    return wording.visible(text, limit=60)


def _with_script(template: str, report: Report, kinds: Mapping[str, list[str]]) -> str:
    environment = _environment()
    assert environment.loader is not None  # set below
    script, _, _ = environment.loader.get_source(environment, _SCRIPT)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template(template).render(
        corpora=[
            {"corpus": corpus, "unit": _unit(corpus)} for corpus in report.corpora if corpus.stages
        ],
        sets=[{"corpus": one, "unit": _unit(one)} for one in report.sets if one.stages],
        kinds=list(kinds.items()),
        script=Markup(script),  # noqa: S704  (the project's own file, nothing of a corpus in it)
        script_sha256=digest,
    )


def _environment() -> jinja2.Environment:
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
        "mark": _mark,
        "spending": spending,
        "sound_uri": _sound_uri,
    }
    environment.globals |= {"share": wording.share, "paper_table1": paper.TABLE1}
    environment.globals |= {"curve_width": curves.WIDTH, "curve_height": curves.HEIGHT}
    environment.globals |= {"index": INDEX, "listening": LISTENING, "rejects": REJECTED}
    environment.globals |= {"looked_through": REJECTED_ROWS}
    environment.globals |= {"index_rows": INDEX_ROWS, "reasons_named": REASONS_NAMED}
    return environment


def _corpus_view(corpus: CorpusReport, sound_bytes: int) -> dict[str, Any]:
    return {
        "corpus": corpus,
        "notices": notices(corpus),
        "unit": _unit(corpus),
        "bars": funnel_bars(corpus),
        "losses": coloured_losses(corpus),
        "values": [(values, value_stretches(values)) for values in corpus.values],
        "total": spending(corpus.run),
        "drawn": _drawn(corpus),
        "examples": _with_sound(corpus.examples[:INDEX_EXAMPLES], sound_bytes),
        "scenes": _with_sound(corpus.scenes[:INDEX_SCENES], sound_bytes),
    }


def _drawn(corpus: CorpusReport) -> tuple[str, ...]:
    if corpus.training_set is None or corpus.first is None:
        return DRAWN
    return set_drawn(corpus.training_set.kind, corpus.first.counts)


def _unit(corpus: CorpusReport) -> wording.TimeUnit:
    return wording.time_unit(corpus.first.hours_in if corpus.first else 0.0)


def _with_sound(examples: Sequence[Heard], most: int) -> list[tuple[Heard, Sound | None]]:
    """Each with its sound as long as there is room for it."""
    found: list[tuple[Heard, Sound | None]] = []
    for example in examples:
        sound = example.sound
        if sound is not None and len(sound.content) > most:
            sound = None
        most -= len(sound.content) if sound else 0
        found.append((example, sound))
    return found


def _sound_uri(sound: Sound) -> str:
    return f"data:{sound.media_type};base64,{base64.b64encode(sound.content).decode('ascii')}"
