# PYTHON_ARGCOMPLETE_OK
"""Checks an emitted folder: every cut has its audio, its lineage and what it is trained with.

    python -m manifests.validate --input data/emilia/emit --decode 0.01
    python -m manifests.validate --input data/wenetspeech/emit

Of scenes all splits are checked, and that they share no recording. Prompts (S3) have no audio.

Exit status 0 = valid, 1 = something is wrong (the first problem on one line, a count of the rest),
2 = bad usage or no emitted folder there.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
from collections.abc import Sequence

import argcomplete

from manifests.checks import UTTERANCES, Damage, Problem
from manifests.emitted import NotEmitted, emitted_facts
from manifests.prompt_cuts import PROMPTS
from manifests.prompt_cuts import UNIT as PROMPT
from manifests.scene_checks import scene_form
from manifests.scene_cuts import SPLITS
from manifests.shard_checks import Report, ShardsCheck
from manifests.storage import LocalFiles, Storage


def validate(
    folder: str,
    *,
    hash_audio: bool = True,
    decode: float = 0.0,
    storage: Storage | None = None,
) -> Report:
    """Checks every shard of an emitted folder against itself and against ``stage.json``.

    Streams: in memory are one shard's ids, and eight bytes for each cut of the folder.

    Args:
        folder: output folder of emit, with ``shar/`` and ``stage.json``.
        hash_audio: reads the audio and compares its hash; otherwise only its size is compared.
        decode: share of the cuts, 0 to 1, whose audio is decoded. Which ones depends on their ids
            alone.
        storage: where the folder lies; this machine by default.

    Raises:
        NotEmitted: there is no ``stage.json``, or it is not one of emit.
    """
    storage = storage or LocalFiles()
    facts = emitted_facts(folder, storage)
    check = ShardsCheck(storage, hash_audio, decode)
    if facts.unit == "sentence":
        for split in SPLITS:
            before = check.report.cuts
            check.folder(posixpath.join(folder, split), scene_form(split))
            check.report.splits[split] = check.report.cuts - before
            stated = facts.counts.get(f"scenes.{split}", 0)
            if check.report.splits[split] != stated:
                what = f"{check.report.splits[split]} cuts of {split}, stage.json has {stated}"
                check.report.add(Problem(Damage.COUNT, folder, what))
    else:
        check.folder(folder, PROMPTS if facts.unit == PROMPT else UTTERANCES)
    report = check.finish()
    if report.supervisions != facts.rows_out:
        what = f"{report.supervisions} {facts.unit}s, stage.json says {facts.rows_out}"
        report.add(Problem(Damage.COUNT, folder, what))
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m manifests.validate",
        description="Checks the Shar shards that pipelines.emit wrote.",
        epilog="examples:\n"
        "  python -m manifests.validate --input data/emilia/emit\n"
        "  python -m manifests.validate --input data/wenetspeech/emit\n"
        "  python -m manifests.validate --input data/emilia/emit --decode 1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, metavar="DIR", help="output folder of emit")
    parser.add_argument(
        "--decode",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="share of the cuts, 0 to 1, whose audio is decoded (%(default)s); all are hashed",
    )
    argcomplete.autocomplete(parser)
    arguments = parser.parse_args(argv)
    try:
        report = validate(arguments.input, decode=arguments.decode)
    except (NotEmitted, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(report if report.ok else f"error: {report}", file=None if report.ok else sys.stderr)  # noqa: T201
    return 0 if report.ok else 1


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share between 0 and 1")
    return share


if __name__ == "__main__":
    sys.exit(main())
