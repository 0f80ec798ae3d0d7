# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.sft``: supervised fine-tuning on tokenized shards."""

from __future__ import annotations

import argparse
import sys

from trainer import cli

EXAMPLES = (
    "python -m trainer.sft --config trainer/configs/rp_tts_sft.yaml --output runs/rp_tts_sft",
    "torchrun --nproc-per-node 8 -m trainer.sft --config trainer/configs/rp_tts_sft.yaml "
    "--output runs/rp_tts_sft",
    "python -m trainer.sft --config trainer/configs/flexivoice_pretrain.yaml --output runs/base "
    "--set optim.learning_rate=5e-6 --dry-run",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "sft",
        "Train a speech model on the targets of tokenized shards. A run that was killed goes on "
        "from its last checkpoint when the same command is given again.",
        EXAMPLES,
    )
    cli.add_run_arguments(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.assembly import assemble, run, spread_policy
    from trainer.loop.ranks import joined
    from trainer.settings import load_settings
    from trainer.stage_settings import SftSettings
    from trainer.tasks.sft import Sft

    settings = load_settings(arguments.config, SftSettings, arguments.changes)
    with joined(settings.loop.device) as ranks:
        assembly = assemble(settings, ranks)
        if arguments.dry_run:
            cli.say(assembly.describe())
            return
        line = run(
            assembly,
            Sft(ranks, settings.microbatch_tokens),
            lambda rows: [row.example for row in rows],
            Path(arguments.output),
            spread_policy(assembly),
        )
        if ranks.first:
            cli.say(line)


if __name__ == "__main__":
    sys.exit(main())
