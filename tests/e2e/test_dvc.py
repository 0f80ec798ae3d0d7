"""``dvc repro`` rebuilds what a change calls for, and buys nothing that was bought."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.workplace import KEY, ROOT, SOURCES, VERBS, Workplace

# What every stage runs on; an edit there is for `dvc repro --force` to take up.
_COMMON = {
    *(f"pipelines/{name}.py" for name in ("cli", "errors", "files", "params", "progress")),
    *(f"pipelines/{name}.py" for name in ("part_list", "run", "run_here", "stage_run", "threads")),
    *(f"pipelines/{name}.py" for name in ("duplicates", "stage", "summary", "writer")),
}
_PACKAGES = ("schemas", "acoustics", "prompts", "pipelines", "manifests")
_ALL = {f"{verb}@{source}" for verb in VERBS for source in SOURCES} | {"report"}


@dataclass(frozen=True)
class Repository:
    """A copy of the project, small inputs, and a chat server that counts."""

    workplace: Workplace
    server: AnnotationServer
    environment: dict[str, str]

    def dvc(self, *arguments: str) -> str:
        """What dvc said."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("dvc")), *arguments],
            cwd=self.workplace.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def repro(self, *stages: str) -> set[str]:
        """The stages that ran."""
        said = self.dvc("repro", *(stages or ("report",)))
        return set(re.findall(r"Running stage '([^']+)'", said))

    def stale(self) -> set[str]:
        """The stages whose own parameters or dependencies differ from what they ran with."""
        return set(json.loads(self.dvc("status", "--json"))) & _ALL


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    thread, server = annotation_server()
    with thread:
        folder = tmp_path_factory.mktemp("repository")
        workplace = Workplace(folder, thread.base_url)
        _shrink(folder / "samples")
        workplace.change({"root": "data", "journals": "journals"})
        workplace.change({f"sources.{name}.input": [f"samples/{name}"] for name in SOURCES})
        workplace.change({"sources.emilia.metadata": ["samples/emilia/metadata.jsonl"]})
        for name in _PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for name in (".dvcignore", ".dvc/config"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        _leave_out_drama(workplace)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "CHAT_API_KEY": KEY,
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site"),
        }
        yield Repository(workplace, server, environment)


def _leave_out_drama(workplace: Workplace) -> None:
    """Its models and training take minutes; that DVC runs all in order shows in `make demo`."""
    workplace.change({"episode_sources": {}})
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    report = stages["stages"]["report"]
    left_out = "/wenetspeech/", "/esd/", "/s1/", "/s2/", "/s3/", "runs/", "data/evaluation"
    report["deps"] = [path for path in report["deps"] if not any(one in path for one in left_out)]
    text = yaml.safe_dump(stages, sort_keys=False)
    (workplace.folder / "dvc.yaml").write_text(text, encoding="utf-8")


def _shrink(samples: Path) -> None:
    (samples / "emilia" / "ZH-B000000.tar").unlink()
    listing = samples / "game_voice" / "result.json"
    lines = json.loads(listing.read_text(encoding="utf-8"))
    kept = {name: line for name, line in lines.items() if line["talkRole"] in ("JOE", "FAYE")}
    listing.write_text(json.dumps(kept), encoding="utf-8")


@pytest.mark.timeout(900)  # 44 s on an idle machine: six times dvc, each of which reads all code
def test_repro_runs_what_changed_and_nothing_else(repository: Repository) -> None:
    workplace, server = repository.workplace, repository.server

    assert repository.repro() == _ALL
    calls = server.calls
    assert calls == 24 + 1 + 2 + 16
    assert (workplace.data / "report" / "index.html").is_file()

    assert repository.repro() == set()  # nothing changed
    assert server.calls == calls

    workplace.change({"select.keep_values": ["high"]})
    assert repository.repro() == {n for n in _ALL if n.startswith(("select", "emit", "report"))}
    assert server.calls == calls

    prompt = workplace.folder / "prompts" / "emilia_style" / "v1.md"
    prompt.write_bytes(prompt.read_bytes().replace(b"# system\n", b"# system\nWork with care. ", 1))
    assert repository.stale() >= {"annotate@emilia", "annotate@game_voice"}
    ran = repository.repro("emit@emilia")
    assert ran == {"annotate@emilia", "select@emilia", "emit@emilia"}
    assert server.calls == calls + 24  # every utterance of Emilia, and of the game none


def _imported(path: Path) -> set[Path]:
    """The project's own files that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    candidates = [
        ROOT / name.replace(".", "/") for name in names if name.split(".")[0] in _PACKAGES
    ]
    found = {path.with_suffix(".py") for path in candidates} | {
        path / "__init__.py" for path in candidates
    }
    return {path for path in found if path.is_file()}


# Commands that work on two kinds of corpora: what the other kind's stage runs is not this one's.
_OTHERS = {
    "ingest": {"stages/episodes.py", "sources/wenetspeech.py"},
    "ingest_episodes": {"stages/ingest.py", "sources/registry.py"},
    "fetch": {"sources/queen_download.py", "sources/queen_dump.py"},  # no stage of dvc.yaml's
    "annotate": {"annotating_episodes.py", "annotating_labels.py"},
    "annotate_labels": {"annotating_episodes.py", "annotating.py"},
    "annotate_episodes": {"annotating.py", "annotating_labels.py"},
    "compose_s1": {"composing_instructions.py"},
    "compose_s2": {"composing_instructions.py"},
    "compose_s3": {"composing.py"},
    "select": {"selecting_scenes.py"},
    "select_scenes": {"stages/select.py", "stages/survey.py"},
    "emit": {"emitting_scenes.py", "emitting_prompts.py"},
    "emit_labelled": {"emitting_scenes.py", "emitting_prompts.py"},
    "emit_set": {"emitting_scenes.py"},
    "emit_scenes": {"stages/emit.py", "emitting_prompts.py"},
}
_STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
_OURS = {name: stage for name, stage in _STAGES.items() if "pipelines." in str(stage)}


def _code_of(name: str) -> set[str]:
    """Every file that a stage runs, but for what all have in common, settings and schemas."""
    command = _OURS[name].get("do", _OURS[name])["cmd"]
    verb = re.search(r"-m pipelines\.(\w+)", command)
    assert verb is not None, command
    left_out = {ROOT / "pipelines" / path for path in _OTHERS.get(name, ())}
    todo, seen = {ROOT / "pipelines" / f"{verb[1]}.py"}, set[Path]()
    while todo:
        path = todo.pop()
        seen.add(path)
        if str(path.relative_to(ROOT)) not in _COMMON and not path.name.endswith("settings.py"):
            todo |= _imported(path) - seen - left_out
    names = {str(path.relative_to(ROOT)) for path in seen if not path.name.endswith("settings.py")}
    return {n for n in names - _COMMON if not n.startswith("schemas/") and "__init__" not in n}


@pytest.mark.parametrize("name", sorted(_OURS))
def test_a_stage_depends_on_all_of_its_own_code(name: str) -> None:
    """Otherwise an edit there would leave the stage as it was."""
    stage = _OURS[name]
    listed = stage.get("do", stage)["deps"]
    missing = {
        file
        for file in _code_of(name)
        if not any(file == entry or file.startswith(f"{entry}/") for entry in listed)
    }
    assert not missing
