from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from tests.trainer.coded import utterance, write
from tests.trainer.data.test_rows import rows_of
from tests.trainer.data.test_stream import stream, take
from tests.trainer.layouts import append
from trainer.data.settings import PairSettings, ReferenceSettings
from trainer.errors import DataError

NAMED: dict[str, Any] = {
    "pairs": {"by": "rejected_id"},
    "references": [{"by": "reference_id"}],
}


def s1(folder: Path, sentences: int = 12) -> dict[str, dict[str, Any]]:
    """Partners lie in other shards of four; the last row of each sentence is only pointed at."""
    cuts = {}
    for line in range(sentences):
        names = {
            "happy": {
                "rejected_id": f"sad{line}",
                "reference_id": f"voice{(line + 5) % sentences}",
            },
            "sad": {
                "rejected_id": f"happy{line}",
                "reference_id": f"voice{(line + 3) % sentences}",
            },
            "voice": {},
        }
        for emotion, partners in names.items():
            key = f"{emotion}{line}"
            cuts[key] = utterance(key, 3 + line % 3, text=f"line {line}", speaker="X", **partners)
    order = sorted(cuts, key=lambda key: (key.strip("0123456789"), key))
    write(folder, [cuts[key] for key in order])
    return cuts


def test_rows_have_the_partners_that_they_name(tmp_path: Path) -> None:
    cuts = s1(tmp_path)
    rows = rows_of(tmp_path, count=24, **NAMED)
    assert rows.keys() == {key for key in cuts if not key.startswith("voice")}
    for key, row in rows.items():
        custom = cuts[key]["cut"]["supervisions"][0]["custom"]
        voice, rejected = cuts[custom["reference_id"]], cuts[custom["rejected_id"]]
        assert row.reference is not None and row.rejected is not None
        assert row.reference_id == custom["reference_id"]
        assert row.reference.codes == tuple(voice["codes"][0])
        assert row.reference.text == voice["cut"]["supervisions"][0]["text"]
        assert row.rejected.prompt_ids == row.example.prompt_ids
        assert row.rejected.target_ids == tuple(append().target(tuple(rejected["codes"][0])))
        assert row.example == append().encode(row.text, row.codes, row.instruction, row.reference)


def test_the_partners_are_the_same_in_every_epoch(tmp_path: Path) -> None:
    s1(tmp_path)
    batches = take(stream({"folder": str(tmp_path)} | NAMED, rows_per_batch=24), 2)
    first, second = ({row.id: row for row in batch} for batch in batches)
    assert first == second


def test_rows_that_name_no_pair_do_not_count_as_steps(tmp_path: Path) -> None:
    s1(tmp_path)
    batches = stream({"folder": str(tmp_path)} | NAMED, rows_per_batch=8)
    assert batches.steps(epochs=2) == 6  # 24 rows, and 12 that are voices
    take(batches, 6)
    assert not batches.dropped


def test_references_from_several_other_folders(tmp_path: Path) -> None:
    """S2: texts of dialogues, voices of the emotion set, which is several corpora (A.4)."""
    texts = [utterance(f"t{n}", reference_id=f"{'ab'[n % 2]}{n}") for n in range(8)]
    write(tmp_path / "s2", [*texts, utterance("bare")])
    for name in "ab":
        write(tmp_path / name, [utterance(f"{name}{n}", emotion="sad") for n in range(8)])
    where = [str(tmp_path / name) for name in "ab"]
    rows = rows_of(tmp_path / "s2", count=9, references=[{"by": "reference_id", "folder": where}])
    assert {key: row.reference_id for key, row in rows.items()} == {
        **{f"t{n}": f"{'ab'[n % 2]}{n}" for n in range(8)},
        "bare": None,
    }


def test_a_row_whose_partner_is_gone_is_left_out_and_counted(tmp_path: Path) -> None:
    cuts = [utterance("a", reference_id="b"), utterance("b"), utterance("c", reference_id="gone")]
    write(tmp_path, cuts)
    batches = stream({"folder": str(tmp_path), "references": NAMED["references"]}, rows_per_batch=2)
    (batch,) = take(batches, 1)
    assert {row.id for row in batch} == {"a", "b"}
    take(batches, 1)
    assert batches.dropped["partner_missing"] >= 1
    assert "c: its reference_id 'gone' is not in" in batches.why_dropped["partner_missing"]


def test_an_id_of_two_utterances_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "s2", [utterance("t", reference_id="x"), utterance("u")])
    for name in "ab":
        write(tmp_path / name, [utterance("x"), utterance(f"own {name}")])
    references = [{"by": "reference_id", "folder": [str(tmp_path / name) for name in "ab"]}]
    batches = stream({"folder": str(tmp_path / "s2"), "references": references}, rows_per_batch=2)
    with pytest.raises(DataError, match="reference_id 'x' is the id of several utterances"):
        take(batches, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "reference_id", "share": 0.5}, "leave out share, speaker and where"),
        ({"by": "reference_id", "speaker": "any"}, "leave out share, speaker and where"),
        ({"by": "reference_id", "where": {"emotion": "sad"}}, "leave out share"),
        ({"folder": []}, "no folder is named"),
    ],
)
def test_settings_of_references_that_contradict_themselves(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        ReferenceSettings(**settings)


@pytest.mark.parametrize("settings", [{}, {"differs": "emotion", "by": "rejected_id"}])
def test_pairs_are_named_or_drawn(settings: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError, match="set one of differs and by"):
        PairSettings(**settings)
