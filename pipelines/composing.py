"""``pipelines.compose``: from a set's settings to what composes it; one line a kind of set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines import files
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import count_rows, open_stage
from pipelines.stages.candidates import survey
from pipelines.stages.compose import ComposeStage, Plan
from pipelines.stages.decoupling_set import DecouplingPlanner
from pipelines.stages.emotion_wording import EmotionWording, emotion_wording
from pipelines.stages.preference_pairs import plan_pairs
from pipelines.stages.set_settings import DecouplingSettings, PreferencePairsSettings, SetSettings
from pipelines.summary import summary


@dataclass(frozen=True, kw_only=True)
class SetRun:
    """One run of the command: which set, from where to where."""

    name: str  # of the set in params.yaml
    params: Params
    input: Sequence[str] | None  # folders instead of those of the settings' sources
    output: str
    runner_flags: Sequence[str]

    @property
    def settings(self) -> SetSettings:
        """Of the set."""
        return self.params.sets[self.name]

    @property
    def where(self) -> str:
        """The set's place in params.yaml, for messages."""
        return f"sets.{self.name}"

    def parts(self, sources: Sequence[str], stage: str) -> list[str]:
        """The parts of a stage's output for some sources, sorted.

        Raises:
            UsageError: params.yaml does not have one of them, or it has no such output.
        """
        for source in sources:
            if source not in self.params.sources:
                known = ", ".join(sorted(self.params.sources))
                raise UsageError(f"{self.where}: {source!r} is not in sources, which has: {known}")
        folders = {self.params.folder(source, stage): source for source in sources}
        return _parts(folders, stage)

    def input_parts(self, sources: Sequence[str], stage: str) -> list[str]:
        """The parts that the set's rows come from: of ``--input``, or of the sources.

        Raises:
            UsageError: a folder is not the finished output of a stage.
        """
        if self.input is None:
            return self.parts(sources, stage)
        return _parts(dict.fromkeys(self.input, "NAME"), stage)


def compose(
    name: str,
    params: Params,
    given: Sequence[str] | None,
    output: str,
    runner_flags: Sequence[str],
) -> str:
    """Composes one set; gives the closing line.

    Args:
        name: of the set in params.yaml.
        params: all parameters.
        given: folders of ``--input``; None takes those of the set's sources.
        output: folder of the set.
        runner_flags: Beam's own flags.

    Raises:
        UsageError: the input is not there, or the set cannot be made of it.
        StageFailed: a worker failed.
    """
    run = SetRun(name=name, params=params, input=given, output=output, runner_flags=runner_flags)
    return COMPOSERS[run.settings.kind](run)


def compose_pairs(run: SetRun) -> str:
    """S1: preference pairs (FlexiVoice 3.2.1, A.5)."""
    settings = run.settings
    assert isinstance(settings, PreferencePairsSettings)
    wording = _wording(run, settings)
    parts = run.input_parts(settings.sources, settings.stage)
    return _run(run, parts, plan_pairs(survey(parts), settings, wording))


def compose_decoupling(run: SetRun) -> str:
    """S2: texts with an emotion and a reference drawn for each (FlexiVoice A.4)."""
    settings = run.settings
    assert isinstance(settings, DecouplingSettings)
    wording = _wording(run, settings)
    parts = run.input_parts(settings.sources, settings.stage)
    references = survey(run.parts(settings.reference_sources, settings.stage))
    plan = DecouplingPlanner(settings, wording, references).plan(survey(parts))
    return _run(run, parts, plan)


COMPOSERS: dict[str, Callable[[SetRun], str]] = {
    "preference_pairs": compose_pairs,
    "decoupling": compose_decoupling,
}


def _wording(run: SetRun, settings: PreferencePairsSettings | DecouplingSettings) -> EmotionWording:
    return emotion_wording(
        settings.templates,
        settings.instruction_language,
        settings.seed,
        settings.emotions,
        run.where,
    )


def _run(run: SetRun, parts: list[str], plan: Plan) -> str:
    path = files.join(run.output, "plan.parquet")
    plan.write(path)
    facts = run_stage(
        ComposeStage(run.name, path, plan.templates),
        parts,
        run.output,
        runner_flags=run.runner_flags,
        expected_rows=count_rows(parts),
    )
    files.delete([path])
    return summary(facts)


def _parts(folders: dict[str, str], stage: str) -> list[str]:
    """Sorted by path, so that the order of arguments does not number the output's parts."""
    found: list[str] = []
    for folder, source in sorted(folders.items()):
        found += open_stage(folder, f"python -m pipelines.{stage} --source {source}").parts
    return found
