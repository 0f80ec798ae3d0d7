"""Emilia's folder layout: a batch's JSONL beside the folder that holds its mp3 files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import BinaryIO

from pipelines import files
from pipelines.audio_place import AudioPlace
from pipelines.sources.audio_facts import AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, probe
from pipelines.sources.base import Refusal, escapes, open_if_present
from pipelines.sources.emilia_judge import Judge
from pipelines.sources.emilia_row import EmiliaRow, id_of, parse_object
from schemas import Reason, Rejection, Utterance


def read_batch(uri: str, judge: Judge) -> Iterator[Utterance | Rejection]:
    """The utterances of one ``EN_B00000.jsonl``, in file order.

    Raises:
        UsageError: the file, or a clip that is there, may not be read.
    """
    folder, name = posixpath.split(uri)
    batch = posixpath.splitext(name)[0]
    with files.open_read(uri) as lines:
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            record_id = f"{name}:{number}"
            try:
                fields = parse_object(line)
                record_id = id_of(fields) or record_id
                yield _utterance(judge.row(fields), judge, folder, batch)
            except Refusal as refusal:
                yield refusal.rejection(record_id, f"{uri}:{number}")


def _utterance(row: EmiliaRow, judge: Judge, folder: str, batch: str) -> Utterance:
    wav = row.wav
    if not wav:
        raise Refusal(Reason.FIELD_INVALID, "wav: missing, expected a path", row.duration)
    if "\0" in wav:
        detail = f"wav: {wav[:200]!r}: no file has such a name"
        raise Refusal(Reason.FIELD_INVALID, detail, row.duration)
    if escapes(wav) or "://" in wav:
        detail = f"wav: {wav[:200]} leaves the folder"
        raise Refusal(Reason.MEMBER_UNSAFE, detail, row.duration)
    # Releases differ in whether `wav` starts with the batch's own folder.
    for path in (files.join(folder, wav), files.join(folder, batch, wav)):
        stream = open_if_present(path)
        if stream is not None:
            with stream:
                return _probed(row, judge, path, stream)
    raise Refusal(Reason.AUDIO_MISSING, f"no file {wav[:200]}", row.duration)


def _probed(row: EmiliaRow, judge: Judge, path: str, stream: BinaryIO) -> Utterance:
    def read_whole() -> bytes:
        stream.seek(0)
        return stream.read()

    size = stream.seek(0, os.SEEK_END)
    if not size:
        raise Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes", row.duration)
    stream.seek(0)
    try:
        facts = probe(stream.read(HEAD_BYTES), size, read_whole)
    except AudioUnreadable as error:
        raise Refusal(Reason.AUDIO_UNREADABLE, str(error), row.duration) from error
    return judge.utterance(row, facts, AudioPlace(path, "file", None, 0, size), read_whole)
