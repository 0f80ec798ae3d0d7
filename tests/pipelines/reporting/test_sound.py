from pathlib import Path

from pipelines.audio_bytes import AudioReader
from pipelines.reporting.sound import PACKED_BYTES, Sound, SoundBudget


def row(path: Path, size: int, **changes: object) -> dict[str, object]:
    place = {
        "audio_uri": str(path),
        "audio_container": "file",
        "audio_member": None,
        "audio_offset": 0,
        "audio_size": size,
        "audio_format": "mp3",
    }
    return {**place, **changes}


def test_small_audio_travels_in_the_page(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(b"ID3 audio")
    with AudioReader() as reader:
        sound, missing = SoundBudget(reader).load(row(clip, 9))
    assert sound == Sound(media_type="audio/mpeg", content=b"ID3 audio")
    assert missing is None


def test_the_budget_ends_by_bytes_and_by_players(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(b"0123456789")
    with AudioReader() as reader:
        for budget, loads in (
            (SoundBudget(reader, content_bytes=25), [True, True, False]),
            (SoundBudget(reader, players=1), [True, False, False]),
        ):
            assert [budget.load(row(clip, 10))[0] is not None for _ in range(3)] == loads


def test_audio_that_is_gone_is_said_and_costs_nothing(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(b"0123456789")
    with AudioReader() as reader:
        budget = SoundBudget(reader, players=1)
        sound, missing = budget.load(row(tmp_path / "gone.mp3", 10))
        assert sound is None and missing is not None and "gone since ingest" in missing
        sound, missing = budget.load(row(tmp_path / "gone.tar", 10, audio_container="tar"))
        assert sound is None and missing is not None
        assert budget.load(row(clip, 10))[0] is not None


def test_unplayable_or_far_away_audio_is_left_out_without_a_word(tmp_path: Path) -> None:
    clip = tmp_path / "clip.amr"
    clip.write_bytes(b"0123456789")
    with AudioReader() as reader:
        budget = SoundBudget(reader)
        assert budget.load(row(clip, 10, audio_format="amr")) == (None, None)
        far = row(clip, 10, audio_container="tar.gz", audio_offset=PACKED_BYTES)
        assert budget.load(far) == (None, None)
