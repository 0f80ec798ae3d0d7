"""Speed and pitch: Spearman against scipy and by hand, F0 and rates of speech that is known."""

from __future__ import annotations

from math import tau

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.metrics.phonemes import phoneme_count
from trainer.metrics.pinyin import phonemes
from trainer.metrics.pitch import f0_track, median_f0
from trainer.metrics.prosody import (
    LEVELS,
    level_correlation,
    phonemes_per_second,
    speech_seconds,
)

RATE = 16_000


def _voice(
    f0_hz: NDArray[np.float64], formants: tuple[int, ...] = (600, 1400)
) -> NDArray[np.float32]:
    """A buzz of this F0, sample by sample, through two resonances, as vowels are made."""
    phase = np.cumsum(f0_hz) / RATE
    sound = scipy.signal.sawtooth(tau * phase)
    for formant in formants:
        numerator, denominator = scipy.signal.iirpeak(formant, 4, RATE)
        sound = scipy.signal.lfilter(numerator, denominator, sound) + 0.3 * sound
    return np.asarray(0.2 * sound / np.abs(sound).max(), np.float32)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.floats(1, 1000) | st.integers(1, 5).map(float)),
        min_size=3,
        max_size=40,
    )
)
def test_correlation_is_scipys_with_ties(pairs: list[tuple[int, float]]) -> None:
    levels, values = [one for one, _ in pairs], [value for _, value in pairs]
    found = level_correlation(levels, values)
    if len(set(levels)) < 2 or len(set(values)) < 2:
        assert found.value is None
    else:
        ranks = scipy.stats.rankdata(levels), scipy.stats.rankdata(values)
        assert found.value == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)


def test_worked_by_hand() -> None:
    # Ranks 1 2 3 and 1 3 2: 1 - 6 * (0 + 1 + 1) / (3 * 8) = 0.5.
    assert level_correlation([1, 2, 3], [5.0, 9.0, 7.0]).value == pytest.approx(0.5)
    assert level_correlation([LEVELS["fast"], LEVELS["slow"]], [4.0, 9.0]).value == -1.0


def test_three_levels_reach_no_more_than_the_root_of_eight_ninths() -> None:
    levels = [1] * 300 + [2] * 300 + [3] * 300
    found = level_correlation(levels, list(map(float, range(900))))
    assert found.value == pytest.approx(np.sqrt(8 / 9), abs=1e-5)


def test_what_was_not_measured_is_left_out_and_counted() -> None:
    found = level_correlation([1, 2, 3, 3], [1.0, 2.0, 3.0, None])
    assert (found.value, found.count, found.left_out) == (1.0, 3, 1)
    same = level_correlation([1, 2, 3], [None, 2.0, 2.0])
    assert same.value is None
    assert same.missing is not None
    assert "2 measured utterances" in same.missing


@pytest.mark.parametrize("f0", [70.0, 95.0, 131.0, 220.0, 310.0, 440.0, 560.0])
def test_f0_of_a_voice_that_is_known(f0: float) -> None:
    found = median_f0(_voice(np.full(RATE, f0)))
    assert found == pytest.approx(f0, rel=0.01)


@pytest.mark.parametrize("f0", [100.0, 250.0])
def test_f0_with_noise_and_hum_between(f0: float) -> None:
    rng = np.random.default_rng(5)
    sound = _voice(np.full(RATE, f0))
    noisy = sound + rng.normal(0, 10 ** (-20 / 20) * sound.std(), RATE).astype(np.float32)
    hum = 1e-3 * np.sin(tau * 500 * np.arange(2 * RATE) / RATE)
    whole = np.concatenate([noisy, hum.astype(np.float32)])
    assert median_f0(whole) == pytest.approx(f0, rel=0.02)


def test_a_glide_is_followed() -> None:
    f0 = np.linspace(120.0, 240.0, RATE)
    track = f0_track(_voice(f0))
    at = f0[(np.arange(len(track)) * 160 + 300).clip(max=RATE - 1)]
    voiced = np.isfinite(track)
    assert voiced.mean() > 0.9
    assert np.median(np.abs(track[voiced] / at[voiced] - 1)) < 0.03
    assert median_f0(_voice(f0)) == pytest.approx(180.0, rel=0.03)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(6).normal(0, 0.1, RATE).astype(np.float32)
    assert median_f0(noise) is None
    assert median_f0(np.zeros(RATE, np.float32)) is None
    assert median_f0(np.zeros(10, np.float32)) is None
    assert median_f0(np.zeros(0, np.float32)) is None


def test_a_higher_voice_is_never_found_lower() -> None:
    found = [median_f0(_voice(np.full(RATE // 2, f0))) for f0 in np.geomspace(65, 580, 30)]
    assert None not in found
    assert found == sorted(found, key=lambda one: one or 0.0)


def test_phonemes_by_hand() -> None:
    # 今 j-in 天 t-ian 很 h-en 热 r-e; 一 (y)i 五 (w)u 二 er are finals alone.
    assert phonemes("今天很热") == 8
    assert phonemes("一五二") == 3
    # k-ae-t, th-ih-ng-k, qu is two sounds, b-oo-k; the e of `cake` is not heard.
    assert [phoneme_count(word) for word in ("cat", "think", "quick", "book", "cake")] == [
        *(3, 4, 4, 3, 3)
    ]
    assert phoneme_count("你好 ok") == 4 + 2
    assert phoneme_count("...") == 0


def test_rate_is_of_what_is_spoken_without_the_silence_around() -> None:
    spoken = _voice(np.full(2 * RATE, 150.0))
    quiet = np.zeros(RATE, np.float32)
    padded = np.concatenate([quiet, spoken, quiet])
    assert speech_seconds(padded) == pytest.approx(2.0, abs=0.03)
    assert phonemes_per_second("今天很热", padded) == pytest.approx(4.0, rel=0.02)
    assert phonemes_per_second("!", padded) is None
    assert phonemes_per_second("今天很热", quiet) is None
    assert speech_seconds(np.zeros(0, np.float32)) == 0.0


def test_a_pause_within_counts() -> None:
    spoken = _voice(np.full(RATE, 150.0))
    with_pause = np.concatenate([spoken, np.zeros(RATE, np.float32), spoken])
    assert speech_seconds(with_pause) == pytest.approx(3.0, abs=0.03)
