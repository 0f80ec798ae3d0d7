"""Small Emilia archives and clips for the tests of the readers."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipelines.sources.base import Shard
from pipelines.sources.emilia import EmiliaSource
from pipelines.sources.settings import EmiliaSettings
from schemas import Rejection, Utterance

FRAME = b"\xff\xf3\x64\xc4" + bytes(140)  # MPEG-2 layer III, 48 kb/s, 24 kHz, mono
FRAME_SECONDS = 576 / 24000
Member = tuple[str, bytes] | tarfile.TarInfo


def clip(frames: int = 50) -> bytes:
    """An mp3 of ``frames`` x 0.024 s."""
    return FRAME * frames


def row(utterance_id: str, frames: int = 50, **changes: object) -> dict[str, object]:
    """A good row, or one with fields changed; a field set to ... is left out."""
    fields: dict[str, object] = {
        "id": utterance_id,
        "wav": f"{utterance_id}.mp3",
        "text": " Good morning.",
        "duration": frames * FRAME_SECONDS,
        "speaker": utterance_id.rpartition("_")[0] or "someone",
        "language": "en",
        "dnsmos": 3.1,
        **changes,
    }
    return {name: content for name, content in fields.items() if content is not ...}


def as_json(fields: object) -> bytes:
    """The bytes of a transcript."""
    return json.dumps(fields).encode()


def good(utterance_id: str) -> list[Member]:
    """Both members of a good utterance."""
    return [
        (f"{utterance_id}.json", as_json(row(utterance_id))),
        (f"{utterance_id}.mp3", clip()),
    ]


def write_tar(path: Path, members: Iterable[Member], mode: str = "w") -> Path:
    """An archive of these members."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, payload = member
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link, device or FIFO."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def read(
    path: Path, metadata: Sequence[Path] = (), pending_limit: int = 100
) -> tuple[list[Utterance], list[Rejection]]:
    """What the reader makes of one file."""
    settings = EmiliaSettings(
        kind="emilia", metadata=tuple(map(str, metadata)), pending_limit=pending_limit
    )
    source = EmiliaSource("emilia", settings)
    layout = "jsonl" if path.suffix == ".jsonl" else "tar"
    records = list(source.read(Shard(str(path), layout)))
    utterances = [record for record in records if isinstance(record, Utterance)]
    return utterances, [record for record in records if isinstance(record, Rejection)]


def reasons(rejections: Iterable[Rejection]) -> dict[str, str]:
    """Reason by record id."""
    return {rejection.record_id: rejection.reason.value for rejection in rejections}
