# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.emit``: packs what was selected into Lhotse Shar shards.

Of labelled corpora nothing is selected: what was annotated is packed. Of training sets it is what
was composed.
"""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.errors import StageFailed
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.emit --source emilia",
    "python -m pipelines.emit --source game_voice --input data/game_voice/select --output /shards",
    "python -m pipelines.emit --source wenetspeech",
    "python -m pipelines.emit --source esd",
    "python -m pipelines.emit --source s1",
    "python -m pipelines.emit --source emilia --limit 100 --output few",
    "python -m manifests.validate --input data/emilia/emit --decode 1",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "emit",
        "Pack selected utterances into Lhotse Shar shards: audio passed through as it is, the "
        "instruction, its origin and the lineage on each supervision. Role-play scenes go into a "
        "folder for each split: audio cut out of the vocals, a supervision for each turn.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs neither Beam nor the audio decoder.
    known = [*params.sources, *params.episode_sources, *params.sets]
    name = cli.one_source(arguments, params, among=known)
    if name in params.episode_sources:
        from pipelines.emitting_scenes import emit_scenes

        emit_scenes(name, arguments, params, runner_flags)
    elif name in params.sets and params.sets[name].kind == "instructions":
        from pipelines.emitting_prompts import emit_prompts

        emit_prompts(name, arguments, params, runner_flags)
    else:
        _emit_utterances(name, arguments, params, runner_flags)


def _stage_before(name: str, params: Params) -> tuple[str, str]:
    """The stage whose output is packed, and the command that makes it."""
    if name in params.sets:
        return "compose", f"python -m pipelines.compose --set {name}"
    stage = "annotate" if params.is_labelled(name) else "select"
    return stage, f"python -m pipelines.{stage} --source {name}"


def _emit_utterances(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    from manifests.validate import validate
    from pipelines import files
    from pipelines.run import run_stage
    from pipelines.stage import open_stage
    from pipelines.stages.emit import EmitStage, plan_shards
    from pipelines.stages.part_rows import count_part_rows
    from schemas import AnnotatedUtterance

    before, made_by = _stage_before(name, params)
    folder = cli.one_input(arguments, params.folder(name, before))
    output = arguments.output or params.folder(name, "emit")
    selected = open_stage(folder, made_by)
    rows = count_part_rows(
        selected.parts, arguments.limit, AnnotatedUtterance, "annotated utterances"
    )
    facts = run_stage(
        EmitStage(name, params.emit),
        plan_shards(rows, params.emit.shard_size),
        output,
        runner_flags=runner_flags,
        expected_rows=sum(count for _, count in rows),
    )
    # The bytes were decoded and hashed as they were written: what is left to check is that the
    # shards fit together.
    report = validate(output, hash_audio=False, storage=files)
    if not report.ok:
        files.delete([files.join(output, "stage.json")])  # the mark of done
        raise StageFailed(f"what was written is not valid: {report}")
    rejected = sum(facts.rejected.values())
    cli.say(f"emit: {facts.rows_in:,} in, {facts.rows_out:,} out, {rejected:,} rejected; {report}")


if __name__ == "__main__":
    sys.exit(main())
