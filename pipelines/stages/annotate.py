"""Utterances -> utterances with an instruction and its value (FlexiVoice 4.2 and A.3).

Rejects lines of characters the model does not know (``character_unknown``) and utterances for
which no valid reply came (``dead_letter``). Utterances without any metadata pass unannotated: the
model is not asked to guess. Uses the network when the chat backend is a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines import progress
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.engine import ChatEngine
from pipelines.chat.request import Answer, ChatRequest, DeadLetter
from pipelines.chat.usage import since
from pipelines.stage import Block, TableStage, location_of
from pipelines.stages.characters import Character, Profile
from pipelines.stages.style import (
    MAX_NAME,
    StyleReply,
    answer_language,
    cut_fields,
    emilia_question,
    game_question,
    has_metadata,
    style_reply,
)
from prompts import Prompt
from schemas import AnnotatedUtterance, Reason, Rejection, table_of

Row = dict[str, Any]  # one utterance as Arrow gives it

_NOTHING: dict[str, None] = {
    "instruction": None,
    "instruction_language": None,
    "value": None,
    "personality": None,
    "speaking_style": None,
    "prompt_name": None,
    "prompt_sha256": None,
    "chat_model": None,
    "reply_sha256": None,
}


class AnnotateStage(TableStage):
    """Part -> the same utterances, annotated; one engine a worker answers all its parts."""

    name = "annotate"
    record_type = AnnotatedUtterance

    def __init__(
        self,
        source: str,
        recipe: EngineRecipe,
        prompt: Prompt,
        *,
        languages: Sequence[str],
        rows_per_chunk: int,
        limit: int | None = None,
        profiles: Mapping[Character, Profile] | None = None,
        other_prompts: Sequence[Prompt] = (),
    ) -> None:
        """Takes the prompt that describes an utterance, and for games who is who.

        Args:
            source: name in params.yaml.
            recipe: how each worker makes its engine.
            prompt: ``emilia_style`` or ``game_style``.
            languages: ISO 639-1 codes descriptions may be written in; the first is the default.
            rows_per_chunk: rows whose calls are in flight together.
            limit: rows of each part, at most.
            profiles: for game voice, every character's profile; None for titled videos.
            other_prompts: prompts that were used before the parts, for the stage's facts.
        """
        super().__init__(source)
        self.chunk_rows = rows_per_chunk
        self.limit = limit
        self._recipe, self._prompt, self._other_prompts = recipe, prompt, tuple(other_prompts)
        self._languages = list(languages)
        self._profiles = profiles
        self._static = tuple(
            {"role": role, "content": content} for role, content in prompt.messages
        )
        self._reply = style_reply(prompt.version)
        self._engine: ChatEngine | None = None

    @property
    def backend(self) -> str:
        """The chat backend and its model."""
        return self._recipe.model_name

    @property
    def prompts(self) -> dict[str, str]:
        """The hashes of all prompts of the stage."""
        return {p.label: p.sha256 for p in (self._prompt, *self._other_prompts)}

    def setup(self) -> None:
        """Opens the journal."""
        self._engine = self._recipe.make(f"{self.source}/utterances")

    def teardown(self) -> None:
        """Closes the journal and the model."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def transform(self, chunk: pa.Table) -> Block:
        """Annotates one chunk; its calls are in flight together."""
        if self._engine is None:
            self.setup()
        assert self._engine is not None  # noqa: S101
        rows: list[Row] = chunk.to_pylist()
        kept, rejections = self.askable(rows)
        asked = [row for row in kept if self.informed(row)]
        before = self._engine.usage.counts()
        outcomes = self._engine.run(
            [self.request(row) for row in asked],
            on_progress=lambda done, _, usage: progress.live(done, since(before, usage)),
        )
        answered = dict(zip((row["id"] for row in asked), outcomes, strict=True))
        fields = ("title", "tags", "text") if self._profiles is None else ("text",)
        counts = Counter(f"cut.{name}" for row in asked for name in cut_fields(row, fields))
        annotated: list[Row] = []
        for row in kept:
            outcome = answered.get(row["id"])
            if outcome is None:
                counts["without_metadata"] += 1
                annotated.append({**row, **_NOTHING})
            elif isinstance(outcome, DeadLetter):
                rejections.append(_dead(row, outcome))
            else:
                annotated.append(self._annotated(row, outcome))
                counts[f"value.{annotated[-1]['value']}"] += 1
        return Block(
            rows=table_of(AnnotatedUtterance, annotated),
            rejections=rejections,
            counts=counts,
            run=since(before, self._engine.usage),
        )

    def askable(self, rows: Sequence[Row]) -> tuple[list[Row], list[Rejection]]:
        """Parts the rows that can be asked about from those whose character is not known."""
        if self._profiles is None:
            return list(rows), []
        kept, rejections = [], []
        for row in rows:
            profile = self._profiles.get(Character(row["game"], row["character"]))
            if profile is not None and profile.personality is not None:
                kept.append(row)
            else:
                detail = profile.detail if profile is not None else "not on the character list"
                rejections.append(
                    _rejection(
                        row, Reason.CHARACTER_UNKNOWN, f"{row['character'][:MAX_NAME]}: {detail}"
                    )
                )
        return kept, rejections

    def informed(self, row: Row) -> bool:
        """Whether anything but the transcript is known; without it the model is not asked."""
        return self._profiles is not None or has_metadata(row)

    def request(self, row: Row) -> ChatRequest:
        """The question about one utterance: static messages first, its own JSON last."""
        language = answer_language(row["language"], self._languages)
        question = (
            emilia_question(row, language)
            if self._profiles is None
            else game_question(row, self._profile(row), language)
        )
        return ChatRequest(
            messages=(*self._static, {"role": "user", "content": question}),
            reply_schema=self._reply,
            tag=row["id"],
        )

    def _profile(self, row: Row) -> dict[str, str]:
        assert self._profiles is not None  # noqa: S101
        profile = self._profiles[Character(row["game"], row["character"])]
        return {
            "personality": profile.personality or "",
            "speaking_style": profile.speaking_style or "",
        }

    def _annotated(self, row: Row, answer: Answer) -> Row:
        reply = answer.value
        assert isinstance(reply, StyleReply)  # noqa: S101  (the request's own schema)
        profile = self._profile(row) if self._profiles is not None else {}
        return {
            **row,
            "instruction": reply.description,
            "instruction_language": answer_language(row["language"], self._languages),
            "value": reply.value,
            "personality": profile.get("personality"),
            "speaking_style": profile.get("speaking_style"),
            "prompt_name": self._prompt.label,
            "prompt_sha256": self._prompt.sha256,
            "chat_model": answer.model,
            "reply_sha256": answer.reply_sha256,
        }


def _dead(row: Row, letter: DeadLetter) -> Rejection:
    return _rejection(row, Reason.DEAD_LETTER, f"{letter.cause}: {letter.detail}")


def _rejection(row: Row, reason: Reason, detail: str) -> Rejection:
    return Rejection(
        record_id=row["id"],
        stage=AnnotateStage.name,
        reason=reason,
        detail=detail,
        location=location_of(row),
        duration=row["duration"],
    )
