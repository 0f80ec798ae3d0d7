from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from manifests.keys import MAX_KEY, cut_key

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


@given(TEXT)
@example("..")
@example("../../etc/passwd")
@example("/")
@example("a//b")
@example("nul\0inside")
@example("~" * 200)
@example("句子🎭" * 50)
def test_a_key_is_one_safe_file_name(utterance_id: str) -> None:
    key = cut_key(utterance_id)
    assert key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY
    assert not set(key) & set('/\\\0 :*?"<>|') and not key.startswith(".")
    path = PurePosixPath(f"{key}.mp3")
    assert str(path.parent / path.stem) == key  # what lhotse compares with the cut's id
    name = tarfile.TarInfo(f"{key}.flac").tobuf(tarfile.USTAR_FORMAT)
    with tarfile.open(fileobj=io.BytesIO(name + bytes(1024))) as tar:
        assert tar.getnames() == [f"{key}.flac"]


@given(st.sets(TEXT, min_size=2, max_size=20))
@example({"a/b", "a%2Fb"})
@example({".", "%2E"})
@example({"~", "%7E"})
@example({"x" * 200 + "1", "x" * 200 + "2"})
def test_different_ids_have_different_keys(ids: set[str]) -> None:
    assert len({cut_key(each) for each in ids}) == len(ids)


def test_usual_ids_are_their_own_keys() -> None:
    for usual in ("EN_B00000_S00000_W000004", "EN_-abc_DEF-1_W000001", "510001P1.SB"):
        assert cut_key(usual) == usual


@pytest.mark.parametrize("bad", ["", "\ud800"])
def test_an_id_that_names_nothing_is_an_error(bad: str) -> None:
    with pytest.raises(ValueError):
        cut_key(bad)
