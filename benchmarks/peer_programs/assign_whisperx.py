"""whisperX: seconds from speech turns to the speaker of each segment, without words.

    assign_whisperx.py FILE...

Each file is a recording, ``{"turns": [[start, end, speaker]], "sentences": [[start, end, text]]}``.
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

# whisperx.diarize imports them for its pipeline; the assignment has no use for them.
empty_modules.put("pyannote", "torch")

import pandas as pd  # noqa: E402
from whisperx.diarize import assign_word_speakers  # type: ignore[import-not-found]  # noqa: E402


def main() -> None:
    """Prints the seconds and the speakers, a list for each file."""
    seconds, speakers = [], []
    for name in sys.argv[1:]:
        recording = json.loads(Path(name).read_text(encoding="utf-8"))
        frame = pd.DataFrame(recording["turns"], columns=["start", "end", "speaker"])
        took, found = fastest(partial(prepare, frame, recording["sentences"]))
        seconds.append(took)
        speakers.append([segment.get("speaker") for segment in found["segments"]])
    print(json.dumps({"seconds": seconds, "speakers": speakers}))


def prepare(frame: pd.DataFrame, sentences: list[tuple[float, float, str]]) -> Callable[[], Any]:
    """A run over segments of its own: it writes the speakers into them."""
    segments = [{"start": start, "end": end, "text": text} for start, end, text in sentences]
    return lambda: assign_word_speakers(frame, {"segments": segments})


if __name__ == "__main__":
    main()
