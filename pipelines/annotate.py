# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.annotate``: asks a chat model how utterances are spoken, and by whom."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.chat_arguments import add_chat_arguments
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.annotate --source emilia --dry-run",
    "python -m pipelines.annotate --source emilia",
    "DEEPSEEK_API_KEY=... python -m pipelines.annotate --source game_voice --max-cost 5",
    "python -m pipelines.annotate --source emilia --chat-backend openai "
    "--chat-base-url http://localhost:8000/v1 --chat-model my-model",
    "python -m pipelines.annotate --source emilia --replay-dead-letters",
    "python -m pipelines.annotate --source wenetspeech --max-cost 20",
    "python -m pipelines.annotate --source esd",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "annotate",
        "Describe the speaking style of every utterance with a chat model; of recordings of drama, "
        "name series and episode and describe who the speakers are. Labelled corpora: a template, "
        "or what is asked for once a combination of labels. Replies are kept in a journal: what "
        "was paid for once is never asked again.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    add_chat_arguments(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    from pipelines.annotating import UtteranceAnnotation
    from pipelines.annotating_episodes import EpisodeAnnotation
    from pipelines.annotating_labels import LabelAnnotation
    from pipelines.annotation import Annotation
    from pipelines.stage import open_stage

    name = cli.one_source(arguments, params, among=[*params.sources, *params.episode_sources])
    is_drama = name in params.episode_sources
    before = "diarize" if is_drama else "ingest"
    folder = cli.one_input(arguments, params.folder(name, before))
    earlier = open_stage(folder, f"python -m pipelines.{before} --source {name}")
    kind: type[Annotation] = LabelAnnotation if params.is_labelled(name) else UtteranceAnnotation
    annotation = (EpisodeAnnotation if is_drama else kind)(arguments, params, name, earlier)
    if arguments.dry_run:
        cli.say(annotation.estimate())
        return
    cli.say(annotation.run(arguments.output or params.folder(name, "annotate"), runner_flags))


if __name__ == "__main__":
    sys.exit(main())
