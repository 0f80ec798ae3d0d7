"""The embedded separator: its layers by hand, and what it does to real speech under music."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipelines.backends.separator import Separator, make_separator
from pipelines.backends.spleeter_network import TIME_MULTIPLE, UNet, load_stems
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.sound import Samples, load_sound
from pipelines.stages.chunking import Chunk, Chunking, cut_chunks, join_chunks
from tests.pipelines.media_files import SAMPLE_VIDEOS, TRUE_VOCALS, noise

Float = NDArray[np.float64]
RATE = 44100
# Of the truth's 26 s: music from 0.8 s to 13.08 s, none after.
MUSIC, NO_MUSIC = (0.8, 13.08), (16.0, 25.5)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def separator() -> Separator:
    settings = load_params("params.yaml").separate
    return make_separator(settings.model_copy(update={"backend": "embedded", "device": "cpu"}))


@pytest.fixture(scope="module")
def mix() -> Samples:
    return load_sound(str(SAMPLE_VIDEOS[0]), RATE, 2)[:, : 26 * RATE]


@pytest.fixture(scope="module")
def vocals(separator: Separator, mix: Samples) -> Samples:
    return separator.separate(mix)


def si_sdr(estimate: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Scale-invariant signal-to-distortion ratio in dB."""
    estimate, truth = estimate - estimate.mean(), truth - truth.mean()
    target = (estimate @ truth) / (truth @ truth) * truth
    rest = estimate - target
    return float(10 * np.log10((target @ target) / (rest @ rest)))


def gain(mix: Samples, vocals: Samples, span: tuple[float, float]) -> float:
    """By how many dB the vocals are nearer to the truth than the mix is."""
    truth, rate = soundfile.read(TRUE_VOCALS, dtype="float32")
    begin, end = (round(time * rate) for time in span)
    before, after = (
        si_sdr(resample_poly(one.mean(axis=0), 160, 441)[begin:end], truth[begin:end])
        for one in (mix, vocals)
    )
    return after - before


def test_music_goes(mix: Samples, vocals: Samples) -> None:
    assert gain(mix, vocals, MUSIC) > 7.5


def test_speech_without_music_stays(mix: Samples, vocals: Samples) -> None:
    assert gain(mix, vocals, NO_MUSIC) > -0.2


def test_the_vocals_are_where_the_speech_is(mix: Samples, vocals: Samples) -> None:
    assert vocals.shape == mix.shape
    assert vocals.dtype == np.float32
    best = max(
        range(-40, 41),
        key=lambda lag: float(mix[0, 8000:-8000] @ np.roll(vocals[0], lag)[8000:-8000]),
    )
    assert best == 0


def test_chunks_agree_where_they_overlap(
    separator: Separator, mix: Samples, vocals: Samples
) -> None:
    # Two thirds and a half of the usual hop: no boundary is where another chunking has one.
    for steps in (7, 5):
        chunking = Chunking(hop=steps * separator.grid_frames, overlap=2 * separator.grid_frames)
        chunks = (
            Chunk(separator.separate(chunk.samples), chunk.last)
            for chunk in cut_chunks([mix], chunking)
        )
        joined = np.concatenate(list(join_chunks(chunks, chunking.overlap)), axis=1)
        assert joined.shape == vocals.shape
        error = 10 * np.log10(((joined - vocals) ** 2).sum() / (vocals**2).sum())
        assert error < -40, "dB"


def test_the_same_chunk_gives_the_same_bits(separator: Separator, mix: Samples) -> None:
    piece = mix[:, : 2 * RATE]
    np.testing.assert_array_equal(separator.separate(piece), separator.separate(piece.copy()))


@pytest.mark.parametrize("frames", [0, 1, 2047, 2048, 5000])
def test_a_chunk_of_any_length_keeps_it(separator: Separator, frames: int) -> None:
    vocals = separator.separate(noise(1.0, RATE, 2)[:, :frames])
    assert vocals.shape == (2, frames)
    assert np.isfinite(vocals).all()


def test_silence_stays_silence(separator: Separator) -> None:
    assert not separator.separate(np.zeros((2, RATE), np.float32)).any()


