"""One clear error each, and before training starts where it can be known."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from manifests.codec import write_codec
from tests.trainer.coded import CODEC, utterance, utterances, write
from tests.trainer.data.test_stream import stream, take
from tests.trainer.layouts import append
from trainer.data.settings import DataSettings
from trainer.data.stream import BatchStream
from trainer.errors import DataError, UsageError, VocabError
from trainer.model_codec import check_model_codec, write_model_codec
from trainer.settings import load_settings


def test_shards_without_codes(tmp_path: Path) -> None:
    utterances(tmp_path, 9)
    (tmp_path / "shar" / "codes.000001.tar").unlink()
    with pytest.raises(UsageError, match="codes.000001.tar is missing: a shard without codes"):
        stream({"folder": str(tmp_path)})


def test_a_folder_that_was_never_tokenized(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no codes; run trainer.tokenize"):
        stream({"folder": str(tmp_path)})


def test_a_folder_that_is_not_finished(tmp_path: Path) -> None:
    utterances(tmp_path, 9)
    (tmp_path / "stage.json").unlink()
    with pytest.raises(UsageError, match="not finished; run trainer.tokenize again"):
        stream({"folder": str(tmp_path)})


def test_a_vocabulary_for_another_speech_tokenizer(tmp_path: Path) -> None:
    larger = dataclasses.replace(CODEC, cardinality=17)
    write(tmp_path, [utterance("a")], codec=larger)
    with pytest.raises(VocabError, match="that is 17; the model's vocabulary is for 16: expand"):
        stream({"folder": str(tmp_path)})


def test_a_model_for_another_speech_tokenizer_of_as_many_codes(tmp_path: Path) -> None:
    other = dataclasses.replace(CODEC, fingerprint="cd" * 32)
    check_model_codec(str(tmp_path), CODEC)  # a model that does not say
    write_model_codec(str(tmp_path), CODEC)
    check_model_codec(str(tmp_path), CODEC)
    with pytest.raises(VocabError, match="a model for codes of kmeans-16@25Hz:abababababab, the"):
        check_model_codec(str(tmp_path), other)


def test_folders_of_two_speech_tokenizers(tmp_path: Path) -> None:
    utterances(tmp_path / "a", 3)
    other = dataclasses.replace(CODEC, fingerprint="cd" * 32)
    write(tmp_path / "b", [utterance("a")], codec=other)
    folders = [{"folder": str(tmp_path / name)} for name in "ab"]
    with pytest.raises(UsageError, match="tokenize all with one speech tokenizer"):
        stream(*folders)
    with pytest.raises(UsageError, match="tokenize all with one speech tokenizer"):
        stream(folders[0] | {"references": [folders[1]]})


def test_a_shard_of_another_speech_tokenizer_among_the_others(tmp_path: Path) -> None:
    utterances(tmp_path, 3)
    write_codec(str(tmp_path), dataclasses.replace(CODEC, fingerprint="cd" * 32))
    with pytest.raises(DataError, match="cuts.000000.jsonl.gz:1: codes of kmeans-16@25Hz:ababab"):
        stream({"folder": str(tmp_path)}).check()


def test_codes_out_of_range(tmp_path: Path) -> None:
    cut = utterance("a", 3)
    cut["codes"][0][1] = 16
    write(tmp_path, [cut])
    with pytest.raises(DataError, match=r"jsonl.gz:1: codes \d+..16 are not in 0..15"):
        stream({"folder": str(tmp_path)}).check()


def test_empty_targets(tmp_path: Path) -> None:
    write(tmp_path, [utterance("a", 3)])
    _edit_cuts(tmp_path, '"codes_frames": 3', '"codes_frames": 0')
    with pytest.raises(DataError, match="turn 'a' has no codes, an empty target"):
        take(stream({"folder": str(tmp_path)}), 1)


def test_turns_that_do_not_say_where_their_codes_are(tmp_path: Path) -> None:
    write(tmp_path, [utterance("a", 3)])
    _edit_cuts(tmp_path, '"codes_frames": 3', '"codes_frames": null')
    with pytest.raises(DataError, match="has no codes_start, codes_frames"):
        take(stream({"folder": str(tmp_path)}), 1)


def _edit_cuts(folder: Path, old: str, new: str) -> None:
    import gzip

    path = folder / "shar" / "cuts.000000.jsonl.gz"
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(old.encode(), new.encode()))
    )


def test_another_layout_than_the_vocabulary_is_for(tmp_path: Path) -> None:
    utterances(tmp_path, 3)
    settings = DataSettings.model_validate_json(
        json.dumps({"layout": "ta4", "sources": [{"folder": str(tmp_path)}], "rows_per_batch": 1})
    )
    with pytest.raises(UsageError, match="data.layout is ta4"):
        BatchStream(settings, append())
    with pytest.raises(UsageError, match="for data.layout append"):
        stream({"folder": str(tmp_path), "references": [{}]}, layout="ta4")


def test_a_state_of_other_data(tmp_path: Path) -> None:
    source = {"folder": str(utterances(tmp_path, 9))}
    state = stream(source).state_dict()
    for changed in (
        stream(source, rows_per_batch=3),
        stream(source, seed=1),
        stream(source | {"weight": 2}),
    ):
        with pytest.raises(DataError, match="on other data, or with other data settings"):
            changed.load_state_dict(state)
    utterances(tmp_path, 10)
    with pytest.raises(DataError, match="on other data"):
        stream(source).load_state_dict(state)


@pytest.mark.parametrize(
    "change", [{"places": []}, {"places": [{"x": 1}]}, {"counts": None}, {"dropped": 3}]
)
def test_a_damaged_state(tmp_path: Path, change: dict[str, Any]) -> None:
    batches = stream({"folder": str(utterances(tmp_path, 9))})
    with pytest.raises(DataError, match="place in the data is"):
        batches.load_state_dict(batches.state_dict() | change)


def test_steps_of_batches_measured_in_tokens(tmp_path: Path) -> None:
    batches = stream({"folder": str(utterances(tmp_path, 9))}, tokens_per_batch=5000)
    with pytest.raises(UsageError, match="loop.max_steps"):
        batches.steps(1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layout: append\nsources: []\nrows_per_batch: 1", "sources: List should have at least 1"),
        ("layout: append\nrows_per_batch: 1", "sources: Field required"),
        ("{source}\nrow_per_batch: 1", "row_per_batch: Extra inputs are not permitted"),
        ("{source}", "set one of rows_per_batch and tokens_per_batch"),
        ("{source}\nrows_per_batch: 1\ntokens_per_batch: 9000", "set one of"),
        ("{source}\ntokens_per_batch: 9", "less than max_row_tokens"),
        ("{source}\nrows_per_batch: 1.5", "rows_per_batch: Input should be a valid integer"),
        ("{source}\nrows_per_batch: '4'", "rows_per_batch: Input should be a valid integer"),
        ("{source}\nrows_per_batch: 1\nrows_per_batch: 2", "'rows_per_batch' is there twice"),
        ("{weight}\nrows_per_batch: 1", "sources.0.weight: Input should be greater than 0"),
        ("{shares}\nrows_per_batch: 1", "shares of references are more than 1"),
        ("a: [", "not YAML"),
        ("- 1", "not a mapping"),
    ],
)
def test_settings_are_strict(tmp_path: Path, text: str, said: str) -> None:
    source = "layout: append\nsources: [{folder: a}]"
    filled = text.replace("{source}", source)
    filled = filled.replace("{weight}", source.replace("folder: a", "folder: a, weight: 0"))
    shares = "folder: a, references: [{share: 0.7}, {share: 0.4}]"
    filled = filled.replace("{shares}", source.replace("folder: a", shares))
    path = tmp_path / "data.yaml"
    path.write_text(filled)
    with pytest.raises(UsageError, match="data.yaml: ") as found:
        load_settings(str(path), DataSettings)
    assert said in str(found.value) and "\n" not in str(found.value)


def test_settings_change_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("layout: append\nsources: [{folder: a, weight: 1e-1}]\nrows_per_batch: 1")
    changes = ["rows_per_batch=8", "context.wording=en", "sources=[{folder: b, weight: 3e-2}]"]
    found = load_settings(str(path), DataSettings, changes)
    assert (found.rows_per_batch, found.context.wording) == (8, "en")
    assert (found.sources[0].folder, found.sources[0].weight) == ("b", 0.03)
    assert load_settings(str(path), DataSettings).sources[0].weight == 0.1
    for change in ("rows_per_batch", "=3", "layout.x=3", "a..b=3", "seed=["):
        with pytest.raises(UsageError, match="change of a setting|of its own|not YAML"):
            load_settings(str(path), DataSettings, [change])
