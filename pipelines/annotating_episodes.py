"""What ``pipelines.annotate`` does with episodes: their titles, then who their speakers are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipelines.annotation import Annotation, load_prompt
from pipelines.chat.engine import ChatEngine
from pipelines.chat.plan import Plan
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import StageOutput, read_part
from pipelines.stages.annotate_episodes import AnnotateEpisodesStage
from pipelines.stages.profiles import ProfileQuestions
from pipelines.stages.settings import EpisodeQuestionSettings
from pipelines.stages.style import LANGUAGE_NAMES


class EpisodeAnnotation(Annotation):
    """One run of the annotate command over the diarized episodes of a source."""

    counts_rows = False  # a row is an episode, the unit is the sentence

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, earlier: StageOutput
    ) -> None:
        """Chooses backend, prompts and journal.

        Raises:
            UsageError: a chat argument, a prompt version or another setting is not valid, or a
                part not Parquet.
        """
        super().__init__(arguments, params, source, earlier)
        backend = self._recipe.backend
        settings: EpisodeQuestionSettings = getattr(params.annotate_episodes, backend)
        key = f"annotate_episodes.{backend}"
        versions = settings.prompts
        self._title_prompt = load_prompt("episode_title", versions.episode_title, f"{key}.prompts")
        self._questions = profile_questions(settings, key)

    def run(self, output: str, runner_flags: list[str]) -> str:
        """Annotates every part; returns the closing line."""
        self.check()
        facts = run_stage(
            self._stage(),
            self._parts,
            output,
            runner_flags=runner_flags,
            expected_rows=self._units,
        )
        return self.closing(facts)

    def plans(self, engine: ChatEngine) -> Iterator[Plan]:
        """Of titles and scripts; where a title has no answer yet, what rules read stands for it."""
        stage = self._stage()
        for part in self._parts:
            for chunk in read_part(part, stage.chunk_rows, self._limit):
                yield from stage.plan(chunk, engine)

    def _stage(self) -> AnnotateEpisodesStage:
        return AnnotateEpisodesStage(
            self._source, self._recipe, self._title_prompt, self._questions, self._limit
        )


def profile_questions(settings: EpisodeQuestionSettings, key: str) -> ProfileQuestions:
    """How speakers are asked about, as ``key`` of params.yaml says.

    Raises:
        UsageError: there is no such prompt, a prompt for small models is given several speakers a
            call, or the language has no name.
    """
    version = settings.prompts.episode_characters
    prompt = load_prompt("episode_characters", version, f"{key}.prompts")
    if settings.language not in LANGUAGE_NAMES:
        known = ", ".join(LANGUAGE_NAMES)
        raise UsageError(f"{key}.language in params.yaml: {settings.language}: not one of {known}")
    questions = ProfileQuestions(
        prompt=prompt,
        language=settings.language,
        script_characters=settings.script_characters,
        speakers_per_call=settings.speakers_per_call,
        pieces_asked=settings.pieces_asked,
        max_tokens=settings.max_tokens,
    )
    if questions.small and (settings.speakers_per_call != 1 or settings.language != "en"):
        raise UsageError(
            f"{key} in params.yaml: {prompt.label} describes one speaker a call, in English: "
            "set speakers_per_call: 1 and language: en, or choose another version"
        )
    return questions
