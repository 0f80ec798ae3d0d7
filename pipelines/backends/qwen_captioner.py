"""Captions by Qwen-VL in this process (MCLP 5.2): transformers and qwen-vl-utils.

The pictures are given as the video they were sampled from, as the model was trained on it.
Decoding is greedy and one scene at a time: a batch would change the last bits, and with them, now
and then, a word, so a run that was killed would not go on to the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.backends.captioner import Description
from pipelines.backends.media_settings import CaptionSettings
from pipelines.errors import UsageError
from pipelines.pictures import Picture
from pipelines.stages.caption_text import caption_question
from pipelines.store import file_sha256
from prompts import Prompt

_SHORTEST_S = 0.1  # a scene is taken to last so long at the least: frames a second are finite
_NEEDED = ("torch", "torchvision", "transformers", "qwen_vl_utils", "PIL")


class QwenCaptioner:
    """A model of the families Qwen2.5-VL and Qwen3-VL; loaded at the first scene."""

    def __init__(self, settings: CaptionSettings, prompt: Prompt) -> None:
        """Loads nothing.

        Raises:
            UsageError: a language that prompts have no name for.
        """
        self._settings, self._prompt = settings, prompt
        try:
            self._question = caption_question(settings.language)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self._loaded: tuple[Any, Any] | None = None  # model and processor

    @property
    def name(self) -> str:
        """Model name, of a folder its last part: a path is nobody's business."""
        return f"transformers:{self._model_name}"

    @cached_property
    def identity(self) -> Mapping[str, object]:
        """See :class:`Describer`; a folder is known by its content, a hub's model by its commit."""
        own = self._settings.transformers
        return {
            "captioner": self.name,
            "revision": _folder_sha256(own.model) if Path(own.model).is_dir() else own.revision,
            "dtype": "bfloat16" if self._device == "cuda" else "float32",
            "max_new_tokens": own.max_new_tokens,
            "prompt_sha256": self._prompt.sha256,
            "question": self._question,
        }

    def check(self) -> None:
        """Whether packages and model are there.

        Raises:
            UsageError: one is not.
        """
        for package in _NEEDED:
            if importlib.util.find_spec(package) is None:
                raise UsageError(
                    f"caption.backend transformers needs the extra `media` ({package} is missing);"
                    " install it, or choose another backend"
                )
        self._from_pretrained("AutoConfig")

    def describe(self, pictures: Sequence[Picture], duration: float) -> Description:
        """See :class:`Describer`."""
        import torch

        model, processor = self._load()
        inputs = self._inputs(processor, pictures, duration).to(model.device)
        limit = self._settings.transformers.max_new_tokens
        with torch.inference_mode():
            # The three belong to sampling; a value of the model's own would only earn a warning.
            written = model.generate(
                **inputs, do_sample=False, max_new_tokens=limit, temperature=None, top_p=None,
                top_k=None,
            )[0, inputs["input_ids"].shape[1] :]  # fmt: skip
        ends = model.generation_config.eos_token_id
        known_ends = set(ends if isinstance(ends, list) else [ends])
        return Description(
            text=processor.tokenizer.decode(written, skip_special_tokens=True),
            cut_off=int(written[-1]) not in known_ends,
        )

    def close(self) -> None:
        """See :class:`Describer`."""
        self._loaded = None

    def _inputs(self, processor: Any, pictures: Sequence[Picture], duration: float) -> Any:  # noqa: ANN401
        from PIL import Image
        from qwen_vl_utils import process_vision_info

        video = {
            "type": "video",
            "video": [Image.fromarray(picture) for picture in pictures],
            "sample_fps": len(pictures) / max(duration, _SHORTEST_S),
        }
        static = [{"role": role, "content": content} for role, content in self._prompt.messages]
        asked = {"role": "user", "content": [video, {"type": "text", "text": self._question}]}
        messages = [*static, asked]
        text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        _, videos, options = process_vision_info(
            messages,
            return_video_kwargs=True,
            return_video_metadata=True,
            image_patch_size=processor.video_processor.patch_size,
        )
        return processor(
            text=[text],
            videos=[frames for frames, _ in videos],
            video_metadata=[metadata for _, metadata in videos],
            do_resize=False,  # process_vision_info has done it
            return_tensors="pt",
            **options,
        )

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch

            half = self._device == "cuda"
            model = self._from_pretrained(
                "AutoModelForImageTextToText",
                dtype=torch.bfloat16 if half else torch.float32,
                use_safetensors=True,  # no pickle
            )
            self._loaded = model.eval().to(self._device), self._from_pretrained("AutoProcessor")
        return self._loaded

    def _from_pretrained(self, kind: str, **options: object) -> Any:  # noqa: ANN401
        import transformers

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        own = self._settings.transformers
        try:
            return getattr(transformers, kind).from_pretrained(
                own.model, revision=own.revision, **options
            )
        except (OSError, ValueError) as error:  # not found, offline, not a model of this kind
            raise UsageError(
                f"caption.transformers.model {own.model}: {error}; name a folder or a model of "
                "the hub that can be reached"
            ) from error

    @property
    def _model_name(self) -> str:
        model = self._settings.transformers.model
        return Path(model).name if Path(model).is_dir() else model

    @cached_property
    def _device(self) -> str:
        if self._settings.device != "auto":
            return self._settings.device
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"


def _folder_sha256(folder: str) -> str:
    """The hash of a model's files."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        if path.is_file():
            digest.update(f"{path.name} {file_sha256(str(path))}\n".encode())
    return digest.hexdigest()
