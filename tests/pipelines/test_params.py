"""``params.yaml`` is read strictly, and an error names the file and the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.errors import UsageError
from pipelines.params import Params, load_params

SHIPPED = Path("params.yaml")


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., str]:
    """Writes params.yaml with one key set, or removed where the value is ``...``."""

    def write(key: str, value: object) -> str:
        content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        *sections, last = key.split(".")
        section: dict[str, Any] = content
        for name in sections:
            section = section[name]
        if value is ...:
            del section[last]
        else:
            section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return str(path)

    return write


def test_the_shipped_parameters_are_valid() -> None:
    params = load_params(str(SHIPPED))
    assert set(params.sources) >= {"emilia", "game_voice"}
    assert params.folder("emilia", "ingest") == "data/emilia/ingest"
    assert params.journal("emilia") == "journals/emilia.sqlite"
    assert params.chat.prices is not None
    assert params.chat.model in params.chat.prices.models, "without a price there is no cap"


def test_reading_twice_gives_the_same() -> None:
    assert load_params(str(SHIPPED)) == load_params(str(SHIPPED))


def test_parameters_do_not_change_after_reading() -> None:
    params = load_params(str(SHIPPED))
    with pytest.raises(ValueError, match="frozen"):
        params.root = "elsewhere"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("selct", {}),
        ("select.max_wrods", 60),
        ("chat.temprature", 1.0),
        ("chat.prices.models.deepseek-flash.inptu", 1.0),
        ("sources.emilia.licnece", "CC0"),
        ("annotate.prompts.openai.emilia_stlye", "v1"),
        ("embedded_chat.weights.pth", None),
        ("emit.shardsize", 5),
    ],
)
def test_an_unknown_key_is_named(changed: Callable[..., str], key: str, value: object) -> None:
    path = changed(key, value)
    with pytest.raises(UsageError) as caught:
        load_params(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and key.rpartition(".")[2] in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("select.max_words", "sixty"),
        ("select.max_words", 0),
        ("select.keep_values", ["highest"]),
        ("select.min_script_share", 1.5),
        ("chat.max_in_flight", "64"),
        ("chat.base_url", "https://key@example.org"),
        ("chat.prices.currency", "EUR"),
        ("chat.prices.date", "yesterday"),
        ("ingest.rows_per_file", 0),
        ("ingest.rows_per_file", ...),
        ("chat.base_url", ...),
        ("sources.emilia.kind", "emlia"),
        ("sources.emilia.kind", ...),
        ("sources.emilia.input", "samples/emilia"),
        ("emit", ...),
        ("sources", []),
    ],
)
def test_a_wrong_or_missing_value_is_named(
    changed: Callable[..., str], key: str, value: object
) -> None:
    path = changed(key, value)
    with pytest.raises(UsageError) as caught:
        load_params(path)
    message = str(caught.value)
    named = key.removesuffix(".kind")  # the kind tells which settings: the source is named
    assert message.startswith(f"{path}: ")
    assert named.rpartition(".")[2] in message.removeprefix(path)
    assert "\n" not in message


def test_more_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("sources: {}\n")
    with pytest.raises(UsageError, match=r"Field required \(and \d+ more\)$"):
        load_params(str(path))


@pytest.mark.parametrize("content", ["", "[]", "words", "3"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"params\.yaml: "):
        load_params(str(path))


@pytest.mark.parametrize("content", [b"a: [1", b"a: b: c", b"\tx: 1", b"\xff\xfe\x00"])
def test_what_is_not_yaml_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"params\.yaml: not YAML: "):
        load_params(str(path))


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.yaml: No such file .*; run from the project"):
        load_params(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(UsageError, match="Is a directory"):
        load_params(str(tmp_path))


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("root: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(UsageError, match="not YAML"):
        load_params(str(path))


def test_every_key_of_the_file_is_read(changed: Callable[..., str]) -> None:
    """A value that is set is the value that is used."""
    assert load_params(changed("select.max_words", 7)).select.max_words == 7
    assert load_params(changed("root", "elsewhere")).folder("a", "b") == "elsewhere/a/b"
    assert isinstance(load_params(changed("chat.temperature", 0.25)), Params)
    assert load_params(changed("chat.temperature", 0.25)).chat.temperature == 0.25
