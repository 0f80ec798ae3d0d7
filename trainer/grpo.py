# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.grpo``: rollouts and rewards (FlexiVoice 3.2.2, 3.2.3; MCLP 4.3)."""

from __future__ import annotations

import argparse
import sys

from trainer import cli

EXAMPLES = (
    "python -m trainer.grpo --config trainer/configs/flexivoice_s2.yaml --output runs/s2",
    "torchrun --nproc-per-node 8 -m trainer.grpo --config trainer/configs/flexivoice_s2.yaml "
    "--output runs/s2",
    "python -m trainer.grpo --config trainer/configs/flexivoice_s2.yaml --output runs/s2 "
    "--set rollouts.group_size=4 --dry-run",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "grpo",
        "Train a speech model by rewards: groups of rollouts are sampled, judged, and compared "
        "with each other. A run that was killed goes on from its last checkpoint.",
        EXAMPLES,
    )
    cli.add_run_arguments(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.assembly import assemble, run, spread_policy
    from trainer.loop.ranks import joined
    from trainer.rewarding import make_task
    from trainer.settings import load_settings
    from trainer.stage_settings import GrpoSettings

    settings = load_settings(arguments.config, GrpoSettings, arguments.changes)
    with joined(settings.loop.device) as ranks:
        assembly = assemble(settings, ranks)
        with make_task(assembly, settings) as task:
            if arguments.dry_run:
                cli.say(assembly.describe())
                return
            line = run(assembly, task, list, Path(arguments.output), spread_policy(assembly))
        if ranks.first:
            cli.say(line)


if __name__ == "__main__":
    sys.exit(main())
