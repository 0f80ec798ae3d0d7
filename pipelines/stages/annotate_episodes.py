"""Episodes -> episodes with series, number and the profiles of their speakers (MCLP 5.2, A.1, A.3).

Titles first, because the question about the speakers names series and episode. An episode whose
title gave nothing goes on without them. One for none of whose speakers a valid reply came is
rejected with all its sentences (``dead_letter``), as the paper loses such episodes too; where only
some speakers have no profile it stays, and they are counted. Sentences themselves are not changed.
Uses the network when the chat backend is a server.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from pipelines import progress
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.engine import ChatEngine, Outcome
from pipelines.chat.plan import Plan
from pipelines.chat.request import Answer, ChatRequest
from pipelines.chat.usage import since
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.episode_rows import EPISODES_PER_CHUNK, tally_sentences
from pipelines.stages.profiles import EpisodeScript, ProfileQuestions, profile_speakers
from pipelines.stages.titles import Ask, TitleFacts, title_facts
from prompts import Prompt
from schemas import Episode, Reason, Rejection, record_of, table_of


class AnnotateEpisodesStage(TableStage):
    """Part -> the same episodes, annotated; one engine a worker answers all its parts."""

    name = "annotate"
    unit = "sentence"
    record_type = Episode
    chunk_rows = EPISODES_PER_CHUNK  # their calls are in flight together

    def __init__(
        self,
        source: str,
        recipe: EngineRecipe,
        title_prompt: Prompt,
        questions: ProfileQuestions,
        limit: int | None = None,
    ) -> None:
        """Takes what is asked, and how each worker makes its engine.

        Args:
            source: name in params.yaml.
            recipe: makes the engine.
            title_prompt: ``episode_title``.
            questions: how speakers are asked about.
            limit: episodes of each part, at most.
        """
        super().__init__(source)
        self.limit = limit
        self._recipe, self._title_prompt, self._questions = recipe, title_prompt, questions
        self._engine: ChatEngine | None = None

    @property
    def backend(self) -> str:
        """The chat backend and its model."""
        return self._recipe.model_name

    @property
    def prompts(self) -> dict[str, str]:
        """The hashes of both prompts."""
        return {p.label: p.sha256 for p in (self._title_prompt, self._questions.prompt)}

    def setup(self) -> None:
        """Opens the journal."""
        self._engine = self._recipe.make(f"{self.source}/episodes")

    def teardown(self) -> None:
        """Closes the journal and the model."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def transform(self, chunk: pa.Table) -> Block:
        """Annotates one chunk: all its titles, then all its scripts."""
        if self._engine is None:
            self.setup()
        assert self._engine is not None  # noqa: S101
        engine, before = self._engine, self._engine.usage.counts()

        def ask(requests: Sequence[ChatRequest]) -> list[Outcome]:
            # No rows are done before the last reply: only calls and cost are news.
            return engine.run(requests, lambda *now: progress.live(0, since(before, now[2])))

        block = self._annotate(chunk, ask)
        return dataclasses.replace(block, run=since(before, engine.usage))

    def plan(self, chunk: pa.Table, engine: ChatEngine) -> list[Plan]:
        """What :meth:`transform` would ask, typical replies standing for those that are not there.

        Calls nothing and changes nothing. An episode that a call would lose counts as kept.
        """
        plans: list[Plan] = []

        def ask(requests: Sequence[ChatRequest]) -> list[Outcome]:
            plans.append(engine.plan(requests))
            known = zip(requests, engine.recall(requests), strict=True)
            return [outcome or _typical(request) for request, outcome in known]

        self._annotate(chunk, ask)
        return plans

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_sentences(rows)

    def _annotate(self, chunk: pa.Table, ask: Ask) -> Block:
        episodes = [record_of(Episode, row) for row in chunk.to_pylist()]
        facts = title_facts([episode.title for episode in episodes], self._title_prompt, ask)
        scripts = [
            EpisodeScript(episode.id, title.series, title.episode, episode.sentences)
            for episode, title in zip(episodes, facts, strict=True)
        ]
        profile_speakers(scripts, self._questions, ask)
        kept: list[Episode] = []
        rejections: list[Rejection] = []
        counts = Counter({"audios_in": len(episodes)})
        for episode, title, script in zip(episodes, facts, scripts, strict=True):
            counts.update(_title_counts(title))
            if script.is_lost:
                rejections += rejections_of(episode, script)
                counts["lost.dead_letter"] += 1
                continue
            counts.update(_profile_counts(script))
            kept.append(
                dataclasses.replace(
                    episode, series=title.series, episode=title.episode, profiles=script.found
                )
            )
        counts["audios_out"] = len(kept)
        return Block(rows=table_of(Episode, kept), rejections=rejections, counts=counts)


def rejections_of(episode: Episode, script: EpisodeScript) -> list[Rejection]:
    """The rejections of an episode about which no valid reply came: one a sentence."""
    speaker, cause = min(script.causes.items())
    return [
        Rejection(
            record_id=sentence.id,
            stage=AnnotateEpisodesStage.name,
            reason=Reason.DEAD_LETTER,
            detail=f"no speaker of {episode.id} has a profile; {speaker}: {cause}",
            location=episode.url,
            duration=sentence.duration,
        )
        for sentence in episode.sentences
    ]


def _title_counts(title: TitleFacts) -> Counter[str]:
    counts = Counter({f"title.{title.verdict}": 1, "title.truncated": int(title.truncated)})
    counts["title.with_series"] = int(title.series is not None)
    counts["title.with_episode"] = int(title.episode is not None)
    return counts


def _profile_counts(script: EpisodeScript) -> Counter[str]:
    return Counter(
        {
            "profiles": len(script.found),
            "profiles.missing": len(script.causes),
            "script.in_pieces": int(script.pieces > 1),
            "script.without_speakers": int(not script.speakers),
        }
    )


def _typical(request: ChatRequest) -> Answer:
    assert request.typical is not None  # noqa: S101  (every request of these stages has one)
    return Answer(request.typical, model="", reply_sha256="", attempts=0)
