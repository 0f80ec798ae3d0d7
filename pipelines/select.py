# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.select``: keeps what is worth learning from, and splits scenes."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.select --source emilia",
    "python -m pipelines.select --source game_voice --limit 1000 --output few",
    "python -m pipelines.select --source wenetspeech",
    "python -m pipelines.select --source emilia -- --direct_num_workers=8 "
    "--direct_running_mode=multi_processing",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "select",
        "Keep annotated utterances by information value and audit their instructions: empty, "
        "overlong, naming the character, in the wrong language, copied or template-like ones go. "
        "Of role-play scenes: keep those whose speakers are clear, split them by recording into "
        "train, held-out and test, and mark the subset for reinforcement learning.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    judged = (name for name in params.sources if not params.is_labelled(name))
    name = cli.one_source(arguments, params, among=[*judged, *params.episode_sources])
    if name in params.episode_sources:
        from pipelines.selecting_scenes import select_scenes

        select_scenes(name, arguments, params, runner_flags)
    else:
        _select_utterances(name, arguments, params, runner_flags)


def _select_utterances(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    import pyarrow as pa

    from pipelines import files
    from pipelines.run_here import run_here
    from pipelines.stage import count_rows, open_stage
    from pipelines.stages.select import SelectStage
    from pipelines.stages.survey import Surveyor, survey_here
    from pipelines.summary import summary

    # Arrow's own allocator takes fresh pages where the system's uses again what was given back: a
    # third more memory, and at 200,000 rows a tenth more time.
    pa.set_memory_pool(pa.system_memory_pool())
    folder = cli.one_input(arguments, params.folder(name, "annotate"))
    output = arguments.output or params.folder(name, "select")
    parts = open_stage(folder, f"python -m pipelines.annotate --source {name}").parts
    rows = count_rows(parts, arguments.limit)
    surveyor = Surveyor(settings=params.select, rows=rows, limit=arguments.limit)
    if runner_flags:
        from pipelines.run import run_stage
        from pipelines.stages.survey_pipeline import survey_on_beam

        file = files.join(output, "survey.json")
        corpus = survey_on_beam(parts, surveyor, file, runner_flags)
        stage = SelectStage(name, params.select, corpus, arguments.limit)
        facts = run_stage(stage, parts, output, runner_flags=runner_flags, expected_rows=rows)
    else:
        corpus = survey_here(parts, surveyor)
        stage = SelectStage(name, params.select, corpus, arguments.limit)
        facts = run_here(stage, parts, output, expected_rows=rows)
    cli.say(summary(facts))


if __name__ == "__main__":
    sys.exit(main())
