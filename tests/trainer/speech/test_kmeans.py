from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from trainer.errors import DataError, UsageError
from trainer.speech.kmeans import KMeansTokenizer, fit_kmeans, load, log_mel
from trainer.speech.lloyd import fit, nearest
from trainer.speech.logmel import LogMel, mel_filters
from trainer.speech.registry import check_name, load_tokenizer
from trainer.speech.settings import KMeansSettings
from trainer.speech.sound import SoundUndecodable, decode_sound, resample

SAMPLES = Path(__file__).parents[3] / "samples" / "game_voice"


def settings(**changes: object) -> KMeansSettings:
    fields: dict[str, object] = {
        "clusters": 64,
        "sample_rate": 16000,
        "frame_rate": 25.0,
        "stack": 4,
        "n_mels": 80,
        "griffin_lim": 16,
    }
    return KMeansSettings.model_validate(fields | changes)


@pytest.fixture(scope="module")
def speech() -> list[torch.Tensor]:
    files = sorted(SAMPLES.glob("*.mp3"))[:30]
    return [torch.from_numpy(decode_sound(path.read_bytes(), 16000)) for path in files]


@pytest.fixture(scope="module")
def codec(speech: list[torch.Tensor]) -> KMeansTokenizer:
    mel = log_mel(settings())
    blocks = torch.cat([mel(one) for one in speech])
    return fit_kmeans(blocks, settings(), seed=0, iterations=10)[0]


def test_batched_is_one_at_a_time(codec: KMeansTokenizer, speech: list[torch.Tensor]) -> None:
    together = codec.encode(speech)
    for audio, codes in zip(speech, together, strict=True):
        assert torch.equal(codes, codec.encode([audio])[0])
        assert abs(len(codes) - len(audio) / 640) <= 0.5 or len(codes) == 1


def test_fitting_twice_gives_the_same_file(
    codec: KMeansTokenizer, speech: list[torch.Tensor], tmp_path: Path
) -> None:
    blocks = torch.cat([codec.mel(one) for one in speech])
    again, _ = fit_kmeans(blocks, settings(), seed=0, iterations=10)
    other, _ = fit_kmeans(blocks, settings(), seed=1, iterations=10)
    for name, one in (("a", codec), ("b", again), ("c", other)):
        one.save(str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert codec.identity == again.identity
    assert codec.identity.fingerprint != other.identity.fingerprint


def test_it_comes_back_from_its_file(
    codec: KMeansTokenizer, speech: list[torch.Tensor], tmp_path: Path
) -> None:
    path = str(tmp_path / "codec.safetensors")
    codec.save(path)
    back = load_tokenizer(f"kmeans:{path}")
    assert back.identity == codec.identity
    assert (back.frame_rate, back.sample_rate, back.cardinality) == (25.0, 16000, 64)
    assert torch.equal(back.encode(speech[:1])[0], codec.encode(speech[:1])[0])


def test_codes_become_sound_that_is_near(
    codec: KMeansTokenizer, speech: list[torch.Tensor]
) -> None:
    audio = max(speech, key=len)
    codes = codec.encode([audio])[0]
    sound = codec.decode(codes)
    assert len(sound) == len(codes) * 640
    assert torch.equal(sound, codec.decode(codes))  # no random phase
    error = (codec.mel(sound) - codec.mel(audio)).abs().mean()
    silence = (codec.mel(torch.zeros_like(audio)) - codec.mel(audio)).abs().mean()
    other = codec.decode(codec.encode([speech[0]])[0].repeat(20)[: len(codes)])
    wrong = (codec.mel(other) - codec.mel(audio)).abs().mean()
    assert error < 0.5 * wrong and error < 0.25 * silence


def test_features_come_back_without_quantization(
    codec: KMeansTokenizer, speech: list[torch.Tensor]
) -> None:
    audio = max(speech, key=len)
    blocks = codec.mel(audio)
    assert (codec.mel(codec.mel.invert(blocks, 32)) - blocks).abs().mean() < 0.3


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 0), (0.001, 1), (0.02, 1), (0.5, 13)])
def test_short_audio(codec: KMeansTokenizer, seconds: float, frames: int) -> None:
    (codes,) = codec.encode([torch.zeros(round(16000 * seconds))])
    assert len(codes) == frames  # to the nearest, half up, one at least


