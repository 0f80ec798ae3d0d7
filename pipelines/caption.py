# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.caption``: describes the place and atmosphere of every scene."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.caption --source wenetspeech",
    "python -m pipelines.caption --source wenetspeech --backend transformers --device cuda",
    "CHAT_API_KEY=... python -m pipelines.caption --source wenetspeech --backend openai "
    "--base-url http://localhost:8000/v1 --model Qwen/Qwen2.5-VL-7B-Instruct",
    "python -m pipelines.caption --source wenetspeech --backend openai --dry-run",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "caption",
        "Describe place and atmosphere of every scene from pictures of its video: with Qwen-VL on "
        "a GPU, with a vision model behind a server, or with measured facts of the pictures. What "
        "was computed or paid for once is kept and never made again.",
        EXAMPLES,
    )
    cli.add_limit(parser)
    captioner = parser.add_argument_group("captioner")
    captioner.add_argument("--backend", choices=("auto", "openai", "transformers", "embedded"))
    captioner.add_argument("--device", choices=("auto", "cpu", "cuda"), help="of transformers")
    captioner.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible vision server")
    captioner.add_argument("--model", metavar="NAME", help="on the server, hub, or a folder")
    captioner.add_argument("--max-in-flight", type=int, metavar="N", help="calls at once")
    captioner.add_argument("--max-cost", type=float, metavar="USD", help="make no call past it")
    captioner.add_argument("--journal", metavar="PATH", help="where a server's replies are kept")
    captioner.add_argument(
        "--replay-dead-letters", action="store_true", help="ask again what had no valid reply"
    )
    captioner.add_argument(
        "--dry-run", action="store_true", help="say what would be called or computed; do neither"
    )
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    # Imported here, so that --help needs no Beam.
    from pipelines.captioning import Captioning
    from pipelines.stage import open_stage

    name = cli.one_source(arguments, params, among=params.episode_sources)
    folder = cli.one_input(arguments, params.folder(name, "cut_scenes"))
    cut = open_stage(folder, f"python -m pipelines.cut_scenes --source {name}")
    captioning = Captioning(arguments, params, name, cut.parts)
    if arguments.dry_run:
        cli.say(captioning.estimate())
        return
    cli.say(captioning.run(arguments.output or params.folder(name, "caption"), runner_flags))


if __name__ == "__main__":
    sys.exit(main())
