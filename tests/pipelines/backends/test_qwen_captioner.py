"""Qwen2.5-VL's own classes with tiny random weights, through Beam and on the real videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import prompts
from pipelines.backends.media_settings import CaptionSettings
from pipelines.backends.qwen_captioner import QwenCaptioner
from pipelines.caption import main
from pipelines.params import load_params
from tests.pipelines.stages.drama_scenes import both_episodes, save_cut
from tests.pipelines.test_caption_command import (
    ROOT,
    arguments,
    content,
    facts_of,
    run_facts,
    scenes_in,
    write_params,
)
from tests.pipelines.test_caption_videos import rejected_in
from tests.tiny_qwen import save_tiny_qwen, save_tiny_qwen3

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen(tmp_path_factory.mktemp("tiny") / "Tiny-VL")


def flags(model: Path) -> list[str]:
    return ["--backend", "transformers", "--device", "cpu", "--model", str(model)]


def settings(model: Path, **own: object) -> CaptionSettings:
    base = load_params(str(ROOT / "params.yaml")).caption
    changed = base.transformers.model_copy(update={"model": str(model), **own})
    return base.model_copy(update={"device": "cpu", "transformers": changed})


def captioner(model: Path, **own: object) -> QwenCaptioner:
    return QwenCaptioner(settings(model, **own), prompts.load("scene_caption", "v1.plain"))


def test_the_whole_command_with_a_real_model(model: Path, tmp_path: Path) -> None:
    cut = save_cut(tmp_path / "cut", both_episodes())
    new_tokens = {"model": str(model), "revision": None, "max_new_tokens": 12}
    params = write_params(tmp_path, frames=4, frame_height_px=112, transformers=new_tokens)
    output = tmp_path / "caption"
    assert main(arguments(params, cut, output, *flags(model))) == 0
    facts, scenes = facts_of(output), scenes_in(output)
    assert facts.backend == "transformers:Tiny-VL"
    assert list(facts.prompt_sha256) == ["scene_caption/v1.plain"]
    assert facts.rows_in == facts.rows_out == 51
    assert all((scene.caption or "").isascii() for scene in scenes)
    assert {scene.caption_backend for scene in scenes} == {"transformers:Tiny-VL"}
    assert run_facts(output)["computed"] == 10
    first = content(output)
    assert main(arguments(params, cut, output, *flags(model))) == 0
    assert (run_facts(output)["computed"], run_facts(output)["stored"]) == (0, 10)
    assert content(output) == first


def test_what_did_not_end_is_no_caption(model: Path, tmp_path: Path) -> None:
    cut = save_cut(tmp_path / "cut", both_episodes())
    few = {"model": str(model), "revision": None, "max_new_tokens": 5}
    params = write_params(tmp_path, frames=2, frame_height_px=56, transformers=few)
    output = tmp_path / "caption"
    assert main(arguments(params, cut, output, *flags(model), "--limit", "1")) == 0
    assert scenes_in(output) == []
    assert {one.reason.value for one in rejected_in(output)} == {"dead_letter"}
    assert "did not end within caption.transformers.max_new_tokens" in rejected_in(output)[0].detail


def test_what_is_written_depends_on_the_pictures_and_on_nothing_else(model: Path) -> None:
    rng = np.random.default_rng(5)
    noise = [rng.integers(0, 256, (84, 112, 3), dtype=np.uint8) for _ in range(3)]
    dark = [np.zeros((84, 112, 3), np.uint8)] * 3
    one, other = captioner(model, max_new_tokens=12), captioner(model, max_new_tokens=12)
    first = one.describe(noise, 6.0)
    torch.manual_seed(99)
    assert one.describe(noise, 6.0) == first == other.describe(noise, 6.0)
    assert one.describe(dark, 6.0) != first
    one.close()
    assert one.describe(noise, 6.0) == first  # loaded again


def test_pictures_of_a_scene_without_length_and_of_one_frame_are_described(model: Path) -> None:
    single = [np.full((84, 112, 3), 128, np.uint8)]
    assert captioner(model, max_new_tokens=12).describe(single, 0.0).text


def test_the_next_family_works_too(tmp_path: Path) -> None:
    own = captioner(save_tiny_qwen3(tmp_path / "Tiny3-VL"), max_new_tokens=12)
    pictures = [np.full((96, 128, 3), 60 * n, np.uint8) for n in range(4)]
    described = own.describe(pictures, 10.0)
    assert described.text.strip() and not described.cut_off
    assert described == own.describe(pictures, 10.0)


def test_other_weights_in_the_folder_are_another_model(model: Path, tmp_path: Path) -> None:
    other = save_tiny_qwen(tmp_path / "Tiny-VL", seed=8)
    assert captioner(model).name == captioner(other).name
    assert captioner(model).identity != captioner(other).identity
    assert captioner(model).identity == captioner(model).identity
    assert captioner(model).identity != captioner(model, max_new_tokens=7).identity
    assert str(model) not in str(captioner(model).identity)
