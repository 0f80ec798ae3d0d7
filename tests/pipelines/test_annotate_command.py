"""The annotate command's arguments, and what it finds out about a source before it asks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.annotate import main
from pipelines.annotating import character_list
from pipelines.annotation import chat_settings
from pipelines.chat_arguments import add_chat_arguments
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.stages.characters import Character
from pipelines.stages.style import MAX_NAME
from schemas import Utterance, table_of
from tests.records import utterance

CHAT = load_params("params.yaml").chat


def _arguments(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_chat_arguments(parser)
    return parser.parse_args(flags)


def test_without_arguments_the_parameters_hold() -> None:
    assert chat_settings(_arguments(), CHAT) == CHAT


def test_arguments_go_over_the_parameters() -> None:
    flags = ["--chat-backend", "openai", "--chat-base-url", "http://a.invalid/v1/"]
    flags += ["--chat-model", "m", "--max-in-flight", "7", "--max-cost", "1.5"]
    chosen = chat_settings(_arguments(*flags), CHAT)
    assert (chosen.backend, chosen.base_url, chosen.model) == ("openai", "http://a.invalid/v1", "m")
    assert (chosen.max_in_flight, chosen.max_cost_usd) == (7, 1.5)
    assert chosen.temperature == CHAT.temperature and chosen.prices == CHAT.prices


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        (["--chat-base-url", "example.org"], "base_url"),
        (["--chat-base-url", "https://user:key@example.org"], "base_url"),
        (["--max-in-flight", "0"], "max_in_flight"),
        (["--max-cost", "0"], "max_cost_usd"),
        (["--max-cost", "nan"], "max_cost_usd"),
        (["--max-cost", "inf"], "max_cost_usd"),
        (["--chat-model", ""], "model"),
    ],
)
def test_an_argument_out_of_range_is_named(flags: list[str], key: str) -> None:
    with pytest.raises(UsageError, match=rf"^chat arguments: {key}: ") as caught:
        chat_settings(_arguments(*flags), CHAT)
    assert "user:key" not in str(caught.value)


def test_every_character_of_all_parts_comes_once(tmp_path: Path) -> None:
    speakers = [("G", "TOM"), ("G", "ANN"), ("F", "TOM"), ("G", None), ("G", "ANN")]
    speakers += [("G", "x" * (MAX_NAME + 1)), ("x" * (MAX_NAME + 1), "TOM")]  # no names
    paths = []
    for number in range(2):
        rows = [
            utterance(id=f"{number}-{n}", game=game, character=name)
            for n, (game, name) in enumerate(speakers[number:])
        ]
        paths.append(str(tmp_path / f"part-{number:05d}.parquet"))
        pq.write_table(table_of(Utterance, rows), paths[-1])
    assert character_list(paths) == [
        Character("F", "TOM"),
        Character("G", "ANN"),
        Character("G", "TOM"),
    ]
    assert character_list([]) == []


def test_before_ingest_it_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--source", "emilia", "--input", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}: no finished stage there (stage.json is missing); "
        "run python -m pipelines.ingest --source emilia\n"
    )


def test_a_prompt_version_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines import ingest

    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["annotate"]["prompts"]["embedded"]["emilia_style"] = "v99"
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump(content), encoding="utf-8")
    flags = ["--source", "emilia", "--params", str(params)]
    assert ingest.main([*flags, "--output", str(tmp_path / "in"), "--limit", "1"]) == 0
    capsys.readouterr()
    chat = ["--chat-backend", "embedded", "--input", str(tmp_path / "in")]
    assert main([*flags, *chat, "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "annotate.prompts.embedded in params.yaml: no prompt prompts/emilia_style/v99.md" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_a_damaged_part_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    (tmp_path / "part-00000.parquet").write_bytes(b"PAR1 but no more")
    facts: dict[str, object] = {
        "stage": "ingest",
        "source": "game_voice",
        "unit": "utterance",
        "in": 0,
        "out": 0,
    }
    facts |= {"rejected": {}, "rejected_hours": {}, "hours_in": 0.0, "hours_out": 0.0}
    facts |= {"speakers_in": 0, "speakers_out": 0, "backend": None}
    facts |= {"prompt_sha256": {}, "counts": {}}
    (tmp_path / "stage.json").write_text(json.dumps(facts), encoding="utf-8")
    arguments = [
        "--source",
        "game_voice",
        "--input",
        str(tmp_path),
        "--output",
        str(tmp_path / "o"),
    ]
    assert main([*arguments, "--journal", str(tmp_path / "j.sqlite"), *flags]) == 2
    assert "part-00000.parquet: a part is not readable Parquet" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
