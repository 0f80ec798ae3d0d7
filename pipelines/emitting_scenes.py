"""``pipelines.emit`` for role-play scenes: shards for each split, validated before it is done."""

from __future__ import annotations

import argparse

from manifests.scene_cuts import SPLITS
from manifests.validate import validate
from pipelines import cli, files
from pipelines.errors import StageFailed
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import open_stage
from pipelines.stages.emit_scenes import EmitScenesStage, count_splits, plan_scene_shards
from pipelines.summary import summary


def emit_scenes(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    """Emits the scenes of one source and says what became of them.

    Raises:
        StageFailed: a worker failed, or what was written is not valid.
        UsageError: there is no finished select stage.
    """
    folder = cli.one_input(arguments, params.folder(name, "select"))
    output = arguments.output or params.folder(name, "emit")
    parts = open_stage(folder, f"python -m pipelines.select --source {name}").parts
    scenes = count_splits(parts, arguments.limit)
    facts = run_stage(
        EmitScenesStage(name, params.emit_scenes),
        plan_scene_shards(scenes, params.emit_scenes.shard_size),
        output,
        runner_flags=runner_flags,
    )
    # The audio was hashed as it was written: what is left to check is that the shards fit together.
    report = validate(output, hash_audio=False, storage=files)
    if not report.ok:
        files.delete([files.join(output, "stage.json")])  # the mark of done
        raise StageFailed(f"what was written is not valid: {report}")
    cli.say(f"{summary(facts)}; {report}")
    if empty := [split for split in SPLITS if not facts.counts.get(f"scenes.{split}")]:
        cli.say(f"no scenes, and so no folder, for: {', '.join(empty)}")
