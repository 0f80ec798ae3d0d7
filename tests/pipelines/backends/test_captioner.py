"""The choice of a captioner, and the embedded one's sentences."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipelines.backends.captioner import CaptionerRecipe, chosen_captioner
from pipelines.backends.measured_captioner import MeasuredCaptioner, chinese, english
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.stages.picture_facts import (
    COLOURS,
    CONTRAST,
    LIGHT,
    MOVEMENT,
    TONE,
    VIVIDNESS,
    PictureFacts,
)

PARAMS = load_params(str(Path(__file__).parents[3] / "params.yaml"))


@pytest.mark.parametrize(
    ("backend", "device", "chosen"),
    [
        ("auto", "cpu", "embedded"),
        ("auto", "cuda", "transformers"),
        ("openai", "cpu", "openai"),
        ("transformers", "cpu", "transformers"),
        ("embedded", "cuda", "embedded"),
    ],
)
def test_auto_is_qwen_on_a_gpu_and_never_a_server(
    backend: str, device: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "a-chat-model-without-eyes")
    settings = PARAMS.caption.model_copy(update={"backend": backend, "device": device})
    assert chosen_captioner(settings) == chosen


@pytest.mark.parametrize("backend", ["openai", "transformers", "embedded"])
def test_a_recipe_crosses_to_a_worker_and_makes_the_same_captioner(
    backend: str, tmp_path: Path
) -> None:
    recipe = CaptionerRecipe(
        backend=backend,  # type: ignore[arg-type]
        settings=PARAMS.caption,
        chat=PARAMS.chat,
        journal=str(tmp_path / "journal.sqlite"),
        store=str(tmp_path / "store"),
    )
    crossed = pickle.loads(pickle.dumps(recipe))
    assert crossed == recipe
    one, other = recipe.make("a"), crossed.make("a")
    assert one.name == other.name
    assert one.name.startswith(f"{backend}:")
    one.close()
    other.close()


def test_every_fact_has_its_words_and_every_word_its_own_facts() -> None:
    kinds = (LIGHT, CONTRAST, VIVIDNESS[1:], TONE, [("red",), ("red", "blue")], MOVEMENT, range(4))
    for write in (english, chinese):
        sentences = {
            write(
                PictureFacts(
                    light=light,
                    contrast=contrast,
                    vividness=vividness,
                    tone=tone,
                    colours=colours,
                    movement=movement,
                    new_views=new_views,
                )
            )
            for light, contrast, vividness, tone, colours, movement, new_views in itertools.product(
                *kinds
            )
        }
        assert len(sentences) == np.prod([len(kind) for kind in kinds])


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("vividness", VIVIDNESS)
def test_every_colour_can_be_said_in_both_languages(colour: str, vividness: str) -> None:
    facts = PictureFacts(
        light="dim",
        contrast="low",
        vividness=vividness,
        tone="cool",
        colours=(colour,),
        movement=None,
        new_views=0,
    )
    assert f"mostly {colour}; contrast is low, and the view stays." in english(facts)
    assert chinese(facts).endswith("为主；对比柔和，镜头不变。")
    assert not any(character.isascii() and character.isalpha() for character in chinese(facts))


def test_it_says_what_it_is_and_its_language_is_part_of_it() -> None:
    one, other = MeasuredCaptioner("en"), MeasuredCaptioner("zh")
    assert one.name == other.name == "embedded:measured-facts/1"
    assert one.identity != other.identity
    with pytest.raises(UsageError, match="writes en and zh only"):
        MeasuredCaptioner("ja")
