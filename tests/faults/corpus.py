"""A corpus in Emilia's layout with faults of the test's choice, and the commands over it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile
from numpy.typing import NDArray

from manifests.validate import main as validate
from schemas import Rejection, record_of
from tests.chat_server import ServerThread
from tests.e2e.annotation_server import AnnotationServer, answer
from tests.e2e.workplace import Workplace
from tests.pipelines.sources.archives import Member, as_json, row, write_tar

RATE = 16000
SOURCE = "emilia"


class WillingServer(AnnotationServer):
    """Every style it writes is worth keeping, so that `select` drops nothing of its own."""

    def content(self, question: dict[str, Any]) -> str:
        return json.dumps({**answer(question), "value": "high"}, ensure_ascii=False)


@contextlib.contextmanager
def serving(state: AnnotationServer) -> Iterator[str]:
    """The server in a thread; its base URL."""
    thread = ServerThread()
    thread.state = state
    with thread:
        yield thread.base_url


def tone(seconds: float, channels: int = 1, level: float = 0.3) -> NDArray[np.float32]:
    """A 220 Hz tone [channels, frames]."""
    wave = level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[None].astype(np.float32), channels, axis=0)


def encoded(samples: NDArray[np.float32], form: str = "WAV") -> bytes:
    """Sound [channels, frames] as a file of 16 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T, RATE, format=form, subtype="PCM_16")
    return buffer.getvalue()


def name_of(number: int) -> str:
    """An id whose video is a video of its own."""
    return f"EN_B00000_S{number:05d}_W000000"


def both(number: int, clip: bytes, seconds: float, suffix: str = "wav") -> list[Member]:
    """Transcript and clip of one utterance, as they stand in Emilia's tars."""
    name = name_of(number)
    fields = row(name, duration=seconds, text=f"This is sentence number {number}.")
    fields["wav"] = f"{name}.{suffix}"
    return [(f"{name}.json", as_json(fields)), (f"{name}.{suffix}", clip)]


def workplace_of(
    folder: Path,
    base_url: str,
    members: Sequence[Member],
    titles: Mapping[int, str] | None = None,
) -> Workplace:
    """A workplace whose one source is a tar of these members, with titles by number."""
    work = Workplace(folder / "work", base_url)
    archive = write_tar(folder / "EN-B000000.tar", members)
    use(work, archive, titles or {})
    return work


def use(work: Workplace, archive: Path, titles: Mapping[int, str]) -> None:
    """Points the workplace to an archive, with a sidecar of these titles."""
    sidecar = archive.with_name("titles.jsonl")
    lines = [
        json.dumps({"source_id": name_of(number).rpartition("_")[0], "title": title, "tags": []})
        for number, title in titles.items()
    ]
    sidecar.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    work.change({"sources.emilia.input": [str(archive)]})
    work.change({"sources.emilia.metadata": [str(sidecar)]})


def chain(work: Workplace, *verbs: str) -> None:
    """Runs the commands one after another; each must end well and account for every row."""
    for verb in verbs:
        ended = work.run(verb, SOURCE)  # may tell its progress where the machine is slow
        assert ended.status == 0, ended
        conserved(work, verb)


def conserved(work: Workplace, verb: str) -> dict[str, Any]:
    """The stage's facts, after comparing what it states with what it wrote."""
    facts = work.facts(SOURCE, verb)
    lost = rejections(work, verb)
    assert facts["in"] == facts["out"] + sum(facts["rejected"].values())
    assert len(lost) == sum(facts["rejected"].values())
    if verb != "emit":  # its rows are in shards
        assert len(rows(work, verb)) == facts["out"]
    return facts


def rows(work: Workplace, verb: str, source: str = SOURCE) -> list[dict[str, Any]]:
    """What the stage passed on."""
    parts = sorted((work.data / source / verb).glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def rejections(work: Workplace, verb: str, source: str = SOURCE) -> list[Rejection]:
    """What the stage did not pass on."""
    parts = sorted((work.data / source / verb / "rejected").glob("part-*.parquet"))
    return [record_of(Rejection, row) for p in parts for row in pq.read_table(p).to_pylist()]


def valid(work: Workplace, decode: float = 1.0) -> bool:
    """Whether the emitted shards are what they say, audio decoded."""
    folder = work.data / SOURCE / "emit"
    with contextlib.redirect_stdout(io.StringIO()):
        return validate(["--input", str(folder), "--decode", str(decode)]) == 0


class Elements(HTMLParser):
    """The elements and the text of a page, as a browser's parser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.handlers: list[str] = []  # attributes that run code
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(work: Workplace) -> str:
    """The report page, made anew."""
    work.done("report", None)
    return (work.data / "report" / "index.html").read_text(encoding="utf-8")
