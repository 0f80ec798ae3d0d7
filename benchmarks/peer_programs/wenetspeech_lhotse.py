"""Lhotse: WenetSpeech.json to manifests in memory; it opens no audio and writes nothing.

wenetspeech_lhotse.py FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time

from lhotse.recipes import prepare_wenet_speech


def main() -> None:
    """Prints seconds without imports, peak memory, and what there is to compare."""
    started = time.monotonic()
    # The manifests of a part without sentences make it fail, so only the part that has them.
    manifests = prepare_wenet_speech(sys.argv[1], dataset_parts=["L"])
    seconds = time.monotonic() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    supervisions = list(manifests["L"]["supervisions"])
    found = {
        "sentences": len(supervisions),
        "characters": sum(len(one.text) for one in supervisions),
        "spoken_s": round(sum(one.duration for one in supervisions), 1),
        "seconds": seconds,
        "peak_mb": peak_mb,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
