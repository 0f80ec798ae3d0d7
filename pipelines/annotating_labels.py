"""What ``pipelines.annotate`` does with labelled corpora: templates, combinations, descriptions."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import prompts
from pipelines import files
from pipelines.annotation import Annotation, load_prompt
from pipelines.chat.engine import ChatEngine, Outcome
from pipelines.chat.plan import Plan
from pipelines.chat.request import ChatRequest, DeadLetter
from pipelines.errors import UsageError
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.sources.labelled.settings import LabelledSettings
from pipelines.stage import StageOutput
from pipelines.stages.annotate_labels import WRITTEN, AnnotateLabelsStage, check_columns
from pipelines.stages.label_instructions import (
    ANY,
    OWN,
    InstructionRule,
    NoReply,
    NoRule,
    ShippedRule,
    TemplateRule,
    TupleRule,
)
from pipelines.stages.label_replies import (
    InstructionsReply,
    LabelTuple,
    Written,
    tuple_request,
)
from pipelines.stages.label_settings import AnnotateLabelsSettings, LabelQuestionSettings
from pipelines.stages.label_survey import label_tuples
from pipelines.stages.style import LANGUAGE_NAMES
from pipelines.summary import summary
from prompts import Prompt, Templates


class LabelAnnotation(Annotation):
    """One run of the annotate command over a labelled source, by the rule of its settings."""

    counts_rows = True

    def __init__(
        self, arguments: argparse.Namespace, params: Params, source: str, earlier: StageOutput
    ) -> None:
        """Chooses rule, templates or prompt and journal.

        Raises:
            UsageError: a chat argument, a version or a language is not valid, or a part not
                Parquet.
        """
        super().__init__(arguments, params, source, earlier)
        check_columns(earlier.parts, f"python -m pipelines.ingest --source {source}")
        settings = params.sources[source]
        assert isinstance(settings, LabelledSettings)  # noqa: S101  (annotate dispatches by it)
        self._settings = settings
        self._seed = params.annotate_labels.seed
        self._asks = settings.instructions == "tuples"
        self._questions = _questions(params.annotate_labels, self._recipe.backend)
        if self._asks:
            key = f"annotate_labels.{self._recipe.backend}"
            self._prompt = _prompt(self._questions, key)
        elif settings.instructions == "templates":
            self._templates = chosen_templates(params.annotate_labels, settings.templates)
            self._language = params.annotate_labels.template_language

    def run(self, output: str, runner_flags: list[str]) -> str:
        """Annotates every part; returns the closing line."""
        self.check()
        written, spent = dict[LabelTuple, Written | NoReply](), Counter[str]()
        if self._asks:
            engine = self._recipe.make(f"{self._source}/labels")
            try:
                written = self._written(engine)
                spent = Counter(engine.usage.counts())
            finally:
                engine.close()
        facts = run_stage(
            self._stage(written),
            self._parts,
            output,
            runner_flags=runner_flags,
            expected_rows=self._units,
            extra_run_facts=spent,
        )
        if not self._asks:
            return summary(facts)
        files.write_text(files.join(output, WRITTEN), _written_json(written))
        return self.closing(facts)

    def check(self) -> None:
        """Finds bad usage while an earlier run's output is still there; no journal for no calls.

        Raises:
            UsageError: a cap without a price, no place for a journal, or calls due without a key.
        """
        if self._asks:
            super().check()

    def estimate(self) -> str:
        """What a run would call and cost."""
        if self._asks:
            return super().estimate()
        rule = self._settings.instructions
        return f"dry run of annotate {self._source}: instructions: {rule}; 0 calls to make"

    def plans(self, engine: ChatEngine) -> list[Plan]:
        """Of every combination of labels."""
        return [engine.plan([request for _, request in self._requests()])]

    def _requests(self) -> list[tuple[LabelTuple, ChatRequest]]:
        asked = self._questions
        return [
            (
                labels,
                tuple_request(
                    labels,
                    self._prompt,
                    languages=asked.languages,
                    per_language=asked.per_language,
                    max_tokens=asked.max_tokens,
                ),
            )
            for labels in label_tuples(self._parts, self._settings.instruction_labels, self._limit)
        ]

    def _written(self, engine: ChatEngine) -> dict[LabelTuple, Written | NoReply]:
        asked = self._requests()
        outcomes = engine.run([request for _, request in asked])
        return {
            labels: _outcome(outcome, request.tag, self._questions.languages)
            for (labels, request), outcome in zip(asked, outcomes, strict=True)
        }

    def _stage(self, written: Mapping[LabelTuple, Written | NoReply]) -> AnnotateLabelsStage:
        rule, made_with = self._rule(written)
        return AnnotateLabelsStage(
            self._source,
            rule,
            prompts={one.label: one.sha256 for one in made_with},
            backend=self._recipe.model_name if self._asks else None,
            limit=self._limit,
        )

    def _rule(
        self, written: Mapping[LabelTuple, Written | NoReply]
    ) -> tuple[InstructionRule, Sequence[Prompt | Templates]]:
        names, seed = self._settings.instruction_labels, self._seed
        if self._asks:
            prompt = self._prompt
            return TupleRule(written, names, prompt.label, prompt.sha256, seed), [prompt]
        if self._settings.instructions == "templates":
            return TemplateRule(self._templates, self._language, seed), [self._templates]
        return ShippedRule(
            names, seed
        ) if self._settings.instructions == "shipped" else NoRule(), []


def chosen_templates(settings: AnnotateLabelsSettings, name: str) -> Templates:
    """The templates of this name, in the version that params.yaml asks for.

    Raises:
        UsageError: there are none, or none in the language asked for.
    """
    key = "annotate_labels.templates in params.yaml"
    if name not in settings.templates:
        raise UsageError(f"{key}: no version of {name}; it has: {', '.join(settings.templates)}")
    try:
        templates = prompts.load_templates(name, settings.templates[name])
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from error
    known = (OWN, ANY, *templates.texts)
    if settings.template_language not in known:
        raise UsageError(
            f"annotate_labels.template_language in params.yaml: {settings.template_language}: "
            f"{templates.label} takes {', '.join(known)}"
        )
    return templates


def _questions(settings: AnnotateLabelsSettings, backend: str) -> LabelQuestionSettings:
    found: LabelQuestionSettings = getattr(settings, backend)
    return found


def _prompt(questions: LabelQuestionSettings, key: str) -> Prompt:
    prompt = load_prompt(
        "attribute_instructions", questions.prompts.attribute_instructions, f"{key}.prompts"
    )
    unknown = [one for one in questions.languages if one not in LANGUAGE_NAMES]
    if unknown:
        known = ", ".join(LANGUAGE_NAMES)
        raise UsageError(f"{key}.languages in params.yaml: {unknown[0]}: not one of {known}")
    small = prompt.version.endswith(".small")
    if small and (questions.languages != ["en"] or questions.per_language > 3):
        raise UsageError(
            f"{key} in params.yaml: {prompt.label} writes up to 3 instructions, in English: set "
            "languages: [en] and per_language: 3, or choose another version"
        )
    return prompt


def _outcome(outcome: Outcome, asked: str, languages: Sequence[str]) -> Written | NoReply:
    if isinstance(outcome, DeadLetter):
        return NoReply(f"{outcome.cause}: about {asked}: {outcome.detail}")
    reply = outcome.value
    assert isinstance(reply, InstructionsReply)  # noqa: S101  (the request's own schema)
    return Written(
        tuple((one, text) for one in languages for text in reply.instructions(one)),
        outcome.model,
        outcome.reply_sha256,
    )


def _written_json(written: Mapping[LabelTuple, Written | NoReply]) -> str:
    rows = [
        {
            "labels": [list(pair) for pair in labels],
            "instructions": [] if isinstance(found, NoReply) else [*map(list, found.instructions)],
            "detail": found.detail if isinstance(found, NoReply) else "",
        }
        for labels, found in written.items()
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
