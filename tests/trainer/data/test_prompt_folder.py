"""Rows that are prompts alone: mixed with rows of speech, refused where speech is needed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.coded import CODEC, utterances
from tests.trainer.data.test_stream import data, ids, take
from tests.trainer.layouts import append, ta4
from tests.trainer.prompts import prompt_row, prompts, write_prompts
from trainer.data.stream import BatchStream
from trainer.errors import DataError, UsageError
from trainer.tokenize import main as tokenize
from trainer.tokenizing.job import jobs_of
from trainer.tokens.layout import Example

SPEECH, PROMPTS = {"name": "s2", "weight": 1}, {"name": "s3", "weight": 3}


def stream(*sources: dict[str, Any], **more: Any) -> BatchStream:  # noqa: ANN401
    """Batches that may be of prompts, of a model that speaks the tests' codes."""
    found = data(*sources, **more)
    layout = append() if found.layout == "append" else ta4()
    return BatchStream(found, layout, prompts=True, codec=CODEC)


def mixed(folder: Path, **more: Any) -> BatchStream:  # noqa: ANN401
    """S2-like rows and S3-like ones."""
    sources = (
        PROMPTS | {"folder": str(folder / "s3")},
        SPEECH | {"folder": str(folder / "s2"), "references": [{}]},
    )
    return stream(*sources, **more)


def test_a_row_is_the_prompt_that_the_layout_makes(tmp_path: Path) -> None:
    row = prompt_row("a", instruction="Whisper.", text="Hello.", language="zh")
    write_prompts(tmp_path, [row])
    ((found,),) = take(stream({"folder": str(tmp_path), "name": "s3"}, rows_per_batch=1), 1)
    assert found.example == Example(tuple(append().prompt("Hello.", "Whisper.")), (), ())
    assert (found.codes, found.reference, found.rejected) == ((), None, None)
    assert (found.id, found.text, found.instruction) == ("a", "Hello.", "Whisper.")
    assert (found.source, found.language, found.fields["origin"]) == ("s3", "zh", "free")


@settings(max_examples=20)
@given(st.integers(1, 25), st.integers(1, 25), st.integers(1, 6), st.integers(1, 9))
def test_prompts_and_speech_come_in_their_shares(
    number: int, spoken: int, shard_size: int, per_batch: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts(folder / "s3", number, shard_size)
        utterances(folder / "s2", spoken, shard_size)
        batches = mixed(folder, rows_per_batch=per_batch)
        assert [source.count() for source in batches.sources] == [number, spoken]
        rows = [row for batch in take(batches, -(-4 * number // (3 * per_batch))) for row in batch]
    of_prompts = [row for row in rows if row.source == "s3"]
    assert abs(len(of_prompts) - 0.75 * len(rows)) <= 1
    assert all(not row.codes and not row.example.target_ids for row in of_prompts)
    assert all(row.codes for row in rows if row.source == "s2")
    first = [row.id for row in of_prompts[:number]]
    assert len(set(first)) == len(first)


@settings(max_examples=20)
@given(st.integers(0, 12), st.booleans())
def test_going_on_is_exact(batches_before: int, in_tokens: bool) -> None:
    size = {"tokens_per_batch": 5000} if in_tokens else {"rows_per_batch": 3}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts(folder / "s3", 17, 3)
        utterances(folder / "s2", 11, 3)
        whole = [ids([batch]) for batch in take(mixed(folder, **size), batches_before + 6)]
        first = mixed(folder, **size)
        take(first, batches_before)
        state = json.loads(json.dumps(first.state_dict()))
        second = mixed(folder, **size)
        second.load_state_dict(state)
        assert [ids([batch]) for batch in take(second, 6)] == whole[batches_before:]
        prompts(folder / "s3", 18, 3)
        with pytest.raises(DataError, match="on other data"):
            mixed(folder, **size).load_state_dict(state)


def test_prompts_alone_are_for_the_models_codes(tmp_path: Path) -> None:
    source = {"folder": str(prompts(tmp_path, 5))}
    assert stream(source).codec == CODEC
    with pytest.raises(UsageError, match="does not say whose codes it speaks"):
        BatchStream(data(source), append(), prompts=True)
    other = dataclasses.replace(CODEC, fingerprint="cd" * 32)
    utterances(tmp_path / "s2", 3)
    both = data(source, {"folder": str(tmp_path / "s2")})
    assert BatchStream(both, append(), prompts=True, codec=other).codec == CODEC  # the data's


def test_what_needs_speech_refuses_prompts_once_and_clearly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(prompts(tmp_path / "s3", 5))
    spoken = {"folder": str(utterances(tmp_path / "s2", 3))}
    with pytest.raises(UsageError, match="nothing to learn from but rewards; give it to trainer.g"):
        BatchStream(data({"folder": folder}), append())
    with pytest.raises(UsageError, match="a source of data.layout append, not of ta4"):
        stream({"folder": folder}, layout="ta4")
    unspoken: list[dict[str, Any]] = [{"references": [{}]}, {"pairs": {"differs": "emotion"}}]
    for more in unspoken:
        with pytest.raises(UsageError, match="none of them can be a reference or the worse"):
            stream({"folder": folder} | more)
    with pytest.raises(UsageError, match="only a source of trainer.grpo can be such a folder"):
        stream(spoken | {"references": [{"folder": folder}]})
    with pytest.raises(UsageError, match="nothing to encode"):
        jobs_of(folder, str(tmp_path / "codes"), keep_audio=True, batch_s=1.0)
    codec = f"kmeans:{tmp_path / 'codec.safetensors'}"
    assert tokenize(["--fit", "--tokenizer", codec, "--input", folder]) == 2
    said = capsys.readouterr().err
    assert "prompts without speech: nothing to encode" in said and said.count("\n") == 1


def test_references_of_another_folder_are_given_to_prompts(tmp_path: Path) -> None:
    utterances(tmp_path / "voices", 5)
    drawn = [{"speaker": "any", "folder": str(tmp_path / "voices")}]
    source = {"folder": str(prompts(tmp_path / "s3", 5)), "references": drawn}
    for row in itertools.chain(*take(stream(source, rows_per_batch=5), 2)):
        assert row.reference is not None and row.reference.codes
        expected = append().prompt(row.text, row.instruction, row.reference)
        assert row.example == Example(tuple(expected), (), ())


@pytest.mark.parametrize("broken", ["gone", "empty", "cut off", "no text"])
def test_a_damaged_folder(tmp_path: Path, broken: str) -> None:
    rows = [prompt_row(f"p{n}", text="" if broken == "no text" else "Hi.") for n in range(3)]
    write_prompts(tmp_path, rows)
    path = tmp_path / "shar" / "cuts.000000.jsonl.gz"
    if broken == "gone":
        path.unlink()
        with pytest.raises(UsageError, match="a shard of prompts is missing; run pipelines.emit"):
            stream({"folder": str(tmp_path)})
        return
    if broken != "no text":
        path.write_bytes(b"" if broken == "empty" else path.read_bytes()[:-9])
    said = "no row of a whole epoch" if broken == "empty" else "run pipelines.emit again"
    with pytest.raises(DataError, match=said):
        stream({"folder": str(tmp_path)}).check()
