"""What holds for each corpus of attributes: its reader goes to workers and reads the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest

from pipelines.sources.registry import make_source
from pipelines.sources.settings import SourceSettings
from schemas import Utterance
from tests.pipelines.sources.labelled.dumps_child_mandarin import write_child_mandarin
from tests.pipelines.sources.labelled.dumps_debatts import write_debatts
from tests.pipelines.sources.labelled.dumps_kespeech import write_kespeech
from tests.pipelines.sources.labelled.dumps_l2_arctic import write_l2_arctic
from tests.pipelines.sources.labelled.dumps_nvspeech import write_nvspeech
from tests.pipelines.sources.labelled.dumps_paraspeechcaps import roots, write_paraspeechcaps

WRITERS: dict[str, Callable[[Path], Path]] = {
    "child_mandarin": write_child_mandarin,
    "debatts": write_debatts,
    "kespeech": write_kespeech,
    "l2_arctic": write_l2_arctic,
    "nvspeech": write_nvspeech,
    "paraspeechcaps": write_paraspeechcaps,
}


def settings(kind: str, **changes: object) -> Any:  # noqa: ANN401
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(SourceSettings)
    return adapter.validate_python({"kind": kind, **changes})


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_a_reader_gives_the_same_on_a_worker(kind: str, tmp_path: Path) -> None:
    folder = WRITERS[kind](tmp_path)
    more = {"roots": roots(tmp_path)} if kind == "paraspeechcaps" else {}
    source = make_source(kind, settings(kind, **more))
    shards = source.shards([str(folder)])
    here = [list(source.read(shard)) for shard in shards]
    there = [list(pickle.loads(pickle.dumps(source)).read(shard)) for shard in shards]
    fresh = [list(make_source(kind, settings(kind, **more)).read(shard)) for shard in shards]
    assert here == there == fresh
    assert all(isinstance(row, Utterance) for rows in here for row in rows)
    assert shards == source.shards([str(folder)])


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_a_misspelled_setting_is_an_error(kind: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="no_such_setting"):
        settings(kind, no_such_setting=1)


@pytest.mark.parametrize(
    ("kind", "rule", "templates"),
    [
        ("child_mandarin", "templates", "child_templates"),
        ("debatts", "templates", "scene_templates"),
        ("kespeech", "tuples", None),
        ("l2_arctic", "tuples", None),
        ("nvspeech", "none", None),
        ("paraspeechcaps", "shipped", None),
    ],
)
def test_instructions_come_as_the_paper_has_them(
    kind: str, rule: str, templates: str | None
) -> None:
    found = settings(kind)
    assert found.instructions == rule
    assert templates is None or found.templates == templates
