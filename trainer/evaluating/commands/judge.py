"""``python -m trainer.evaluate judge``."""

from __future__ import annotations

import argparse

from trainer import cli
from trainer.evaluating.subcommand import Subcommand


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--input", required=True, metavar="FILE", help="InstructTTSEval's JSON, with gen_path")
    add("--speech", required=True, metavar="DIR", help="the folder that every gen_path is in")
    add("--language", required=True, metavar="CODE", help="of the file: en, zh")
    add("--system", required=True, metavar="NAME", help="whose speech it is, for the tables")
    add("--output", required=True, metavar="DIR", help="for measurements.jsonl and verdicts.jsonl")


def _work(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from trainer.errors import UsageError
    from trainer.evaluating.judging import judge_file
    from trainer.evaluating.settings import EvaluateSettings
    from trainer.settings import load_settings

    settings = load_settings(arguments.config, EvaluateSettings, arguments.changes)
    judge = settings.score.instruction
    if judge is None:
        raise UsageError("no judge: give --set score.instruction.base_url=http://HOST/v1")
    cli.say(
        judge_file(
            Path(arguments.input),
            Path(arguments.speech),
            Path(arguments.output),
            judge,
            system=arguments.system,
            language=arguments.language,
        )
    )


SUBCOMMAND = Subcommand(
    name="judge",
    summary="Let a judge server hear speech that any system made for InstructTTSEval, named by "
    "gen_path in its file (FlexiVoice Table 4); two judges' verdicts go to `agreement` (A.7).",
    examples=(
        "python -m trainer.evaluate judge --input voxinstruct/en.json --speech voxinstruct "
        "--language en --system voxinstruct --output data/instruct/voxinstruct_en "
        "--set score.instruction.base_url=http://localhost:8000/v1",
        "python -m trainer.evaluate judge --input mine/zh.json --speech mine --language zh "
        "--system mine --output data/instruct/mine_zh --set "
        "'score.instruction={base_url: \"http://localhost:8000/v1\", question: yes_no}'",
    ),
    add_arguments=_add_arguments,
    work=_work,
)
