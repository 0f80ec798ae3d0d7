"""What the README tells a reader to type is typed, in order, on the samples; its Python is run."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipelines.params import load_params
from tests.docs import documents
from tests.docs.documents import DOCUMENTS, ROOT, Block, Command
from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.workplace import KEY, SOURCES, Workplace

README = Path("README.md")
# Sections of the README whose commands are run as they stand. Drama and training take minutes:
# tests/e2e and tests/trainer run those, and test_commands.py reads their lines.
RUN = ("On your own corpora", "Hand it on")


@dataclass(frozen=True)
class Typed:
    """A command of the README, and how it ended."""

    command: Command
    out: str


@dataclass(frozen=True)
class Reader:
    """Somebody who followed the README."""

    folder: Path
    typed: list[Typed]
    server: AnnotationServer


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    thread, server = annotation_server()
    with thread, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("reader")
        workplace = Workplace(folder, thread.base_url)
        workplace.change({"root": "data", "journals": "journals", "episode_sources": {}})
        patch.chdir(folder)
        for verb in ("ingest", "annotate", "select", "emit"):  # the same with --source game_voice
            patch.setenv("DEEPSEEK_API_KEY", KEY)
            _run(documents.command_of(README, 0, f"python -m pipelines.{verb} --source game_voice"))
        patch.delenv("DEEPSEEK_API_KEY")
        typed = []
        for command in _commands():
            with patch.context() as inside:
                for name, _ in command.assignments:
                    inside.setenv(name, KEY)
                typed.append(Typed(command, _run(command)))
        yield Reader(folder, typed, server)


def _commands() -> list[Command]:
    """What the sections of RUN show, as far as it is about the sources of the samples."""
    text = (ROOT / README).read_text(encoding="utf-8")
    found: list[Command] = []
    for heading in RUN:
        start = text.index(f"## {heading}\n")
        ends = re.search(r"^##+ ", text[start + 3 :], re.MULTILINE)
        first = text.count("\n", 0, start)
        last = first + text[start : start + 3 + (ends.start() if ends else len(text))].count("\n")
        for block in documents.blocks(README):
            if block.language == "sh" and first < block.line <= last:
                found += documents.block_commands(block)
    ours = [one for one in found if one.program == "python"]
    return [one for one in ours if "wenetspeech" not in " ".join(one.words)]


def _run(command: Command) -> str:
    """Runs a ``python -m`` line in this process; it must end well."""
    _, dash_m, module, *arguments = command.words
    assert dash_m == "-m", command
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = importlib.import_module(module).main(arguments)
    # On a slow machine the error stream has lines of progress.
    assert status == 0 and "error" not in err.getvalue(), f"{command}: {err.getvalue()}"
    return out.getvalue()


def test_every_step_of_the_readme_was_typed(reader: Reader) -> None:
    verbs = [str(typed.command.words[2]).split(".")[1] for typed in reader.typed]
    assert verbs == [
        *("ingest", "annotate", "annotate", "select", "emit", "validate", "report", "export")
    ]


def test_the_dry_run_costs_nothing_and_says_what_it_would(reader: Reader) -> None:
    dry, paid = (t for t in reader.typed if t.command.words[2] == "pipelines.annotate")
    assert "--dry-run" in dry.command.words and "--dry-run" not in paid.command.words
    assert re.search(r"USD|\$", dry.out)
    assert reader.server.calls > 0


def test_the_page_and_the_export_are_where_the_readme_says(reader: Reader) -> None:
    assert (reader.folder / "data" / "report" / "index.html").is_file()
    assert (reader.folder / "journals" / "emilia.sqlite").is_file()
    assert list((reader.folder / "hub").rglob("README.md")), "a dataset card"


PYTHON = [b for d in DOCUMENTS for b in documents.blocks(d) if b.language == "python"]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"{block.document}:{block.line}")
def test_a_python_example_runs(block: Block, reader: Reader) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=reader.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it shows nothing"


def test_there_are_python_examples() -> None:
    assert PYTHON


YAML = [b for d in DOCUMENTS for b in documents.blocks(d) if b.language == "yaml"]


@pytest.mark.parametrize("block", YAML, ids=lambda block: f"{block.document}:{block.line}")
def test_the_parameters_that_are_shown_are_taken(block: Block, tmp_path: Path) -> None:
    """In the place of what params.yaml has: strictly, so that no shown key is unknown."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, shown in yaml.safe_load(block.text).items():
        assert section in content, section
        content[section] = content[section] | shown
    changed = tmp_path / "params.yaml"
    changed.write_text(yaml.safe_dump(content), encoding="utf-8")
    params = load_params(str(changed))
    assert params.root == "data"


def test_the_samples_are_what_the_readme_says(reader: Reader) -> None:
    """96 lines of a game, 59 utterances of which eleven are broken."""
    text = (ROOT / README).read_text(encoding="utf-8")
    assert "96 lines" in text and "59 utterances" in text and "eleven of them broken" in text
    facts = {
        name: yaml.safe_load((reader.folder / "data" / name / "ingest" / "stage.json").read_text())
        for name in SOURCES
    }
    assert facts["game_voice"]["in"] == 96
    assert (facts["emilia"]["in"], sum(facts["emilia"]["rejected"].values())) == (59, 11)


def test_the_readmes_costs_are_those_of_the_scale_command() -> None:
    """docs/scaling.md is what ``pipelines.scale`` prints: a test beside it holds that."""
    text = (ROOT / README).read_text(encoding="utf-8")
    told = re.findall(r"^- (?:all of Emilia|RP-TTS), (.+?[;.])$", text, re.MULTILINE | re.DOTALL)
    table = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    numbers = [number for line in told for number in re.findall(r"\d[\d,.]*\d", line)]
    assert len(told) == 2 and len(numbers) == 10
    for number in numbers:
        assert number in table, number


def test_the_source_of_the_howto_is_built_without_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = Path("docs/howto/source.md")
    (shown,) = (b for b in documents.blocks(guide) if b.language == "yaml")
    (typed,) = (b for b in documents.blocks(guide) if b.language == "sh")
    clips = sorted((ROOT / "samples" / "game_voice").glob("*.mp3"))[:3]
    table = tmp_path / "mine" / "metadata.csv"
    table.parent.mkdir()
    rows = ["file,line,who,mood"]
    for path, mood in zip(clips, _MOODS, strict=True):
        (table.parent / path.name).write_bytes(path.read_bytes())
        rows.append(f"{path.name},A line.,joe,{mood}")
    table.write_text("\n".join(rows), encoding="utf-8")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["sources"] = yaml.safe_load(shown.text)["sources"]
    assert content["sources"]["my_corpus"]["input"] == ["/corpora/mine"]
    content["sources"]["my_corpus"]["input"] = ["mine"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = [_run(command) for command in documents.block_commands(typed)]
    assert "3 in, 2 out, 1 rejected (label_unknown 1)" in said[0]
    assert "2 in, 2 out" in said[1] and "valid: 2 cuts" in said[2]


_MOODS = ("cheerful", "sad", "wistful")  # the last one is in no table
