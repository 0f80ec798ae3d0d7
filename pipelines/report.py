# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.report``: where the hours went, on the terminal and as HTML pages."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.errors import UsageError
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.report",
    "python -m pipelines.report --source emilia --output emilia-report",
    "python -m pipelines.report --source s2 --runs runs/s2 --output s2-report",
    "python -m pipelines.report --source wenetspeech --samples 40 --output listening",
    "python -m pipelines.report --input gs://bucket/corpora --output report",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "report",
        "Show what every stage kept and rejected, what it cost, what the training sets hold, and "
        "examples: a summary here, and in the output folder index.html, listen.html to listen to "
        "utterances, scenes and rows of the sets, and rejects.html to look through what was "
        "rejected. Each page is complete in itself. All sources and sets without --source, which "
        "takes a set too; --input is the folder that holds a folder for each of them.",
        EXAMPLES,
    )
    parser.add_argument(
        "--runs",
        metavar="DIR",
        default="runs",
        help="folder of training runs, whose logs are drawn (default: %(default)s)",
    )
    parser.add_argument(
        "--evaluation",
        metavar="DIR",
        help="folder of trainer.evaluate, whose tables are linked (default: <root>/evaluation)",
    )
    parser.add_argument(
        "--samples",
        type=cli.positive,
        metavar="N",
        default=12,
        help="utterances, scenes or rows of each source and set to listen to, and rejected records "
        "of each reason, at most; sound only as far as a page can hold it (default: %(default)s)",
    )
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    import dataclasses

    from rich.console import Console

    from pipelines import files
    from pipelines.reporting import drama
    from pipelines.reporting.gather import LABELLED, VERBS, gather
    from pipelines.reporting.page import INDEX, render_pages
    from pipelines.reporting.purchases import gather_purchases
    from pipelines.reporting.terminal import show
    from pipelines.reporting.training import gather_training, link_to_tables

    if runner_flags:
        raise UsageError(f"{' '.join(runner_flags)}: the report runs no pipeline")
    known: dict[str, tuple[str, ...]] = {
        name: LABELLED if params.is_labelled(name) else VERBS for name in params.sources
    }
    known |= dict.fromkeys(params.episode_sources, drama.VERBS)
    sets = dict(params.sets)
    if arguments.source:
        name = cli.one_source(arguments, params, among=[*known, *sets])
        known = {one: verbs for one, verbs in known.items() if one == name}
        sets = {one: settings for one, settings in sets.items() if one == name}
    buying = [name for name, settings in sets.items() if settings.kind == "instructions"]
    report = gather(cli.one_input(arguments, params.root), known, arguments.samples, sets)
    output = arguments.output or files.join(params.root, "report")
    evaluation = arguments.evaluation or files.join(params.root, "evaluation")
    report = dataclasses.replace(
        report,
        training=gather_training(arguments.runs),
        evaluation=link_to_tables(evaluation, output),
        purchases=gather_purchases((name, params.journal(name)) for name in (*known, *buying)),
    )
    show(report, Console())
    for name, page in render_pages(report).items():
        files.write_text(files.join(output, name), page)
    cli.say(f"report: {files.join(output, INDEX)}")


if __name__ == "__main__":
    sys.exit(main())
