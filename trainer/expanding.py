"""What `trainer.expand` does with its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from manifests.codec import CodecMissing, read_codec
from trainer.errors import UsageError
from trainer.expansion import expand
from trainer.model_codec import write_model_codec
from trainer.settings import Strict
from trainer.tags import read_tags
from trainer.vocab import SpeechNames, flexivoice, step_audio_2


class ExpandSettings(Strict):
    """The whole of the configuration file."""

    layout: Literal["append", "ta4"]
    code: str  # name of a code, {} is its number
    end: str  # what ends the codes
    noise: Annotated[float, Field(ge=0.0)]
    multiple: Annotated[int, Field(ge=1)]
    seed: int

    def names(self, n_codes: int) -> SpeechNames:
        """The speech tokens for so many codes."""
        if self.layout == "ta4":
            return step_audio_2(n_codes)
        return flexivoice(n_codes, self.code, self.end)


def expand_model(
    model: str, codec_folder: str, output: str, settings: ExpandSettings, *, tags: str | None
) -> str:
    """Loads, expands and saves a model.

    Returns:
        The line that the command ends with.

    Raises:
        UsageError: the model cannot be loaded, there are no codes in the folder, the output is
            taken, or the tokenizer cannot be expanded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        codec = read_codec(codec_folder)
    except CodecMissing as error:
        raise UsageError(str(error)) from error
    listed = read_tags(tags) if tags is not None else []
    if Path(output).exists() and any(Path(output).iterdir()):
        raise UsageError(f"{output} is not empty: give a new folder for the expanded model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        llm = AutoModelForCausalLM.from_pretrained(model, dtype="auto")
    except (OSError, ValueError) as error:
        line = " ".join(str(error).split())
        raise UsageError(f"--model {model}: cannot be loaded: {line}") from error
    found = expand(
        llm,
        tokenizer,
        settings.names(codec.cardinality),
        listed,
        noise=settings.noise,
        seed=settings.seed,
        multiple=settings.multiple,
    )
    llm.save_pretrained(output)
    tokenizer.save_pretrained(output)
    write_model_codec(output, codec)
    added = found.tokens_after - found.tokens_before
    return (
        f"{output}: {found.tokens_before:,} tokens and {added:,} new ones for codes of "
        f"{codec.short}, {found.rows:,} rows, head {'tied' if found.tied else 'of its own'}"
    )
