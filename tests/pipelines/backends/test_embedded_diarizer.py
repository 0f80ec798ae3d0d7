"""The embedded diarizer on the two episodes, music and all; and on sound without speech."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.backends.diarizer import choose_backend, make_diarizer
from pipelines.errors import UsageError
from pipelines.sound import load_sound
from pipelines.stages.assign import assign_speakers
from pipelines.stages.linking import ChunkSpeaker, link_speakers
from tests.pipelines.media_files import SAMPLE_AUDIO, TRUE_VOCALS, noise
from tests.pipelines.speakers import RATE, embedded, error_rates, settings, share_right
from tests.pipelines.stages.drama import EPISODES, drama_sentences, drama_turns, truth


@pytest.mark.parametrize("number", [0, 1])
def test_who_speaks_each_sentence_of_the_two_episodes(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the mix: music at -5 to -8 dB under half of the speech. Separated vocals are easier."""
    aid = EPISODES[number]
    found = embedded().diarize(load_sound(str(SAMPLE_AUDIO[number]), RATE, 1)[0]).turns
    right = share_right(
        assign_speakers(drama_sentences(aid), found), truth("sentences.json")[aid]["speakers"]
    )
    rates = error_rates(drama_turns(aid), found)
    with capsys.disabled():
        shown = ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())
        print(f"\n{aid}: {right:.1%} of sentences right, {shown}")  # noqa: T201
    assert right >= 0.9
    assert len({turn.speaker for turn in found}) == len({t.speaker for t in drama_turns(aid)})
    assert rates["der"] < 0.1
    assert rates["confusion"] < 0.03


def test_the_same_sound_gives_the_same_turns_and_voices_of_length_one() -> None:
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0]
    one, two = embedded().diarize(samples), embedded().diarize(samples)
    assert one.turns == two.turns
    assert one.voices.keys() == {turn.speaker for turn in one.turns}
    for label, voice in one.voices.items():
        assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-5)
        assert np.array_equal(voice, two.voices[label])


def test_turns_follow_each_other_inside_the_sound() -> None:
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0]
    turns = embedded().diarize(samples).turns
    assert turns[0].start >= 0
    assert turns[-1].start + turns[-1].duration <= len(samples) / RATE
    for one, after in zip(turns, turns[1:], strict=False):
        assert one.duration > 0
        assert one.start + one.duration <= after.start + 1e-9


def test_a_change_of_speakers_without_a_pause_is_found() -> None:
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0]
    lines = drama_turns(EPISODES[0])[1:3]  # a man, then a woman
    pieces = [
        samples[round((t.start + 0.1) * RATE) : round((t.start + t.duration - 0.1) * RATE)]
        for t in lines
    ]
    change = len(pieces[0]) / RATE
    joined = np.concatenate([samples[: 5 * RATE], *pieces])  # a third voice before them
    turns = [t for t in embedded().diarize(joined).turns if t.start > 4.5]
    assert len({turn.speaker for turn in turns}) == 2
    second = next(turn for turn in turns if turn.speaker != turns[0].speaker)
    assert second.start == pytest.approx(5 + change, abs=0.35)


def test_the_voices_of_two_chunks_are_linked() -> None:
    samples = load_sound(str(SAMPLE_AUDIO[0]), RATE, 1)[0]
    halves = [embedded().diarize(some) for some in (samples[: 45 * RATE], samples[45 * RATE :])]
    speakers = [
        ChunkSpeaker(chunk, label, 1.0, voice)
        for chunk, found in enumerate(halves)
        for label, voice in found.voices.items()
    ]
    groups = link_speakers(speakers, embedded().link_distance)
    assert len(speakers) > 4  # two of the four are in both halves
    assert len(set(groups)) == 4


@pytest.mark.parametrize("length", [0, 1, 399, 4000, 5 * RATE])
def test_silence_has_no_turns(length: int) -> None:
    found = embedded().diarize(np.zeros(length, np.float32))
    assert (found.turns, dict(found.voices)) == ((), {})


def test_noise_has_next_to_none() -> None:
    found = embedded().diarize(noise(8.0, RATE)[0] * 0.2)
    assert sum(turn.duration for turn in found.turns) < 1.0
    assert all(np.isfinite(voice).all() for voice in found.voices.values())


def test_every_parameter_is_in_the_identity() -> None:
    identity = dict(embedded().identity)
    own = settings().embedded
    for name in type(own).model_fields:
        if name in ("vad", "embedding"):
            assert identity[f"{name}_sha256"] == getattr(own, name).sha256
        elif name != "link_distance":  # of what calls it
            assert identity[name] == getattr(own, name)


def test_weights_that_are_not_there_are_said_by_check() -> None:
    own = settings().embedded
    missing = own.embedding.model_copy(update={"package": "no_such_package"})
    broken = settings(embedded=own.model_copy(update={"embedding": missing}))
    with pytest.raises(UsageError, match="no_such_package"):
        make_diarizer(broken).check()


def test_auto_is_the_embedded_one_without_a_gpu() -> None:
    import torch

    expected = "pyannote" if torch.cuda.is_available() else "embedded"
    assert choose_backend(settings(backend="auto", device="auto")) == expected
    assert choose_backend(settings(backend="auto", device="cpu")) == "embedded"
    assert choose_backend(settings(backend="pyannote")) == "pyannote"
