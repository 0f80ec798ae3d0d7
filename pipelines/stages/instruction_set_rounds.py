"""Asking for instructions until there are enough: rounds of requests, each for what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipelines.chat.engine import Outcome
from pipelines.chat.request import Answer, ChatRequest, DeadLetter
from pipelines.errors import StageFailed
from pipelines.stages.instruction_set_items import Draft, Flaw
from pipelines.stages.instruction_set_requests import Requester, Wanted
from pipelines.stages.instruction_set_sample import Sampled
from pipelines.stages.instruction_set_wordings import Wordings
from schemas import InstructionPrompt, PromptOrigin, Reason, Rejection

Ask = Callable[[Sequence[ChatRequest]], Sequence[Outcome | None]]  # None: a call is due


class CallsDue(Exception):
    """A round needs replies that are not there; for plans, which may not call."""

    def __init__(self, requests: Sequence[ChatRequest]) -> None:
        """Takes the round's requests."""
        super().__init__(f"{len(requests)} requests")
        self.requests = requests


@dataclass
class LanguageSet:
    """The set in one language while it is made."""

    source: str  # the set's name
    stage: str  # for rejections
    language: str
    wordings: Wordings
    prompts: list[InstructionPrompt] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    taken: int = 0  # sampled rows, and items asked for
    missing: dict[Wanted, int] = field(default_factory=dict)

    def sampled(self, rows: Sequence[Sampled]) -> None:
        """Begins with what was sampled; templates repeat themselves there, and may."""
        self.taken += len(rows)
        places = self.wordings.add([row.instruction for row in rows])
        for place, row in zip(places, rows, strict=True):
            prompt = InstructionPrompt(
                id=_id(self.source, self.language, "sampled", row.instruction, row.text),
                source=self.source,
                language=self.language,
                instruction=row.instruction,
                text=row.text,
                origin=PromptOrigin.SAMPLED,
                attributes=(),
                utterance_source=row.source,
                utterance_id=row.id,
                licence=row.licence,
                prompt_name=None,
                prompt_sha256=None,
                chat_model=None,
                reply_sha256=None,
            )
            self.prompts.append(prompt)
            self.wordings.keep(place, prompt.id)

    def generate(self, requesters: Sequence[Requester], ask: Ask, max_rounds: int) -> int:
        """Asks until every configuration has its count; gives the rounds that it took.

        Raises:
            CallsDue: ``ask`` gave no outcome for a request.
            StageFailed: after ``max_rounds`` some are still missing.
        """
        self.missing = {one.wanted: one.wanted.count for one in requesters}
        for done in range(max_rounds):
            if not any(self.missing.values()):
                return done
            self._round([one for one in requesters if self.missing[one.wanted]], ask)
        if any(self.missing.values()):
            raise StageFailed(self._shortfall(max_rounds))
        return max_rounds

    def _round(self, requesters: Sequence[Requester], ask: Ask) -> None:
        asked: list[tuple[Requester, int, ChatRequest]] = []
        for one in requesters:
            before = one.asked
            made = one.requests(self.missing[one.wanted])
            asked += [(one, number, r) for number, r in enumerate(made, before + 1)]
            self.taken += len(made) * one.items
        outcomes = ask([request for _, _, request in asked])
        if any(outcome is None for outcome in outcomes):
            raise CallsDue([request for _, _, request in asked])
        drafts: list[tuple[Requester, str, Draft, Answer]] = []
        for (requester, number, _), outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, DeadLetter):
                self._dead(requester, number, outcome)
            elif outcome is not None:
                for where, found in requester.judged(number, outcome.value):
                    if isinstance(found, Flaw):
                        self._reject(where, found.reason, found.detail)
                    else:
                        drafts.append((requester, where, found, outcome))
        places = self.wordings.add([draft.instruction for _, _, draft, _ in drafts])
        for place, (requester, where, draft, answer) in zip(places, drafts, strict=True):
            self._take(place, requester, where, draft, answer)

    def _take(
        self, place: int, requester: Requester, where: str, draft: Draft, answer: Answer
    ) -> None:
        wanted = requester.wanted
        fault = self.wordings.fault(place)
        if fault is None and not self.missing[wanted]:
            fault = Reason.NOT_NEEDED, f"{wanted.count:,} of {wanted.label} were there before"
        if fault is not None:
            self._reject(where, *fault)
            return
        prompt = InstructionPrompt(
            id=_id(self.source, self.language, wanted.origin, draft.instruction, draft.text),
            source=self.source,
            language=self.language,
            instruction=draft.instruction,
            text=draft.text,
            origin=wanted.origin,
            attributes=draft.attributes,
            utterance_source=None,
            utterance_id=None,
            licence=None,
            prompt_name=requester.prompt.label,
            prompt_sha256=requester.prompt.sha256,
            chat_model=answer.model,
            reply_sha256=answer.reply_sha256,
        )
        self.prompts.append(prompt)
        self.wordings.keep(place, prompt.id)
        self.missing[wanted] -= 1

    def _dead(self, requester: Requester, number: int, letter: DeadLetter) -> None:
        """Every item that a dead letter was to bring is lost."""
        for seed in requester.seeds(number):
            where = f"{requester.wanted.label}.{number}.{seed.number}"
            self._reject(where, Reason.DEAD_LETTER, f"{letter.cause}: {letter.detail}")

    def _reject(self, where: str, reason: Reason, detail: str) -> None:
        self.rejections.append(
            Rejection(
                record_id=f"{self.source}-{where}",
                stage=self.stage,
                reason=reason,
                detail=detail,
                location=f"request {where.rpartition('.')[0]}",
                duration=None,
            )
        )

    def _shortfall(self, rounds: int) -> str:
        lacking = ", ".join(
            f"{wanted.count - count:,} of {wanted.count:,} {wanted.label}"
            for wanted, count in self.missing.items()
            if count
        )
        why: dict[str, int] = {}
        for one in self.rejections:
            why[one.reason] = why.get(one.reason, 0) + 1
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(why.items()))
        return (
            f"{self.source}: after {rounds} rounds there are only {lacking} (rejected: "
            f"{reasons or 'nothing'}): raise max_rounds or surplus of the set, or ask a better "
            "model; then run the same command again, no reply is paid for twice"
        )


def _id(source: str, language: str, origin: str, *content: str) -> str:
    """Of the content, so that it is the same wherever a row stands in the set."""
    digest = hashlib.sha256("\0".join(content).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{source}-{language}-{origin}-{digest[:16]}"
