"""Shards that are not what emit left: a gzip that unpacks to anything, and files that are gone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.codes import list_code_shards, read_coded
from manifests.export import main as export
from manifests.prompt_cuts import read_prompts
from manifests.recorded import ShardDamaged, read_recorded
from manifests.shards import MAX_CUT_BYTES, list_shards
from manifests.validate import main as validate
from tests.manifests.corpus import row, tone, write_shards
from trainer.errors import UsageError
from trainer.tokenizing.job import jobs_of

TOO_LONG = f"line 3 has more than {MAX_CUT_BYTES} bytes, which no cut has"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [(row(f"u{n}", tone(0.5, n)), tone(0.5, n)) for n in range(6)]
    write_shards(str(tmp_path / "emit"), rows, 3)
    return tmp_path / "emit"


def _bomb(path: Path) -> None:
    """Two good lines, and a third of some KB that unpacks to more than any cut has."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)[:2]
    endless = b'{"id": "' + b"x" * (MAX_CUT_BYTES + 1)
    path.write_bytes(gzip.compress(b"".join(lines) + endless))
    assert path.stat().st_size < 100_000


def test_a_line_without_end_is_named_by_whoever_reads_shards_with_audio(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shard, _), _ = list_shards(str(folder))
    _bomb(Path(shard.cuts))
    with pytest.raises(ShardDamaged, match=TOO_LONG):
        list(read_recorded(shard))
    assert validate(["--input", str(folder)]) == 1
    assert TOO_LONG in capsys.readouterr().err
    assert export(["--input", str(folder), "--output", str(tmp_path / "hub")]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert TOO_LONG in line and "cuts.000000.jsonl.gz" in line


def test_a_line_without_end_is_named_by_the_readers_of_prompts_and_codes(folder: Path) -> None:
    cuts = folder / "shar" / "cuts.000000.jsonl.gz"
    content = json.dumps({"id": "a", "supervisions": []}).encode() + b"\n"
    cuts.write_bytes(gzip.compress(content * 2))
    _bomb(cuts)
    with pytest.raises(ShardDamaged, match=r"cuts\.000000\.jsonl\.gz"):
        list(read_prompts(str(cuts)))
    (shard,) = list_code_shards(str(folder))[:1]
    with pytest.raises(ShardDamaged, match=r"run trainer\.tokenize"):
        list(read_coded(shard))


def _listed(folder: Path) -> None:
    """``stage.json`` with the list of files that emit writes into it."""
    facts = json.loads((folder / "stage.json").read_text())
    shar = sorted((folder / "shar").iterdir())
    facts["parts"] = {f"shar/{path.name}": path.stat().st_size for path in shar}
    (folder / "stage.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("lost", ["*.000001.*", "recording.000000.tar"])
def test_a_shard_that_is_gone_is_missed_by_what_comes_next(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    _listed(folder)
    codes: Callable[[], object] = lambda: jobs_of(  # noqa: E731
        str(folder), str(tmp_path / "codes"), keep_audio=False, batch_s=1.0
    )
    codes()
    for path in (folder / "shar").glob(lost):
        path.unlink()
    with pytest.raises(UsageError, match=r"missing, though stage\.json lists it among 4 files"):
        codes()
    assert export(["--input", str(folder), "--output", str(tmp_path / "hub")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "missing" in line and "run pipelines.emit again" in line
    assert not (tmp_path / "hub").exists()
