"""What ``pipelines.compose`` does for a set of instructions (S3): sample, check, ask, count."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence

from pipelines.annotation import chat_settings, load_prompt
from pipelines.backends.chat import chosen_backend
from pipelines.backends.recipe import EngineRecipe
from pipelines.chat.engine import ChatEngine, Outcome
from pipelines.chat.plan import Plan
from pipelines.chat.request import ChatRequest
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import open_stage
from pipelines.stages.instruction_set import InstructionSetStage, LanguageJob
from pipelines.stages.instruction_set_rounds import CallsDue
from pipelines.stages.instruction_set_sample import check_sizes, sample
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.summary import summary
from prompts import Prompt
from schemas import PromptOrigin


class InstructionSetRun:
    """One run of the compose command for a set of instructions."""

    def __init__(
        self,
        name: str,
        settings: InstructionSetSettings,
        arguments: argparse.Namespace,
        params: Params,
    ) -> None:
        """Chooses the backend, loads its prompts, draws the sample.

        Args:
            name: of the set in params.yaml.
            settings: of the set.
            arguments: of the command, those of the chat model among them.
            params: all parameters.

        Raises:
            UsageError: a chat argument or a prompt version is not valid, a source is not there, or
                there is too little to sample from.
        """
        self._name = name
        chat = chat_settings(arguments, params.chat)
        backend = chosen_backend(chat)
        asking = settings.asking(backend)
        update = {"temperature": asking.temperature, "max_tokens": asking.max_tokens}
        self._recipe = EngineRecipe(
            backend=backend,
            chat=chat.model_copy(update=update),
            embedded=params.embedded_chat.model_copy(update=update),
            journal=arguments.journal or params.journal(name),
            replay_dead_letters=arguments.replay_dead_letters,
        )
        self._rows = asking.counts.total * len(asking.languages)
        self._stage = InstructionSetStage(
            name,
            self._recipe,
            settings,
            asking,
            _prompts(asking.prompts.model_dump(), f"sets.{name}.{backend}.prompts"),
        )
        parts = _parts(arguments.input, settings, params)
        samples = sample(parts, asking.languages, asking.counts.sampled, settings.seed)
        check_sizes(list(samples.values()), f"sets.{name}.{backend}")
        self._jobs = [
            LanguageJob(language, samples[language].found()) for language in asking.languages
        ]

    def estimate(self) -> str:
        """What a run would call and cost, without a call."""
        return (
            f"dry run of compose {self._name} with {self._recipe.model_name}: "
            f"{self._plan().describe()}; rounds after the next, for what is rejected, not foreseen"
        )

    def run(self, output: str, runner_flags: Sequence[str]) -> str:
        """Makes the set; gives the closing line.

        Raises:
            UsageError: a cap without a price, no place for a journal, or calls due without a key.
            StageFailed: there are too few instructions after all rounds, or a call failed for good.
        """
        self._recipe.check(self._name, self._plan)
        facts = run_stage(
            self._stage,
            self._jobs,
            output,
            runner_flags=runner_flags,
            expected_rows=self._rows,
        )
        return f"{summary(facts)}\nreplies are kept in {self._recipe.journal}"

    def _plan(self) -> Plan:
        with self._recipe.planner(self._name) as engine:
            return Plan.total(self._plan_language(engine, job) for job in self._jobs)

    def _plan_language(self, engine: ChatEngine, job: LanguageJob) -> Plan:
        """The rounds that the journal answers, and the next one."""
        asked: list[ChatRequest] = []

        def ask(requests: Sequence[ChatRequest]) -> Sequence[Outcome | None]:
            asked.extend(requests)
            return engine.recall(requests)

        with contextlib.suppress(CallsDue):  # what is due is in the plan
            self._stage.finish(self._stage.begin(job), ask)
        return engine.plan(asked)


def _prompts(versions: Mapping[str, str], key: str) -> dict[PromptOrigin, Prompt]:
    names = {
        PromptOrigin.DICTIONARY: "s3_dictionary",
        PromptOrigin.FEATURES: "s3_features",
        PromptOrigin.FREE: "s3_free",
    }
    return {origin: load_prompt(name, versions[name], key) for origin, name in names.items()}


def _parts(
    given: Sequence[str] | None, settings: InstructionSetSettings, params: Params
) -> list[str]:
    """The parts of the sources that are sampled, or of ``--input``: what emit would pack."""
    folders: dict[str, str] = {}
    for source in settings.sources:
        stage = "annotate" if params.is_labelled(source) else "select"
        folders[params.folder(source, stage)] = f"python -m pipelines.{stage} --source {source}"
    if given is not None:
        folders = dict.fromkeys(given, "python -m pipelines.select --source NAME")
    return [
        part for folder in sorted(folders) for part in open_stage(folder, folders[folder]).parts
    ]
