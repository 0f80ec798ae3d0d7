from pathlib import Path

import pytest

from pipelines import cli, report
from pipelines.chat.sqlite_journal import SqliteJournal
from pipelines.params import Params
from pipelines.sources.settings import EmiliaSettings, GameVoiceSettings
from tests.pipelines.reporting.stage_folders import whole_corpus
from tests.pipelines.reporting.test_purchases import reply
from tests.pipelines.reporting.test_training import write_log


@pytest.fixture(autouse=True)
def two_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = {
        "emilia": EmiliaSettings(kind="emilia"),
        "game_voice": GameVoiceSettings(kind="game_voice"),
    }
    params = Params.model_construct(
        root=str(tmp_path / "root"), journals=str(tmp_path / "journals"), sources=sources
    )
    monkeypatch.setattr(cli, "load_params", lambda path: params)


def test_every_source_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole_corpus(tmp_path / "root", "emilia")
    whole_corpus(tmp_path / "root", "game_voice")
    assert report.main([]) == 0
    path = tmp_path / "root" / "report" / "index.html"
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {path}"
    page = path.read_text("utf-8")
    assert 'id="emilia"' in page and 'id="game_voice"' in page


def test_one_source_from_and_to_other_folders(tmp_path: Path) -> None:
    whole_corpus(tmp_path / "copy", "emilia")
    arguments = ["--source", "emilia", "--input", str(tmp_path / "copy")]
    assert report.main([*arguments, "--output", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert 'id="emilia"' in page and 'id="game_voice"' not in page


def test_training_runs_are_drawn_below_the_corpora(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_corpus(tmp_path / "root", "emilia")
    write_log(tmp_path / "runs" / "sft", [{"step": 0, "loss": 6.0}, {"step": 1, "loss": 2.0}])
    assert report.main(["--runs", str(tmp_path / "runs")]) == 0
    assert "training sft: 2 steps, loss 6 -> 2" in capsys.readouterr().out
    page = (tmp_path / "root" / "report" / "index.html").read_text("utf-8")
    assert page.index('id="emilia"') < page.index('id="training"') < page.index("<path")


def test_the_pages_are_the_same_bytes_again(tmp_path: Path) -> None:
    whole_corpus(tmp_path / "root", "emilia")
    folder = tmp_path / "root" / "report"
    assert report.main([]) == 0
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first.keys() == {"index.html", "listen.html", "rejects.html"}
    assert report.main([]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_samples_bound_what_is_listened_to_and_looked_through(tmp_path: Path) -> None:
    whole_corpus(tmp_path / "root", "emilia")
    folder = tmp_path / "root" / "report"
    shown = {}
    for samples in (1, 4):
        assert report.main(["--samples", str(samples)]) == 0
        shown[samples] = [
            (folder / name).read_text("utf-8").count(" data-item ")
            for name in ("listen.html", "rejects.html")
        ]
    assert shown == {1: [1, 6], 4: [4, 10]}  # of 6 reasons, 10 records


def test_what_was_bought_is_drawn_over_time_and_no_journal_is_made(tmp_path: Path) -> None:
    whole_corpus(tmp_path / "root", "emilia")
    whole_corpus(tmp_path / "root", "game_voice")
    journal = tmp_path / "journals" / "emilia.sqlite"
    with SqliteJournal(journal) as opened:
        opened.commit([reply(1), reply(2)])
    assert report.main([]) == 0
    page = (tmp_path / "root" / "report" / "index.html").read_text("utf-8")
    assert "2 replies for $3.00" in page
    assert [path.name for path in journal.parent.iterdir()] == ["emilia.sqlite"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no finished stage of emilia, game_voice; run python -m pipelines.ingest"),
        (["--source", "emlia"], "--source emlia: not in params.yaml"),
        (["--", "--runner=FlinkRunner"], "--runner=FlinkRunner: the report runs no pipeline"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert report.main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
