"""NeMo Curator: seconds from the segments of episodes to snippets, its nearest thing to scenes.

    plan_nemo_curator.py FILE...

Each file is a list of episodes, each a list of ``[start, end, text]``. Timed is what its pipeline
does with them: it takes out empty segments, finds those that overlap, which its packing would get
wrong, and packs the rest; and the packing alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import empty_modules  # type: ignore[import-not-found]
from fastest import fastest  # type: ignore[import-not-found]

# Other functions' needs. "Testable without Ray / soundfile / torch", as the module itself says.
empty_modules.put(
    *("cosmos_xenna", "fsspec", "huggingface_hub", "loguru", "ray"),
    *("soundfile", "torch", "torchaudio", "transformers"),
)

from nemo_curator.stages.audio.alm.pretrain.planning import (  # type: ignore[import-not-found]  # noqa: E402
    filter_empty_segments,
    find_overlapping_indices,
    plan_snippets,
)

MAX_SCENE_S, MAX_SILENCE_S = 30.0, 5.0
Segments = list[dict[str, Any]]


def main() -> None:
    """Prints the seconds of both, and how many segments each snippet has, by file and episode."""
    found: dict[str, list[Any]] = {"whole": [], "packing": [], "snippets": []}
    for name in sys.argv[1:]:
        episodes = [
            [{"start": start, "end": end, "text": text} for start, end, text in episode]
            for episode in json.loads(Path(name).read_text(encoding="utf-8"))
        ]
        seconds, snippets = fastest(partial(partial, all_of, whole, episodes))
        found["whole"].append(seconds)
        found["snippets"].append([[len(one["segments"]) for one in plan] for plan in snippets])
        found["packing"].append(fastest(partial(partial, all_of, packing, episodes))[0])
    print(json.dumps(found))


def all_of(function: Callable[[Segments], Segments], episodes: list[Segments]) -> list[Segments]:
    """The function's answer for each episode."""
    return [function(episode) for episode in episodes]


def whole(segments: Segments) -> Segments:
    """All that happens to segments on the way to snippets."""
    kept, _ = filter_empty_segments(segments)
    overlapped = find_overlapping_indices(kept, 0.0)
    return packing([one for index, one in enumerate(kept) if index not in overlapped])


def packing(segments: Segments) -> Segments:
    """The last step."""
    snippets, _ = plan_snippets(segments, MAX_SCENE_S, 0.0, MAX_SILENCE_S)
    return list(snippets)


if __name__ == "__main__":
    main()
