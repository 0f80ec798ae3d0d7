"""Peers' environments, and the page that is made of the results."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import peers


@pytest.mark.parametrize("path", sorted((peers.HERE / "requirements").glob("*.txt")), ids=str)
def test_requirements_say_how_they_are_installed_and_pin_everything(path: Path) -> None:
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith((peers.ALL, peers.ALONE))
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted and all("==" in line for line in wanted)


def test_requirements_that_do_not_say_it_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "some.txt").write_text("some==1.0\n", encoding="utf-8")
    monkeypatch.setattr(peers, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"some\.txt: line 1: neither '# All of it' nor"):
        peers.python("some")


def test_what_a_program_prints_last_is_what_counts(tmp_path: Path) -> None:
    program = tmp_path / "program.sh"
    program.write_text("echo warning; echo '{\"seconds\": 2}'", encoding="utf-8")
    assert peers.run_json(["sh", str(program)]) == {"seconds": 2}
    program.write_text("echo it broke >&2; exit 3", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"ended with 3:\nit broke"):
        peers.run_json(["sh", str(program)])
    program.write_text("echo []", encoding="utf-8")
    with pytest.raises(RuntimeError, match="printed no JSON object"):
        peers.run_json(["sh", str(program)])
