# PYTHON_ARGCOMPLETE_OK
"""Expands a text LLM by the codes of a speech tokenizer (FlexiVoice A.1), and by tags (A.2).

python -m trainer.expand --model DIR --codec data/emilia/tokens --output models/expanded
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainer.cli import make_parser, run_command, say

CONFIG = "trainer/configs/expand.yaml"
_EXAMPLES = (
    "python -m trainer.expand --model models/Phi-3.5-mini-instruct --codec data/emilia/tokens "
    "--output models/flexivoice-0",
    "python -m trainer.expand --model models/Phi-3.5-mini-instruct --codec data/nvspeech/tokens "
    "--tags nvspeech_tags.txt --output models/flexivoice-0",
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    summary = "Gives a text LLM tokens for speech, and saves it as transformers loads it."
    parser = make_parser("expand", summary, _EXAMPLES, CONFIG)
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="the LLM: a folder, or a name on the hub")
    add("--codec", required=True, metavar="DIR", help="a folder of trainer.tokenize: whose codes")
    add("--output", required=True, metavar="DIR", help="folder for the expanded model")
    add("--tags", metavar="FILE", help="paralinguistic tags, one a line: [Laughter]")
    return run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from trainer.expanding import ExpandSettings, expand_model
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, ExpandSettings, arguments.changes)
    say(
        expand_model(
            arguments.model, arguments.codec, arguments.output, settings, tags=arguments.tags
        )
    )


if __name__ == "__main__":
    sys.exit(main())
