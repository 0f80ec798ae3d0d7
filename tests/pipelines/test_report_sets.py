"""The report command on training sets, with the project's own parameters."""

from pathlib import Path

import pytest

from pipelines import report
from tests.pipelines.reporting.set_folders import compose_spoken


def test_one_set_alone_and_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = ["--params", str(compose_spoken(tmp_path))]
    capsys.readouterr()
    one, every = tmp_path / "one", tmp_path / "every"
    assert report.main([*params, "--source", "s2", "--output", str(one)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("set s2: 24 rows to train on, ") and "set s1" not in said
    page = (one / "index.html").read_text("utf-8")
    assert 'id="s2"' in page and 'id="s1"' not in page and 'id="emilia"' not in page

    assert report.main([*params, "--samples", "3", "--output", str(every)]) == 0
    page = (every / "index.html").read_text("utf-8")
    assert page.index('id="emilia"') < page.index('id="s1"') < page.index('id="s2"')
    assert "python -m pipelines.compose --set s3" in page
    listening = (every / "listen.html").read_text("utf-8")
    assert listening.count('data-source="s1"') == listening.count('data-source="s2"') == 3

    assert report.main([*params, "--source", "s4"]) == 2
    assert "it has: emilia, " in capsys.readouterr().err
