"""Emilia and Emilia-YODAS -> utterances and rejections; a row is shown in ``emilia_row``.

Three layouts:

* WebDataset tars: ``Emilia/EN/EN-B000000.tar`` with members ``<id>.json`` and ``<id>.mp3``;
* third-party ``.tar.gz``: the same with path prefixes, or the folders below in one archive;
* folders: ``EN/EN_B00000.jsonl`` beside ``EN/EN_B00000/EN_B00000_S00000/mp3/<id>.mp3``.

Audio stays where it is: an utterance tells file, first byte and size. Titles and tags come from a
sidecar; an utterance whose source has no row there is kept without them.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Shard, list_inputs
from pipelines.sources.emilia_batch import read_batch
from pipelines.sources.emilia_judge import Judge
from pipelines.sources.emilia_tar import read_tar
from pipelines.sources.settings import EmiliaSettings
from pipelines.sources.sidecar import Sidecar
from schemas import Rejection, Utterance

_LAYOUTS = {".tar": "tar", ".tar.gz": "tar", ".tgz": "tar", ".jsonl": "jsonl"}
# Folders hold other JSONL files too, the sidecar for one; a batch is named after its language.
_PATTERNS = ("*.tar", "*.tar.gz", "*.tgz", "[A-Z][A-Z]_*.jsonl")
_EXPECTED = "Emilia tars (*.tar, *.tar.gz) or batches (EN_B00000.jsonl beside its folder)"


class EmiliaSource:
    """Reader of Emilia, any layout."""

    def __init__(self, name: str, settings: EmiliaSettings) -> None:
        """Takes the source's name and settings; loads nothing yet."""
        self.name = name
        self.settings = settings
        self._sidecar: Sidecar | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Workers get the settings and load the sidecar themselves."""
        return {"name": self.name, "settings": self.settings, "_sidecar": None}

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.base.Source`."""
        for path in self.settings.metadata:
            if not files.exists(path):
                raise UsageError(f"{path}: no such metadata file")
        sidecars = {posixpath.normpath(path) for path in self.settings.metadata}
        found = []
        for uri in list_inputs(inputs, _PATTERNS, _EXPECTED):
            if posixpath.normpath(uri) in sidecars:
                continue
            layout = next((_LAYOUTS[end] for end in _LAYOUTS if uri.endswith(end)), None)
            if layout is None:
                raise UsageError(f"{uri}: unknown layout; expected {_EXPECTED}")
            found.append(Shard(uri, layout))
        if not found:
            raise UsageError(f"{inputs[0]}: only metadata here; expected {_EXPECTED}")
        return found

    def prepare(self) -> None:
        """See :class:`pipelines.sources.base.Source`."""
        if self._sidecar is None:
            self._sidecar = Sidecar(self.settings.metadata)

    def read(self, shard: Shard, limit: int | None = None) -> Iterator[Utterance | Rejection]:
        """See :class:`pipelines.sources.base.Source`.

        Rejects for every reason that ingest has except SPEAKER_MISSING. A broken utterance is one
        rejection, whatever the number of things wrong with it: the transcript is looked at first,
        then the id, then the audio. Of an id that comes twice the first good one is kept.
        """
        sidecar = self._sidecar
        if sidecar is None:
            sidecar = self._sidecar = Sidecar(self.settings.metadata)
        judge = Judge(self.name, self.settings, sidecar)
        if shard.layout == "tar":
            records = read_tar(shard.uri, judge, self.settings.pending_limit)
        else:
            records = read_batch(shard.uri, judge)
        return itertools.islice(records, limit)