def test_the_identity_is_of_weights_not_of_places(separator: Separator) -> None:
    assert separator.name == "embedded:spleeter-2stems"
    settings = load_params("params.yaml").separate.embedded
    assert separator.identity["data_sha256"] == settings.data.sha256
    assert not any(str(value).startswith("/") for value in separator.identity.values())


def test_weights_of_another_model_are_an_error() -> None:
    with pytest.raises(UsageError, match=r"no conv2d/kernel of the shape \(16, 2, 5, 5\)"):
        load_stems({"conv2d/kernel": np.zeros((3, 3, 2, 16), np.float32)}, 2)


def test_the_first_and_last_layers_are_what_the_framework_computed() -> None:
    """Strides, odd paddings and kernels' axes, against sums written out by hand."""
    generator = np.random.default_rng(1)
    tensors = _tensors(generator)
    (network,) = load_stems(tensors, 1)
    image = generator.normal(size=(2, 6, 8))
    padded = torch.nn.functional.pad(torch.tensor(image[None], dtype=torch.float32), (1, 2, 1, 2))
    got = network.down[0](padded)[0].numpy()
    wanted = _convolved(image, tensors["conv2d/kernel"]) + tensors["conv2d/bias"][:, None, None]
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    narrow = generator.normal(size=(32, 3, 4))
    up = network.up[5](torch.tensor(narrow[None], dtype=torch.float32))[0, :, 1:-2, 1:-2].numpy()
    kernel = tensors["conv2d_transpose_5/kernel"]
    np.testing.assert_allclose(
        up, _spread(narrow, kernel) + tensors["conv2d_transpose_5/bias"][:, None, None], atol=1e-4
    )


def _convolved(image: Float, kernel: NDArray[np.float32]) -> Float:
    """Stride 2, padded as TensorFlow's "same" for even sizes: one before, two after."""
    _, height, width = image.shape
    out = np.zeros((kernel.shape[3], height // 2, width // 2))
    for row, column in itertools.product(range(height // 2), range(width // 2)):
        for down, right in itertools.product(range(5), range(5)):
            y, x = 2 * row + down - 1, 2 * column + right - 1
            if 0 <= y < height and 0 <= x < width:
                out[:, row, column] += image[:, y, x] @ kernel[down, right]
    return out


def _spread(image: Float, kernel: NDArray[np.float32]) -> Float:
    """The transpose of the above: every pixel adds its kernel to twice as large an image."""
    _, height, width = image.shape
    out = np.zeros((kernel.shape[2], 2 * height, 2 * width))
    for row, column in itertools.product(range(height), range(width)):
        for down, right in itertools.product(range(5), range(5)):
            y, x = 2 * row + down - 1, 2 * column + right - 1
            if 0 <= y < 2 * height and 0 <= x < 2 * width:
                out[:, y, x] += kernel[down, right] @ image[:, row, column]
    return out


def _tensors(generator: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Random weights of one stem, of the shapes that the network has."""
    network, tensors = UNet(), dict[str, NDArray[np.float32]]()
    kinds = {
        "conv2d": [*network.down, network.mask],
        "conv2d_transpose": [*network.up],
        "batch_normalization": [*network.down_norms, *network.up_norms],
    }
    names = {
        "weight": "kernel",
        "bias": "bias",
    }
    norms = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    for kind, layers in kinds.items():
        for number, layer in enumerate(layers):
            prefix = kind if number == 0 else f"{kind}_{number}"
            for here, there in (norms if kind == "batch_normalization" else names).items():
                shape = tuple(layer.state_dict()[here].shape)
                shape = tuple(shape[axis] for axis in (2, 3, 1, 0)) if len(shape) == 4 else shape
                values = generator.uniform(0.1, 1.0, shape)
                tensors[f"{prefix}/{there}"] = values.astype(np.float32)
    return tensors


def test_the_network_keeps_the_size() -> None:
    (network,) = load_stems(_tensors(np.random.default_rng(0)), 1)
    mix = torch.rand(1, 2, TIME_MULTIPLE, 128)
    stem = network(mix)
    assert stem.shape == mix.shape
    assert (stem >= 0).all()
    assert (stem <= mix).all(), "a mask"