def test_a_block_does_not_depend_on_what_is_far_away() -> None:
    mel = LogMel(sample_rate=16000, hop=160, stack=4)
    noise = torch.randn(16000, generator=torch.Generator().manual_seed(0))
    changed = noise.clone()
    changed[8000:] = 0
    assert torch.allclose(mel(noise)[:11], mel(changed)[:11], atol=1e-5)


@pytest.mark.parametrize(("rate", "n_fft"), [(16000, 1024), (24000, 1024)])
def test_every_mel_band_hears_something(rate: int, n_fft: int) -> None:
    filters = mel_filters(rate, n_fft, 80)
    assert bool((filters.sum(dim=1) > 0.9).all())


@pytest.mark.parametrize("codes", [[64], [-1], []])
def test_wrong_codes_are_no_sound(codec: KMeansTokenizer, codes: list[int]) -> None:
    with pytest.raises(DataError, match="not in 0..63|no codes"):
        codec.decode(torch.tensor(codes, dtype=torch.int64))


def test_lloyd_finds_clusters_that_are_there() -> None:
    generator = torch.Generator().manual_seed(0)
    true = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = true.repeat(50, 1) + 0.1 * torch.randn(150, 2, generator=generator)
    found = fit(points, 3, iterations=50, seed=3)
    assert found.explained > 0.99
    assert sorted(found.counts_K.tolist()) == [50, 50, 50]
    indexes, distances = nearest(points, found.centres_KD)
    assert bool((distances < 0.5).all())
    assert len(set(indexes[:3].tolist())) == 3


def test_a_centre_without_points_gets_one() -> None:
    points = torch.cat([torch.zeros(20, 2), torch.ones(20, 2), torch.full((1, 2), 9.0)])
    found = fit(points, 3, iterations=10, seed=0)
    assert sorted(found.counts_K.tolist()) == [1, 20, 20]


def test_too_little_speech_is_an_error() -> None:
    with pytest.raises(DataError, match="3 frames cannot make 64 codes"):
        fit(torch.zeros(3, 2), 64, iterations=1, seed=0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stack": 3}, "no whole number of samples"),
        ({"frame_rate": 50.0}, "frame_rate is 50"),
        ({"sample_rate": 8000}, "16000 or 24000"),
        ({"clusters": 40000}, "less than or equal to 32768"),
    ],
)
def test_impossible_settings(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(**change)


def test_hostile_files_are_refused(tmp_path: Path, codec: KMeansTokenizer) -> None:
    wrong = {
        "text": b"not a codec",
        "pickle": b"\x80\x04N.",
        "bare": safetensors.torch.save({"centres": codec.centres_KD}),
        "shape": safetensors.torch.save(
            {"centres": torch.zeros(3, 3)}, {"kmeans": settings().model_dump_json()}
        ),
        "nan": safetensors.torch.save(
            {"centres": torch.full((64, 320), float("nan"))},
            {"kmeans": settings().model_dump_json()},
        ),
        "none": safetensors.torch.save(
            {"other": codec.centres_KD}, {"kmeans": settings().model_dump_json()}
        ),
        "key": safetensors.torch.save(
            {"centres": codec.centres_KD},
            {"kmeans": json.dumps(settings().model_dump() | {"evil": 1})},
        ),
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match=f"{name}: not a fitted k-means codec"):
            load(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kmeans:nowhere", "no such file; fit a codec first"),
        ("kmeans:", "no speech tokenizer"),
        ("wav2vec", "no speech tokenizer 'wav2vec'; there are"),
        ("dualcodec:50hz", "no speech tokenizer"),
    ],
)
def test_unknown_names(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_name(name)


@pytest.mark.parametrize("name", ["dualcodec:12hz_v1", "s3:v2_25hz"])
def test_absent_packages_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("dualcodec", "s3tokenizer", "cached_path"):
        monkeypatch.setitem(__import__("sys").modules, module, None)  # as if not installed
    with pytest.raises(UsageError, match="package that is not installed.*pip install"):
        load_tokenizer(name)


def test_sound_at_another_rate() -> None:
    audio = next(iter(sorted(SAMPLES.glob("*.mp3")))).read_bytes()
    short, long = decode_sound(audio, 11025), decode_sound(audio, 24000)
    assert abs(len(long) / 24000 - len(short) / 11025) < 1e-3
    back = resample(long, 24000, 11025)[: len(short)]
    assert np.corrcoef(back, short[: len(back)])[0, 1] > 0.99
    with pytest.raises(SoundUndecodable):
        decode_sound(b"RIFF", 16000)
