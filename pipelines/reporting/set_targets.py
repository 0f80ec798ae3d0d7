"""A set beside what ``params.yaml`` asks for and what the paper had (FlexiVoice 3.2.1, A.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.reporting import paper
from pipelines.reporting.notices import is_embedded
from pipelines.reporting.set_counts import WRITTEN, SetCounts
from pipelines.reporting.set_facts import Target
from pipelines.reporting.set_kinds import origins
from pipelines.reporting.wording import count, share
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.set_settings import DecouplingSettings, PreferencePairsSettings, SetSettings
from schemas import StageFacts

NOT_GIVEN = "not given"
_NONE = "–"


def targets(settings: SetSettings, facts: StageFacts, found: SetCounts) -> tuple[Target, ...]:
    """The lines of the table, in order.

    Args:
        settings: of the set, as params.yaml has them now.
        facts: of the stage that composed it.
        found: what is in it.
    """
    if isinstance(settings, PreferencePairsSettings):
        return tuple(_pairs(settings, facts, found))
    if isinstance(settings, DecouplingSettings):
        return tuple(_decoupling(settings, facts, found))
    return tuple(_instructions(settings, facts, found))


def _pairs(
    settings: PreferencePairsSettings, facts: StageFacts, found: SetCounts
) -> Iterator[Target]:
    chosen = _under(facts, "chosen.")
    yield _line("recordings from", _sources(found), _names(settings.sources), "ESD")
    yield _line(
        "pairs", count(sum(chosen.values())), "one for each recording that has partners", NOT_GIVEN
    )
    there = [one for one in settings.emotions if one in chosen]
    there += sorted(chosen.keys() - set(there))  # of a set that was composed for others
    yield _line("emotions", _names(there), _names(settings.emotions), "those of ESD")
    yield _line(
        "voice to speak with",
        f"the speaker's own, {settings.reference_emotion}",
        f"the speaker's own, {settings.reference_emotion}",
        "the speaker's own, neutral",
    )


def _decoupling(
    settings: DecouplingSettings, facts: StageFacts, found: SetCounts
) -> Iterator[Target]:
    rows = found.prompts
    texts, voices = _under(facts, "text."), _under(facts, "reference.")
    known = texts.get("aligned", 0) + texts.get("conflicting", 0)
    yield _line("texts from", _sources(found), _names(settings.sources), "NCSSD, recordings")
    yield _line(
        "rows", count(rows), f"{count(settings.rows)} at most", f"about {count(paper.S2_ROWS)}"
    )
    for language, there, _ in found.languages:
        asked = share(1, len(settings.languages)) if language in settings.languages else _NONE
        yield _line(f"of these {language}", share(there, rows), asked, "balanced")
    yield _line(
        "voice is neutral",
        share(voices.get("neutral", 0), rows),
        share(1 - settings.emotional_share, 1),
        share(1 - paper.S2_EMOTIONAL_SHARE, 1),
    )
    yield _line(
        "voice is emotional",
        share(voices.get("emotional", 0), rows),
        share(settings.emotional_share, 1),
        share(paper.S2_EMOTIONAL_SHARE, 1),
    )
    yield _line(
        "text is of the emotion asked for, where its own is known",
        share(texts.get("aligned", 0), known) if known else "known of none",
        share(settings.aligned_share, 1),
        NOT_GIVEN,
    )


def _instructions(
    settings: InstructionSetSettings, facts: StageFacts, found: SetCounts
) -> Iterator[Target]:
    asking = settings.asking("embedded" if is_embedded(facts) else "openai")
    wanted = asking.counts
    theirs = paper.S3_LANGUAGES * (paper.S3_SAMPLED + paper.S3_WRITTEN)
    total = wanted.total * len(asking.languages)
    yield _line("prompts", count(found.prompts), count(total), count(theirs))
    yield _line(
        "languages",
        _names([name for name, _, _ in found.languages]),
        _names(asking.languages),
        "en, zh",
    )
    sampled = [name for name, _, _ in found.sources if name != WRITTEN]
    yield _line(
        "sampled from", _names(sampled), _names(settings.sources), "the data of pre-training"
    )
    for language in asking.languages:
        here = origins(facts.counts, language)
        lines: list[tuple[str, int, int, str]] = [
            ("sampled", here["sampled"], wanted.sampled, count(paper.S3_SAMPLED)),
            (
                "written",
                sum(here.values()) - here["sampled"],
                wanted.total - wanted.sampled,
                count(paper.S3_WRITTEN),
            ),
        ]
        for label, ours, asked, papers in lines:
            yield _line(f"{label}, {language}", count(ours), count(asked), papers)


def _line(label: str, here: str, asked: str, papers: str) -> Target:
    return Target(label=label, here=here, asked=asked, paper=papers)


def _under(facts: StageFacts, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): rows
        for name, rows in facts.counts.items()
        if name.startswith(prefix) and rows
    }


def _sources(found: SetCounts) -> str:
    return _names([name for name, _, _ in found.sources])


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or _NONE
