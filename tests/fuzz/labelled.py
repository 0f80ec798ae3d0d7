"""The tables of labelled corpora as fuzz targets: one file of a small dump is damaged at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from pipelines.sources.registry import make_source
from pipelines.sources.settings import SourceSettings
from tests.fuzz.mutate import JSON, TABLE
from tests.fuzz.target import Target
from tests.pipelines.sources.labelled import (
    dumps_child_mandarin,
    dumps_corpora,
    dumps_debatts,
    dumps_emotions,
    dumps_kespeech,
    dumps_l2_arctic,
    dumps_nvspeech,
    dumps_paraspeechcaps,
)

_SETTINGS: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)
_ESD = "Emotion Speech Dataset/0002/0002.txt"
_SAID = "IEMOCAP_full_release/Session1/dialog/transcriptions/Ses01F_impro01.txt"

# Corpus -> what writes a small dump of it, and patterns of the files to damage.
CORPORA: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "esd": (dumps_emotions.write_esd, (_ESD,)),
    "csemotions": (dumps_emotions.write_csemotions, ("**/*.parquet",)),
    "ncssd": (dumps_emotions.write_ncssd, ("**/*.json*", "**/*.csv", "**/*.txt", "**/*.parquet")),
    "crema_d": (dumps_corpora.write_crema_d, ("VideoDemographics.csv",)),
    "iemocap": (dumps_corpora.write_iemocap, (_SAID, "**/EmoEvaluation/*.txt")),
    "meld": (dumps_corpora.write_meld, ("train_sent_emo.csv",)),
    "msp_podcast": (dumps_corpora.write_msp_podcast, ("Labels/labels_consensus.csv",)),
    "m3ed": (dumps_corpora.write_m3ed, ("annotation.json",)),
    "emns": (dumps_corpora.write_emns, ("metadata.csv",)),
    "kespeech": (dumps_kespeech.write_kespeech, ("**/text", "**/utt2spk", "**/wav.scp")),
    "l2_arctic": (dumps_l2_arctic.write_l2_arctic, ("**/*.txt",)),
    "child_mandarin": (dumps_child_mandarin.write_child_mandarin, ("**/*.parquet",)),
    "debatts": (dumps_debatts.write_debatts, ("**/*.jsonl",)),
    "nvspeech": (dumps_nvspeech.write_nvspeech, ("**/*.jsonl",)),
    "paraspeechcaps": (dumps_paraspeechcaps.write_paraspeechcaps, ("**/*.parquet",)),
}


def labelled_targets(folder: Path) -> list[Target]:
    """Targets that read dumps below ``folder``, which must be empty."""
    return [target for kind in CORPORA for target in _targets(kind, folder / kind)]


def _targets(kind: str, home: Path) -> list[Target]:
    write, patterns = CORPORA[kind]
    home.mkdir(parents=True)
    given = write(home)
    inputs = str(given if isinstance(given, Path) else home)
    settings: dict[str, object] = {"kind": kind}
    if kind == "paraspeechcaps":
        settings["roots"] = dumps_paraspeechcaps.roots(home)
    source = make_source(kind, _SETTINGS.validate_python(settings))

    def read(path: Path, content: bytes) -> object:
        whole = path.read_bytes()
        path.write_bytes(content)
        try:
            return [one for shard in source.shards([inputs]) for one in source.read(shard)]
        finally:
            path.write_bytes(whole)

    found = []
    for pattern in patterns:
        for path in sorted(home.glob(pattern))[:1]:
            mutators = JSON if path.suffix in (".json", ".jsonl") else TABLE
            name = f"{kind} {pattern.removeprefix('**/')[-20:]}"
            sample = path.read_bytes()
            parse = _bound(read, path)
            found.append(Target(name, (sample,), parse, mutators=mutators, share=0.1))
    return found


def _bound(read: Callable[[Path, bytes], object], path: Path) -> Callable[[bytes], object]:
    return lambda content: read(path, content)
