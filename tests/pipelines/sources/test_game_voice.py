from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from pipelines.errors import UsageError
from pipelines.sources.game_voice import GameVoiceSource
from pipelines.sources.registry import make_source
from pipelines.sources.settings import GameVoiceSettings
from schemas import Rejection, Utterance
from tests.pipelines.sources.archives import clip, reasons

ROOT = Path(__file__).parents[3]


def wav(seconds: float = 1.5, rate: int = 16000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(int(seconds * rate)), rate, format="WAV")
    return buffer.getvalue()


def entry(**changes: object) -> dict[str, object]:
    fields = {
        "fileName": "VO_GCG\\vo_01.wem",
        "language": "English(US)",
        "text": "Good morning.",
        "guid": "1",
        "talkRole": "Mei",
        "talkRoleType": "TALK_ROLE_NPC",
        "gameTrigger": "Card",
        "gameTriggerArgs": 101,
        **changes,
    }
    return {name: content for name, content in fields.items() if content is not ...}


def read(path: Path, **settings: object) -> tuple[list[Utterance], list[Rejection]]:
    parsed = GameVoiceSettings(kind="game_voice", game="A game", **settings)  # type: ignore[arg-type]
    source = make_source("game_voice", parsed)
    records = [record for shard in source.shards([str(path)]) for record in source.read(shard)]
    utterances = [record for record in records if isinstance(record, Utterance)]
    return utterances, [record for record in records if isinstance(record, Rejection)]


def write_dump(folder: Path, entries: object, clips: dict[str, bytes]) -> Path:
    for name, content in clips.items():
        (folder / name).write_bytes(content)
    text = entries if isinstance(entries, str) else json.dumps(entries)
    (folder / "result.json").write_text(text, encoding="utf-8")
    return folder


def test_raw_dump_with_old_and_new_keys(tmp_path: Path) -> None:
    new = {
        "inGameFilename": "vo_02.wem",
        "language": "Chinese",
        "transcription": "#早上好，{NICKNAME}。",
        "speaker": "梅",
        "voiceType": "Dialog",
    }
    clips = {"aa.wav": wav(), "bb.mp3": clip()}
    utterances, rejections = read(write_dump(tmp_path, {"aa.wav": entry(), "bb.wav": new}, clips))
    assert not rejections
    first, second = utterances
    assert (first.id, first.character, first.language) == ("aa", "Mei", "en")
    assert (first.duration, first.audio_format, first.game) == (1.5, "wav", "A game")
    assert (second.id, second.text, second.source_id) == ("bb", "早上好，旅行者。", "vo_02.wem")
    assert second.audio_uri == str(tmp_path / "bb.mp3")  # the clip was re-encoded, not the list
    assert (second.audio_format, second.duration) == ("mp3", 1.2)


def test_what_can_be_wrong_with_a_line_of_a_raw_dump(tmp_path: Path) -> None:
    entries = {
        "no_speaker.wav": entry(talkRole=...),
        "nobody.wav": entry(talkRole="???"),
        "no_text.wav": entry(text=...),
        "sigh.wav": entry(text="(sigh)"),
        "klingon.wav": entry(language="Klingon"),
        "number.wav": entry(text=5),
        "real_name.wav": entry(text="#{REALNAME[ID(1)]}?"),
        "missing.wav": entry(),
        "empty.wav": entry(),
        "noise.wav": entry(),
        "cut.wav": entry(),
        "cut.mp3.mp3": entry(),
        "../secret.wav": entry(),
        "list.wav": [],
        "good.wav": entry(),
    }
    (tmp_path / "secret.wav").write_bytes(wav())
    dump = tmp_path / "dump"
    dump.mkdir()
    clips = {
        "empty.wav": b"",
        "noise.wav": b"noise" * 100,
        "cut.wav": wav()[:9000],
        "cut.mp3.mp3": clip()[:-20],
        "good.wav": wav(),
    }
    utterances, rejections = read(write_dump(dump, entries, clips))
    assert [utterance.id for utterance in utterances] == ["good"]
    assert reasons(rejections) == {
        "no_speaker": "speaker_missing",
        "nobody": "speaker_missing",
        "no_text": "text_empty",
        "sigh": "text_empty",
        "klingon": "language_unknown",
        "number": "field_invalid",
        "real_name": "field_invalid",
        "missing": "audio_missing",
        "empty": "audio_empty",
        "noise": "audio_unreadable",
        "cut": "audio_truncated",
        "cut.mp3": "audio_truncated",
        "secret": "member_unsafe",
        "list": "field_invalid",
    }


