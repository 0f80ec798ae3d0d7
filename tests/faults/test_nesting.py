"""Objects and lists nested without end, in the JSON files that whole corpora come as."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.workplace import ROOT, Workplace
from tests.faults.corpus import rejections, rows
from tests.faults.test_video import media_workplace

LEVELS = 200_000
OPENINGS = {"lists": "[" * LEVELS, "objects": '{"a":' * LEVELS}


@pytest.mark.parametrize("kind", sorted(OPENINGS))
@pytest.mark.parametrize("closed", [True, False])
def test_a_dump_keeps_what_comes_before_and_counts_the_rest_once(
    tmp_path: Path, kind: str, closed: bool
) -> None:
    """A parser whose time grows with the square of the depth would run into the time limit."""
    work = Workplace(tmp_path)
    folder = tmp_path / "samples" / "game_voice"
    good = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    endings = {"lists": "]" * LEVELS, "objects": "0" + "}" * LEVELS}
    hostile = OPENINGS[kind] + (endings[kind] if closed else "")
    lines = [f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in good.items()]
    text = "{" + ",".join([*lines[:9], f'"deep": {hostile}', *lines[9:]]) + "}"
    (folder / "result.json").write_text(text, encoding="utf-8")
    assert work.run("ingest", "game_voice").status == 0
    kept = [row["id"] for row in rows(work, "ingest", "game_voice")]
    assert set(kept) <= {name.partition(".")[0] for name in list(good)[:9]}
    lost = rejections(work, "ingest", "game_voice")
    (damaged,) = (one for one in lost if one.reason.value == "transcript_invalid")
    assert "more than 100 objects and lists in each other" in damaged.detail


@pytest.mark.parametrize("kind", sorted(OPENINGS))
@pytest.mark.parametrize("indent", [None, 2])
def test_a_corpus_of_recordings_is_one_line(tmp_path: Path, kind: str, indent: int | None) -> None:
    work, media = media_workplace(tmp_path)
    corpus = json.loads((ROOT / "samples/drama/WenetSpeech.json").read_text(encoding="utf-8"))
    corpus["audios"].insert(1, {"aid": "DEEP"})
    text = json.dumps(corpus, indent=indent).replace('"DEEP"', OPENINGS[kind])
    shutil.rmtree(media / "videos")
    (media / "WenetSpeech.json").write_text(text, encoding="utf-8")
    work.change({"episode_sources.wenetspeech.input": [str(media)]})
    ended = work.run("ingest", "wenetspeech")
    assert ended.status == 1, ended
    (line,) = ended.err.splitlines()
    assert "WenetSpeech.json: byte " in line
    assert "more than 100 objects and lists in each other" in line
