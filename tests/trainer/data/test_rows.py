from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.coded import scene, utterance, utterances, write
from tests.trainer.data.test_stream import stream, take
from tests.trainer.emitted import scenes
from tests.trainer.layouts import append, ta4
from trainer.data.context import context
from trainer.data.cuts import CodedFolder, CodedTurn, holds
from trainer.data.rows import Row
from trainer.data.settings import ContextSettings
from trainer.tokens.layout import Turn

PROFILES = [
    {"speaker": "S1", "identity": "captain", "character": "calm"},
    {"speaker": "S0", "identity": "", "character": "rash"},
]


def rows_of(folder: Path, *, count: int, **source: Any) -> dict[str, Row]:  # noqa: ANN401
    layout = source.pop("layout", "append")
    more = source.pop("more", {})
    batches = stream({"folder": str(folder)} | source, layout=layout, rows_per_batch=count, **more)
    (batch,) = take(batches, 1)
    return {row.id: row for row in batch}


def turn_of(cut: dict[str, Any], number: int, folder: Path) -> CodedTurn:
    write(folder, [cut])
    return CodedFolder(str(folder)).read(0).turns[number]


def test_a_row_is_what_the_layout_makes_of_the_turn(tmp_path: Path) -> None:
    cut = utterance("a", 4, text="Hello.", instruction="Whisper.", emotion="sad", speaker="X")
    write(tmp_path, [cut])
    row = rows_of(tmp_path, count=1)["a"]
    assert row.example == append().encode("Hello.", cut["codes"][0], "Whisper.")
    assert row.codes == tuple(cut["codes"][0])
    assert (row.text, row.instruction, row.speaker, row.language) == (
        "Hello.",
        "Whisper.",
        "X",
        "en",
    )
    assert row.fields["emotion"] == "sad" and "codes" not in row.fields
    assert len(row) == len(row.example)


def test_labels_are_fields(tmp_path: Path) -> None:
    """What manifests.cuts puts into ``labels`` is looked up and filtered like any other field."""
    cuts = [
        utterance("a", labels={"emotion": "happy", "gender": "male"}),
        utterance("b", labels={"emotion": ["sad", "angry"], "gender": "male"}, gender="told"),
        utterance("c", emotion="happy"),
        utterance("d"),
    ]
    write(tmp_path, cuts)
    turns = CodedFolder(str(tmp_path)).read(0).turns
    assert [turn.field("emotion") for turn in turns] == ["happy", ["sad", "angry"], "happy", None]
    assert [turn.field("gender") for turn in turns] == ["male", "told", None, None]
    fields = rows_of(tmp_path, count=1, where={"emotion": ["sad", "surprised"]})["b"].fields
    assert (fields["emotion"], fields["gender"]) == (["sad", "angry"], "told")
    assert "labels" not in fields
    for wanted, ids in {"happy": "ac", "angry": "b", "neutral": ""}.items():
        assert "".join(turn.id for turn in turns if holds(turn, {"emotion": wanted})) == ids


def test_the_default_instruction_is_used_where_there_is_none(tmp_path: Path) -> None:
    cuts = [
        utterance("a", text="x", instruction="Speak!", instruction_default=True),
        utterance("b", text="x", instruction="Sing."),
    ]
    write(tmp_path, cuts)
    rows = rows_of(tmp_path, count=2)
    assert (rows["a"].instruction, rows["b"].instruction) == (None, "Sing.")
    assert rows["a"].example == append().encode("x", cuts[0]["codes"][0])
    rows = rows_of(tmp_path, count=2, instruction=False)  # as for NVSpeech (FlexiVoice A.2)
    assert rows["b"].example == append().encode("x", cuts[1]["codes"][0])


def test_a_reference_is_another_utterance_of_the_speaker(tmp_path: Path) -> None:
    utterances(tmp_path, 18, shard_size=9)
    rows = rows_of(tmp_path, count=18, references=[{}])
    for row in rows.values():
        other = rows[str(row.reference_id)]
        assert other.id != row.id and other.speaker == row.speaker
        assert row.reference is not None
        assert (row.reference.text, row.reference.codes) == (other.text, other.codes)
        assert int(other.id[1:]) // 9 == int(row.id[1:]) // 9  # of the same shard
        expected = append().encode(row.text, row.codes, row.instruction, row.reference)
        assert row.example == expected
    assert rows_of(tmp_path, count=18, references=[{}]) == rows
    drawn = {row.id: row.reference_id for row in rows.values()}
    again = rows_of(tmp_path, count=18, references=[{}], more={"seed": 7})
    assert {row.id: row.reference_id for row in again.values()} != drawn


def test_nobody_else_speaks_no_reference(tmp_path: Path) -> None:
    write(tmp_path, [utterance("a", speaker="X"), utterance("b", speaker="Y")])
    rows = rows_of(tmp_path, count=2, references=[{}])
    assert {row.reference_id for row in rows.values()} == {None}
    rows = rows_of(tmp_path, count=2, references=[{"speaker": "any"}])
    assert (rows["a"].reference_id, rows["b"].reference_id) == ("b", "a")


def test_neutral_and_emotional_references_in_their_shares(tmp_path: Path) -> None:
    """FlexiVoice A.4: 90 % neutral, 10 % emotional, from another corpus."""
    utterances(tmp_path / "texts", 400, 100)
    feelings = [
        utterance(f"e{n}", emotion="neutral" if n % 2 else "angry", speaker=f"E{n}")
        for n in range(20)
    ]
    write(tmp_path / "esd", feelings)
    references = [
        {
            "share": share,
            "where": {"emotion": emotion},
            "speaker": "any",
            "folder": str(tmp_path / "esd"),
        }
        for share, emotion in ((0.8, "neutral"), (0.1, "angry"))
    ]
    rows = rows_of(tmp_path / "texts", count=400, references=references)
    drawn = [row.reference_id for row in rows.values()]
    neutral = sum(one is not None and int(one[1:]) % 2 == 1 for one in drawn)
    assert 0.74 < neutral / 400 < 0.86
    assert 0.05 < drawn.count(None) / 400 < 0.15


