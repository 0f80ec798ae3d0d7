"""S1 and S2 of the samples: from raw speech to a step of DPO and one of GRPO on them."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from lhotse import CutSet

from trainer.loop.logs import read_log

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "trainer" / "configs"
CODEC = "kmeans:data/codec.safetensors"


def done(command: str, *arguments: str) -> None:
    """One command, in this process, which must end well."""
    assert importlib.import_module(command).main(list(arguments)) == 0, (command, arguments)


def train(command: str, stage: str, *changes: str) -> list[dict[str, Any]]:
    """Trains with the tiny settings of a stage, but on the sources of its real ones."""
    real = yaml.safe_load((CONFIGS / f"{stage}.yaml").read_text(encoding="utf-8"))
    sources = f"data.sources={json.dumps(real['data']['sources'])}"
    model = "model.path=data/models/tiny"
    sets = [part for change in (sources, model, *changes) for part in ("--set", change)]
    config = str(CONFIGS / "tiny" / f"{stage}.yaml")
    done(command, "--config", config, "--output", f"runs/{stage}", *sets)
    return list(read_log(Path("runs", stage)))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory, with both sets tokenized."""
    folder = tmp_path_factory.mktemp("sets")
    with contextlib.chdir(folder):
        content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        for name in ("emilia", "esd"):
            content["sources"][name]["input"] = [str(ROOT / "samples" / name)]
        content["sources"]["emilia"]["metadata"] = []
        Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        make_sets()
        tokenize(("esd", "s1", "s2"))
        model = ["--names", "flexivoice", "--codes", "data/s1/codes"]
        done("trainer.make_tiny", *model, "--output", "data/models/tiny")
        yield folder


def make_sets() -> None:
    done("pipelines.ingest", "--source", "emilia")
    for verb in ("ingest", "annotate", "emit"):
        done(f"pipelines.{verb}", "--source", "esd")
    done("pipelines.compose", "--set", "s1")
    done("pipelines.compose", "--set", "s2", "--input", "data/emilia/ingest")
    for name in ("s1", "s2"):
        done("pipelines.emit", "--source", name)


def tokenize(names: Sequence[str]) -> None:
    config = ["--config", str(CONFIGS / "tokenize.yaml"), "--tokenizer", CODEC]
    few = ["--set", "fit.clusters=256", "--set", "fit.iterations=5"]
    done("trainer.tokenize", *config, "--fit", "--input", "data/s1/emit", *few)
    for name in names:
        folders = ["--input", f"data/{name}/emit", "--output", f"data/{name}/codes"]
        done("trainer.tokenize", *config, *folders, "--drop-audio")


def facts(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("data", stage, "stage.json").read_text())
    return found


def test_the_sample_of_esd_has_nothing_wrong(sets: Path) -> None:
    found = facts("esd/ingest")
    assert (found["in"], found["out"], found["speakers_out"]) == (90, 90, 3)
    cuts = CutSet.from_shar(in_dir="data/esd/emit/shar")
    spoken: dict[tuple[str, str], set[str]] = {}
    for cut in cuts:
        speech = cut.supervisions[0]
        spoken.setdefault((speech.speaker, speech.text), set()).add(
            speech.custom["labels"]["emotion"]
        )
    assert len(spoken) == 18
    five = {"neutral", "happy", "angry", "sad", "surprised"}
    assert all(emotions == five for emotions in spoken.values())


def test_s1_is_emitted_with_its_partners(sets: Path) -> None:
    found = facts("s1/compose")
    assert (found["in"], found["out"], found["rejected"]) == (90, 90, {})
    assert found["counts"]["role.chosen"] == 90
    speeches = {
        c.supervisions[0].id: c.supervisions[0]
        for c in CutSet.from_shar(in_dir="data/s1/emit/shar")
    }
    assert len(speeches) == 90
    for name, speech in speeches.items():
        custom = speech.custom
        rejected, voice = speeches[custom["rejected_id"]], speeches[custom["reference_id"]]
        assert (rejected.speaker, rejected.text) == (speech.speaker, speech.text)
        assert rejected.custom["labels"] != custom["labels"]
        assert voice.speaker == speech.speaker and voice.text != speech.text
        assert voice.custom["labels"] == {"emotion": "neutral"}
        assert name not in (rejected.id, voice.id)
        assert custom["training_set"] == "s1" and custom["instruction_origin"] == "template"
        assert custom["instruction_language"] == speech.language


def test_s2_is_balanced_and_points_into_the_emotion_set(sets: Path) -> None:
    found = facts("s2/compose")
    assert found["out"] == 48 and found["counts"]["language.en"] == 24
    assert found["counts"]["reference.neutral"] == 44  # 0.9 of 24, twice, to the nearest row
    voices = {c.supervisions[0].id for c in CutSet.from_shar(in_dir="data/esd/emit/shar")}
    for cut in CutSet.from_shar(in_dir="data/s2/emit/shar"):
        assert cut.supervisions[0].custom["reference_id"] in voices


def test_dpo_trains_on_s1(sets: Path) -> None:
    log = train("trainer.dpo", "flexivoice_s1", "loop.max_steps=2")
    assert len(log) == 2
    assert log[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # the policy is its reference yet
    assert log[1]["loss"] < log[0]["loss"]


def test_grpo_trains_on_s2(sets: Path) -> None:
    changes = (
        "loop.max_steps=1",
        "rewards={rule: {rule: codes, first: 0, last: 31}}",
        "asks={s2: [rule]}",
        "weights={}",
        "speech_tokenizer=null",
        "rollouts.max_tokens=40",
    )
    (entry,) = train("trainer.grpo", "flexivoice_s2", *changes)
    assert entry["sampler_gap"] < 1e-5
