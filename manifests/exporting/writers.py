"""The two forms: a WebDataset tar and a Parquet file with an audio column, one a shard.

Both files are the same for the same rows, whenever and wherever they are written.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.exporting.rows import Exported

# A row holds its audio, some 50 to 500 kB: a row group of these is what is in memory at once, and
# what a reader that shuffles or streams loads at once.
_ROW_GROUP = 100


class Writer(Protocol):
    """Writes the rows of one shard as one file."""

    suffix: str

    def write(self, rows: Iterable[Exported], schema: pa.Schema, stream: BinaryIO) -> None:
        """All of them, in order, in bounded memory."""
        ...


class WebDataset:
    """``<key>.<mp3|wav|...>`` and ``<key>.json`` for each row, as `webdataset` groups them."""

    suffix = "tar"

    def write(self, rows: Iterable[Exported], schema: pa.Schema, stream: BinaryIO) -> None:
        """See :class:`Writer`."""
        with tarfile.open(mode="w|", fileobj=stream, format=tarfile.USTAR_FORMAT) as tar:
            for row in rows:
                key = row.key.replace(".", "%2E")  # what follows the first dot is the extension
                content = json.dumps(row.fields, ensure_ascii=False, sort_keys=True).encode()
                for name, data in (
                    (f"{key}.{row.extension}", row.audio),
                    (f"{key}.json", content),
                ):
                    member = tarfile.TarInfo(name)  # time 0, owner 0, mode 0644
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))


class Parquet:
    """One row a cut, `audio` a struct of bytes and path, as `datasets` stores and decodes it."""

    suffix = "parquet"

    def write(self, rows: Iterable[Exported], schema: pa.Schema, stream: BinaryIO) -> None:
        """See :class:`Writer`."""
        marked = schema.with_metadata({"huggingface": json.dumps({"info": features(schema)})})
        with pq.ParquetWriter(stream, marked, compression="zstd") as table:
            group: list[dict[str, object]] = []
            for row in rows:
                audio = {"bytes": row.audio, "path": f"{row.key}.{row.extension}"}
                group.append({**row.fields, "audio": audio})
                if len(group) == _ROW_GROUP:
                    table.write_table(pa.Table.from_pylist(group, schema=marked))
                    group = []
            if group:
                table.write_table(pa.Table.from_pylist(group, schema=marked))


WRITERS: dict[str, type[Writer]] = {"webdataset": WebDataset, "parquet": Parquet}


def features(schema: pa.Schema) -> dict[str, object]:
    """What `datasets` calls the columns; it finds the audio by this.

    >>> features(pa.schema([("text", pa.string()), ("audio", pa.binary())]))["features"]
    {'text': {'dtype': 'string', '_type': 'Value'}, 'audio': {'_type': 'Audio'}}
    """
    return {"features": {field.name: _feature(field) for field in schema}}


def _feature(field: pa.Field) -> object:
    if field.name == "audio":
        return {"_type": "Audio"}
    return _of_type(field.type)


def _of_type(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return {"feature": _of_type(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {one.name: _of_type(one.type) for one in kind}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
