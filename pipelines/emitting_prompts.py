"""``pipelines.emit`` for a set of instructions (S3): shards without audio, validated."""

from __future__ import annotations

import argparse

from manifests.validate import validate
from pipelines import cli, files
from pipelines.errors import StageFailed
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import open_stage
from pipelines.stages.emit import plan_shards
from pipelines.stages.emit_prompts import EmitPromptsStage
from pipelines.stages.part_rows import count_part_rows
from pipelines.summary import summary
from schemas import InstructionPrompt


def emit_prompts(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    """Emits one set and says what became of it.

    Raises:
        StageFailed: a worker failed, or what was written is not valid.
        UsageError: there is no finished compose stage.
    """
    folder = cli.one_input(arguments, params.folder(name, "compose"))
    output = arguments.output or params.folder(name, "emit")
    composed = open_stage(folder, f"python -m pipelines.compose --set {name}")
    rows = count_part_rows(
        composed.parts, arguments.limit, InstructionPrompt, "a set of instructions"
    )
    facts = run_stage(
        EmitPromptsStage(name, params.emit),
        plan_shards(rows, params.emit.shard_size),
        output,
        runner_flags=runner_flags,
        expected_rows=sum(count for _, count in rows),
    )
    report = validate(output, storage=files)
    if not report.ok:
        files.delete([files.join(output, "stage.json")])  # the mark of done
        raise StageFailed(f"what was written is not valid: {report}")
    cli.say(f"{summary(facts)}; {report}")
