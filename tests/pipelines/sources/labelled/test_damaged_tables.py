"""Tables that are damaged anywhere: a clear error, or records and rejections, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipelines.errors import UsageError
from pipelines.sources.registry import make_source
from pipelines.sources.settings import SourceSettings
from schemas import Rejection, Utterance
from tests.pipelines.sources.labelled import dumps_corpora, dumps_emotions

CORPORA: dict[str, tuple[Callable[[Path], None], str]] = {
    "esd": (dumps_emotions.write_esd, "Emotion Speech Dataset/0002/0002.txt"),
    "csemotions": (
        dumps_emotions.write_csemotions,
        "CSEMOTIONS/data/train-00000-of-00001.parquet",
    ),
    "crema_d": (dumps_corpora.write_crema_d, "VideoDemographics.csv"),
    "iemocap": (
        dumps_corpora.write_iemocap,
        "IEMOCAP_full_release/Session1/dialog/transcriptions/Ses01F_impro01.txt",
    ),
    "meld": (dumps_corpora.write_meld, "train_sent_emo.csv"),
    "msp_podcast": (dumps_corpora.write_msp_podcast, "Labels/labels_consensus.csv"),
    "m3ed": (dumps_corpora.write_m3ed, "annotation.json"),
    "emns": (dumps_corpora.write_emns, "metadata.csv"),
}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("dumps")
    for kind, (write, _) in CORPORA.items():
        write(home / kind)
    return home


def read(kind: str, folder: Path) -> list[Utterance | Rejection]:
    adapter: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)
    source = make_source(kind, adapter.validate_python({"kind": kind}))
    shards = source.shards([str(folder)])
    return [record for shard in shards for record in source.read(shard)]


@pytest.mark.parametrize("kind", sorted(CORPORA))
@given(
    at=st.floats(0, 1),
    length=st.sampled_from([0, 1, 7, 10**6]),
    put=st.sampled_from([b"", b"\xff", b"\0", b'"', b"\n", b",|\t", b"[" * 2000, b"{\n"])
    | st.binary(max_size=6),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_but_our_errors(dumps: Path, kind: str, at: float, length: int, put: bytes) -> None:
    path = dumps / kind / CORPORA[kind][1]
    whole = path.read_bytes()
    place = int(at * len(whole))
    path.write_bytes(whole[:place] + put + whole[place + length :])
    try:
        found = read(kind, dumps / kind)
    except UsageError as error:
        assert str(dumps / kind) in str(error)
        return
    finally:
        path.write_bytes(whole)
    assert all(isinstance(record, Utterance | Rejection) for record in found)
    assert all(record.duration > 0 for record in found if isinstance(record, Utterance))


def test_undamaged_they_are_all_read(dumps: Path) -> None:
    for kind in CORPORA:
        assert any(isinstance(record, Utterance) for record in read(kind, dumps / kind)), kind
