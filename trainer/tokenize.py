# PYTHON_ARGCOMPLETE_OK
"""Speech tokens: shards with audio -> shards with codes, and fitting the embedded codec.

python -m trainer.tokenize --fit --tokenizer kmeans:data/codec.safetensors --input DIR...
python -m trainer.tokenize --tokenizer kmeans:data/codec.safetensors --input DIR --output DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainer.cli import make_parser, run_command, say
from trainer.errors import UsageError

CONFIG = "trainer/configs/tokenize.yaml"
_CODEC = "kmeans:data/codec.safetensors"
_EXAMPLES = (
    f"python -m trainer.tokenize --fit --tokenizer {_CODEC} --input data/emilia/emit",
    f"python -m trainer.tokenize --tokenizer {_CODEC} --input data/emilia/emit "
    "--output data/emilia/tokens",
    "python -m trainer.tokenize --tokenizer s3:v2_25hz --set device=cuda --part 0/8 "
    "--input data/wenetspeech/emit --output data/wenetspeech/tokens",
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    summary = "Gives every utterance and every turn of a scene its speech tokens."
    parser = make_parser("tokenize", summary, _EXAMPLES, CONFIG)
    add = parser.add_argument
    add("--input", nargs="+", required=True, metavar="DIR", help="output folder of emit")
    add("--output", metavar="DIR", help="folder for the shards with codes")
    add("--tokenizer", metavar="NAME", help="kmeans:PATH, dualcodec:25hz_v1, s3:v2_25hz, ...")
    add("--fit", action="store_true", help="fit the codec of --tokenizer kmeans:PATH and stop")
    add("--drop-audio", action="store_true", help="leave the audio out of the new shards")
    add("--part", type=_part, default=(0, 1), metavar="K/N", help="only every N-th shard, from K")
    add("--dry-run", action="store_true", help="say what there is to do, and do nothing")
    return run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace) -> None:
    from trainer.settings import load_settings
    from trainer.tokenizing.command import fit, plan, run
    from trainer.tokenizing.settings import TokenizeSettings

    settings = load_settings(arguments.config, TokenizeSettings, arguments.changes)
    name = arguments.tokenizer or settings.tokenizer
    if not name:
        raise UsageError("--tokenizer is missing, and the configuration names none")
    if arguments.fit:
        say(fit(arguments.input, name, settings, dry_run=arguments.dry_run))
        return
    if len(arguments.input) != 1 or not arguments.output:
        raise UsageError("give one --input and one --output; only --fit takes several inputs")
    keep_audio = settings.keep_audio and not arguments.drop_audio
    work = plan if arguments.dry_run else run
    say(work(arguments.input[0], arguments.output, name, settings, keep_audio, arguments.part))


def _part(text: str) -> tuple[int, int]:
    """``K/N`` as numbers, 0 <= K < N."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and int(number) < int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with 0 <= K < N")
    return int(number), int(count)


if __name__ == "__main__":
    sys.exit(main())