def test_a_pair_is_the_same_words_in_another_emotion(tmp_path: Path) -> None:
    emotions = ("happy", "sad", "angry")
    cuts = [
        utterance(
            f"{speaker}-{line}-{emotion}", 3, text=f"line {line}", speaker=speaker, emotion=emotion
        )
        for speaker in "AB"
        for line in range(2)
        for emotion in emotions
    ]
    write(tmp_path, [*cuts, utterance("alone", text="other", speaker="A", emotion="sad")], 100)
    batches = stream({"folder": str(tmp_path), "pairs": {"differs": "emotion"}}, rows_per_batch=12)
    (rows,) = take(batches, 1)
    by_codes = {tuple(cut["codes"][0]): cut["cut"]["supervisions"][0] for cut in cuts}
    for row in rows:
        assert row.rejected is not None and row.rejected.prompt_ids == row.example.prompt_ids
        loser = by_codes[tuple(append().vocab.to_codes(row.rejected.target_ids))]
        assert (loser["text"], loser["speaker"]) == (row.text, row.speaker)
        assert loser["custom"]["emotion"] != row.fields["emotion"]
    assert {row.id for row in rows} == {cut["cut"]["id"] for cut in cuts}
    assert batches.dropped == {"no_pair": 1} or not batches.dropped


def test_a_scene_gives_one_row_a_turn_with_what_was_before(tmp_path: Path) -> None:
    cut = scene("s", [5, 6, 7], caption="A ship.", profiles=PROFILES)
    write(tmp_path, [cut])
    rows = rows_of(tmp_path, count=3, layout="ta4", more={"context": {"wording": "en"}})
    system = Turn(
        "system",
        "Scene: A ship.\nCharacters:\n- Character 1 (captain): calm\n- Character 2: rash\n"
        "Perform each line as the scene, the characters and the dialogue so far call for.",
    )
    first, second, third = cut["codes"]
    history = [
        system,
        Turn("human", "Character 2: s 0"),
        Turn("assistant", "s 0", tuple(first)),
        Turn("human", "Character 1: s 1"),
        Turn("assistant", "s 1", tuple(second)),
        Turn("human", "Character 2: s 2"),
    ]
    assert rows["s-2"].example == ta4().encode(history, "s 2", third)
    assert rows["s-0"].example == ta4().encode(history[:2], "s 0", first)
    assert [rows[f"s-{n}"].turn for n in range(3)] == [0, 1, 2]
    assert rows["s-1"].fields["profiles"] == PROFILES


@pytest.mark.parametrize("history", ["text", "none"])
def test_history_without_audio(tmp_path: Path, history: str) -> None:
    turn = turn_of(scene("s", [5, 6, 7]), 2, tmp_path)
    settings = ContextSettings.model_validate({"history": history})
    turns = context(turn, settings, without_history=False)
    assert all(one.codes is None for one in turns)
    assert len(turns) == (5 if history == "text" else 1)
    assert turns[-1] == Turn("human", "角色1：s 2")


def test_history_is_left_out_of_a_share_of_the_rows(tmp_path: Path) -> None:
    write(tmp_path, [scene(f"s{n}", [3, 3]) for n in range(100)], 100)
    rows = rows_of(
        tmp_path,
        count=100,
        layout="ta4",
        turns="last",
        more={"context": {"without_history": 0.5}},
    )
    lengths = [len(row.example.prompt_ids) for row in rows.values()]
    assert 30 < sum(length < min(lengths) + 10 for length in lengths) < 70


def test_an_instruction_of_a_turn_is_said(tmp_path: Path) -> None:
    turn = turn_of(utterance("a", instruction="whispering", text="Hush."), 0, tmp_path)
    assert context(turn, ContextSettings(wording="en"), without_history=False) == [
        Turn("human", "Character 1 (whispering): Hush.")
    ]


def test_emitted_scenes_become_rows(tmp_path: Path) -> None:
    """From the manifest of scenes to tokens: the field names are the ones that emit writes."""
    from trainer.tokenize import main

    scenes(tmp_path / "emit", {"train": 2, "test": 1})
    codec = f"kmeans:{tmp_path / 'codec.safetensors'}"
    small = ["--set", "fit.clusters=16", "--set", "fit.iterations=3"]
    assert main(["--fit", "--tokenizer", codec, "--input", str(tmp_path / "emit"), *small]) == 0
    arguments = ["--input", str(tmp_path / "emit"), "--output", str(tmp_path / "tokens")]
    assert main(["--tokenizer", codec, *arguments]) == 0
    rows = rows_of(
        tmp_path / "tokens" / "train",
        count=6,
        layout="ta4",
        more={"context": {"wording": "en"}},
    )
    assert len(rows) == 6
    prompt = ta4().tokenizer.decode(rows["E_S0002"].example.prompt_ids)  # type: ignore[attr-defined]
    assert "Scene: A workshop at night." in prompt
    assert "- Character 1 (smith): calm" in prompt and "- Character 2 (pilot): calm" in prompt
    assert prompt.count("<tts_start>") == 3 and "E_SPEAKER" not in prompt
    only_rl = stream(
        {"folder": str(tmp_path / "tokens" / "train"), "where": {"rl": True}, "turns": "last"},
        layout="ta4",
        rows_per_batch=2,
    )
    assert only_rl.sources[0].count() == 1
