# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.dpo``: preference pairs drawn from tokenized shards (FlexiVoice 3.2.1)."""

from __future__ import annotations

import argparse
import sys

from trainer import cli

EXAMPLES = (
    "python -m trainer.dpo --config trainer/configs/flexivoice_s1.yaml --output runs/s1",
    "torchrun --nproc-per-node 8 -m trainer.dpo --config trainer/configs/flexivoice_s1.yaml "
    "--output runs/s1",
    "python -m trainer.dpo --config trainer/configs/flexivoice_s1.yaml --output runs/s1 "
    "--set beta=0.2 --dry-run",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "dpo",
        "Train a speech model to prefer one utterance over another of the same words: sources "
        "with `pairs` in their settings draw both from tokenized shards. A run that was killed "
        "goes on from its last checkpoint.",
        EXAMPLES,
    )
    cli.add_run_arguments(parser)
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.assembly import assemble, run, spread_policy
    from trainer.errors import UsageError
    from trainer.loop.ranks import joined
    from trainer.models import Reference
    from trainer.settings import load_settings
    from trainer.stage_settings import DpoSettings
    from trainer.tasks.dpo import Dpo, Pair, rejected_of

    settings = load_settings(arguments.config, DpoSettings, arguments.changes)
    with joined(settings.loop.device) as ranks:
        for source in settings.data.sources:
            if source.pairs is None:
                raise UsageError(f"data.sources: {source.folder} has no pairs to prefer one of")
        assembly = assemble(settings, ranks)
        if arguments.dry_run:
            cli.say(assembly.describe())
            return
        reference = Reference(assembly.policy, ranks.device)
        line = run(
            assembly,
            Dpo(ranks, reference, settings.beta, settings.microbatch_tokens),
            lambda rows: [Pair(row.example, rejected_of(row)) for row in rows],
            Path(arguments.output),
            spread_policy(assembly),
        )
        if ranks.first:
            cli.say(line)


if __name__ == "__main__":
    sys.exit(main())