def test_a_result_json_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    text = json.dumps({"aa.wav": entry(), "bb.wav": entry()})[:-30]
    clips = {"aa.wav": wav(), "bb.wav": wav()}
    utterances, rejections = read(write_dump(tmp_path, text, clips))
    assert [utterance.id for utterance in utterances] == ["aa"]
    assert [rejection.reason.value for rejection in rejections] == ["transcript_invalid"]


def test_an_id_twice_and_a_lone_surrogate(tmp_path: Path) -> None:
    text = f'{{"aa.wav": {json.dumps(entry())}, "aa.wav": {json.dumps(entry())}}}'
    utterances, rejections = read(write_dump(tmp_path, text, {"aa.wav": wav()}))
    assert len(utterances) == 1
    assert [rejection.reason.value for rejection in rejections] == ["duplicate_id"]


@pytest.mark.parametrize("text", ["", "[]", "nonsense"])
def test_a_result_json_that_is_no_object(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"result\.json"):
        read(write_dump(tmp_path, text, {}))


def write_parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    audio = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    names = ("ingame_filename", "transcription", "language", "speaker", "voice_type")
    schema = pa.schema([("audio", audio), *((name, pa.string()) for name in names)])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=3)
    return path


def parquet_row(number: int, **changes: object) -> dict[str, object]:
    return {
        "audio": {"bytes": wav(1 + number / 10), "path": f"{number}.wav"},
        "ingame_filename": f"VO_a\\vo {number}.wem",
        "transcription": "Hm? Back already?",
        "language": "English(US)",
        "speaker": "Xingqiu",
        "voice_type": "Fetter",
        **changes,
    }


def test_parquet_export(tmp_path: Path) -> None:
    rows = [
        parquet_row(0),
        parquet_row(1, speaker=""),
        parquet_row(2, transcription=None),
        parquet_row(3, audio=None),
        parquet_row(0, language="Japanese", transcription="おや？"),
        parquet_row(5, ingame_filename=None),
        parquet_row(0),
    ]
    path = write_parquet(tmp_path / "train-0.parquet", rows)
    utterances, rejections = read(path)
    assert [(u.id, u.audio_offset, u.duration) for u in utterances] == [
        ("en_VO_a_vo_0", 0, 1.0),
        ("ja_VO_a_vo_0", 4, 1.0),
        ("train-0_5", 5, 1.5),
    ]
    assert {utterance.audio_container for utterance in utterances} == {"parquet"}
    assert reasons(rejections) == {
        "train-0_1": "speaker_missing",
        "train-0_2": "text_empty",
        "en_VO_a_vo_3": "audio_missing",
        "en_VO_a_vo_0": "duplicate_id",
    }
    bytes_of = pq.read_table(path).column("audio")[4].as_py()["bytes"]
    assert len(bytes_of) == utterances[1].audio_size


def test_parquet_without_audio_or_not_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="no column audio"):
        read(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="not a parquet file"):
        read(tmp_path / "b.parquet")


def test_inputs_are_checked(tmp_path: Path) -> None:
    source = GameVoiceSource("game_voice", GameVoiceSettings(kind="game_voice"))
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=str(tmp_path)):
            source.shards([str(path)])


def test_the_shipped_excerpt_is_all_good() -> None:
    utterances, rejections = read(ROOT / "samples" / "game_voice")
    assert not rejections
    assert len(utterances) == 96
    assert len({utterance.character for utterance in utterances}) == 12
    for utterance in utterances:
        assert 1.2 <= utterance.duration <= 6.1
        assert (utterance.sample_rate_hz, utterance.num_channels) == (11025, 1)
        assert utterance.text == utterance.text_raw or "  " in utterance.text_raw
