"""Lhotse: seconds from supervisions to the label of each sentence, over ``index_supervisions``.

    assign_lhotse.py FILE...

Files as in `assign_whisperx`. Timed is the index and one query a sentence for the most overlap.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastest import fastest  # type: ignore[import-not-found]
from lhotse import CutSet, MonoCut, SupervisionSegment


def main() -> None:
    """Prints the seconds and the speakers, a list for each file."""
    seconds, speakers = [], []
    for name in sys.argv[1:]:
        recording = json.loads(Path(name).read_text(encoding="utf-8"))
        took, found = fastest(partial(prepare, recording))
        seconds.append(took)
        speakers.append(found)
    print(json.dumps({"seconds": seconds, "speakers": speakers}))


def prepare(recording: dict[str, Any]) -> Callable[[], list[str | None]]:
    """A run over a cut that holds every turn as a supervision."""
    supervisions = [
        SupervisionSegment(
            id=str(number), recording_id="R", start=start, duration=end - start, speaker=speaker
        )
        for number, (start, end, speaker) in enumerate(recording["turns"])
    ]
    last = recording["turns"][-1][1]
    cut = MonoCut(id="R", start=0.0, duration=last + 10.0, channel=0, supervisions=supervisions)
    cuts = CutSet.from_cuts([cut])
    sentences = recording["sentences"]

    def run() -> list[str | None]:
        tree = cuts.index_supervisions()["R"]
        labels: list[str | None] = []
        for start, end, _ in sentences:
            totals: dict[str, float] = {}
            for interval in tree.overlap(start, end):
                shared = min(interval.end, end) - max(interval.begin, start)
                speaker = interval.data.speaker
                totals[speaker] = totals.get(speaker, 0.0) + shared
            labels.append(max(totals, key=totals.__getitem__) if totals else None)
        return labels

    return run


if __name__ == "__main__":
    main()
