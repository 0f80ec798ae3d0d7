"""Which rows of a set are shown, and how the recordings they point to are found."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.audio_bytes import AudioReader
from pipelines.errors import StageFailed
from pipelines.reporting.set_samples import find_rows, read_spoken
from pipelines.reporting.sound import FULL, SoundBudget
from schemas import Label, PromptUtterance, table_of
from tests.pipelines.reporting.set_folders import compose_spoken
from tests.records import annotated


def write_part(path: Path, rows: list[PromptUtterance]) -> str:
    pq.write_table(table_of(PromptUtterance, rows), path)
    return str(path)


def prompt(number: int, emotion: str, text_emotion: str | None) -> PromptUtterance:
    plain = annotated(id=f"row {number}", labels=(Label("emotion", emotion),))
    fields = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
    return PromptUtterance(
        **fields, training_set="s2", reference_id=f"voice {number}", text_emotion=text_emotion
    )


def test_parts_are_read_until_all_rows_are_found_and_no_further(tmp_path: Path) -> None:
    first = write_part(tmp_path / "first.parquet", [prompt(n, "sad", None) for n in range(3)])
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1")
    assert find_rows([first, str(damaged)], {None}) == {}
    found = find_rows([first, str(damaged)], {"row 2", "row 0"})
    assert sorted(found) == ["row 0", "row 2"]
    with pytest.raises(StageFailed, match=r"damaged\.parquet"):
        find_rows([first, str(damaged)], {"row 2", "row 9"})


def test_of_rows_with_one_emotion_all_relations_to_the_text_are_shown(tmp_path: Path) -> None:
    rows = [prompt(number, "sad", "happy") for number in range(40)]
    rows += [prompt(40, "sad", "sad"), prompt(41, "sad", None)]
    part = write_part(tmp_path / "part.parquet", rows)
    with AudioReader() as reader:
        shown = read_spoken([part], [], SoundBudget(reader, 0), 3)
    assert {dict(row.told)["emotion of the text"] for row in shown} == {"happy", "sad", "not known"}


def test_a_page_that_is_full_says_so_beside_the_recording(tmp_path: Path) -> None:
    compose_spoken(tmp_path)
    parts = sorted(map(str, (tmp_path / "data" / "s1" / "compose").glob("part-*.parquet")))
    with AudioReader() as reader:
        shown = read_spoken(parts, [], SoundBudget(reader, 9_000), 4)
    voices = [voice for row in shown for voice in row.voices]
    assert voices[0].sound is not None
    assert voices[-1].sound is None and voices[-1].no_sound == FULL
    assert sum(len(voice.sound.content) for voice in voices if voice.sound) <= 9_000
