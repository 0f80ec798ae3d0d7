"""The embedded Whisper hears English and Mandarin, and a batch hears what one alone would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.listening import drama_lines, game_lines, whisper
from trainer.audio_models import embedded_whisper
from trainer.audio_models.settings import WhisperSettings
from trainer.audio_models.whisper import WhisperTranscriber, _pieces
from trainer.errors import UsageError
from trainer.rewards.cer import character_error_rate

ENGLISH = game_lines(("FAYE", "SPARKY", "CHIEF"), 25, 2)
MANDARIN = drama_lines(3)


def test_words_of_both_languages_and_a_batch_is_one_at_a_time() -> None:
    lines = [*ENGLISH, *MANDARIN]
    speech, languages = [line.speech for line in lines], [line.language for line in lines]
    heard = whisper().transcribe(speech, languages)
    rates = [character_error_rate(line.text, text) for line, text in zip(lines, heard, strict=True)]
    assert np.mean(rates[: len(ENGLISH)]) < 0.15, list(zip(heard, rates, strict=True))
    assert np.mean(rates[len(ENGLISH) :]) < 0.25, list(zip(heard, rates, strict=True))
    for index in (0, len(lines) - 1):
        alone = whisper().transcribe([speech[index]], [languages[index]])
        assert alone == [heard[index]]


def test_nothing_said_is_no_long_text() -> None:
    """Whisper makes words of silence; how many is bounded by how long it lasts."""
    (text,) = whisper().transcribe([np.zeros(4000, np.float32)], ["en"])
    assert len(text.split()) <= 13  # 8 tokens to spare, and 20 a second


def test_long_speech_is_cut_and_empty_speech_is_one_piece() -> None:
    speech = np.arange(10, dtype=np.float32)
    assert [len(piece) for piece in _pieces(speech, 4)] == [4, 4, 2]
    assert [len(piece) for piece in _pieces(speech[:0], 4)] == [0]


def test_the_window_is_the_shortest_that_holds_the_speech() -> None:
    model = WhisperTranscriber()
    assert [model._window_s(round(s * 16_000)) for s in (0.1, 10.0, 10.1, 30.0)] == [10, 10, 20, 30]
    trained = WhisperTranscriber(WhisperSettings(model="large-v3"))
    assert trained._window_s(1600) == 30.0


def test_what_changes_its_texts_is_in_its_identity() -> None:
    first, second = WhisperTranscriber(), WhisperTranscriber(WhisperSettings(windows_s=(30.0,)))
    assert first.identity != second.identity
    assert first.identity["asr"] == "whisper-base"


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(UsageError, match="'xx'"):
        whisper().transcribe([np.zeros(1600, np.float32)], ["xx"])


def test_a_model_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    model = WhisperTranscriber(WhisperSettings(model=str(tmp_path)))
    with pytest.raises(UsageError, match=r"whisper\.model .* cannot be loaded"):
        model.load()


def test_without_its_packages_the_embedded_model_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = embedded_whisper._MODEL[0].model_copy(update={"package": "not_installed_at_all"})
    monkeypatch.setattr(embedded_whisper, "_MODEL", (absent, embedded_whisper._MODEL[1]))
    with pytest.raises(UsageError, match=r"not_installed_at_all.*make setup"):
        embedded_whisper.embedded_files()


def test_parts_in_the_wrong_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_whisper, "_MODEL", embedded_whisper._MODEL[::-1])
    with pytest.raises(UsageError, match="do not fit together"):
        embedded_whisper.embedded_files()
