"""``python -m pipelines.select`` on scenes, and ``check_splits``, as a person runs them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import check_splits, select
from schemas import EpisodeScene, StageFacts, record_of, table_of
from tests.pipelines.scene_corpus import (
    Recording,
    drama_recordings,
    line,
    made_up_recording,
    scene_of,
    write_stage,
)

MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
RECORDINGS = 40


def params(tmp_path: Path) -> str:
    """params.yaml with a test set that a small corpus can fill."""
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert "\nsplits: {}" in text
    path = tmp_path / "params.yaml"
    path.write_text(
        text.replace("\nsplits: {}", "\nsplits: {test_videos: 6, scenes_per_length: 3}"),
        encoding="utf-8",
    )
    return str(path)


def run(tmp_path: Path, caption: str, output: Path, *flags: str) -> int:
    paths = ["--input", caption, "--output", str(output), "--params", params(tmp_path)]
    return select.main(["--source", "wenetspeech", *paths, *flags])


def check(folder: Path, *more: str) -> int:
    return check_splits.main(["--input", str(folder), *more])


def content(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def rows(folder: Path) -> list[EpisodeScene]:
    paths = sorted(folder.glob("part-*.parquet"))
    return [
        record_of(EpisodeScene, row) for path in paths for row in pq.read_table(path).to_pylist()
    ]


def corpus() -> list[list[Recording]]:
    """Forty recordings in four parts; two share a series, and two a transcript."""
    recordings = [made_up_recording(index) for index in range(RECORDINGS)]
    recordings[3] = tuple(replace(one, series="《R 021》") for one in recordings[3])
    recordings[21] = tuple(replace(one, series="r021") for one in recordings[21])
    recordings[7] = tuple(
        replace(one, sentences=other.sentences)
        for one, other in zip(recordings[7], recordings[30], strict=True)
    )
    return [recordings[at : at + 10] for at in range(0, RECORDINGS, 10)]


@pytest.fixture(scope="module")
def selected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of caption and select."""
    folder = tmp_path_factory.mktemp("corpus")
    caption = write_stage(folder / "caption", corpus())
    assert run(folder, caption, folder / "select") == 0
    return folder / "caption", folder / "select"


def test_the_whole_command(
    tmp_path: Path, selected: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "select"
    assert run(tmp_path, str(selected[0]), output) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("select wenetspeech: 800 in, 800 out, 0 rejected, 0.67 h out")
    assert lines[1] == (
        "splits: train 34 recordings, 170 scenes; held out 6 recordings, 30 scenes, "
        "15 of them the test set"
    )
    assert "2: 3/6, 3: 3/6" in lines[2] and "7: 0/0" in lines[2]
    assert "warning: 0 test scenes of 7 turns, not 3" in lines
    assert sorted(content(output)) == [
        "certificate.json",
        *(f"part-{n:05d}.parquet" for n in range(4)),
        "splits.json",
        "stage.json",
    ]
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.unit == "sentence" and facts.backend is None
    assert facts.counts["audios_out"] == RECORDINGS and facts.counts["scenes"] == 200
    assert (facts.counts["split.train"], facts.counts["split.test"]) == (170, 15)
    assert facts.counts["split.held_out"] == 15
    assert facts.counts["rl.kept"] == 170 and facts.counts["rl.style_neutral"] == 0


def test_rows_have_their_split_and_nothing_is_parted(selected: tuple[Path, Path]) -> None:
    scenes = rows(selected[1])
    sides = {one.episode_id: "train" if one.split == "train" else "held_out" for one in scenes}
    assert Counter(sides.values()) == {"train": 34, "held_out": 6}
    assert sides["R003"] == sides["R021"]
    assert sides["R007"] == sides["R030"]
    for one in scenes:
        assert (one.split == "train") == (sides[one.episode_id] == "train")
        assert one.rl == (one.split == "train") and one.style is None
    drawn = Counter(len(one.sentences) for one in scenes if one.split == "test")
    assert drawn == {2: 3, 3: 3, 4: 3, 5: 3, 6: 3}
    table = json.loads((selected[1] / "splits.json").read_text(encoding="utf-8"))
    assert table["recordings"] == sides
    assert table["test_scenes"]["2"] == sorted(
        one.id for one in scenes if one.split == "test" and len(one.sentences) == 2
    )


def test_the_number_of_workers_does_not_matter(tmp_path: Path, selected: tuple[Path, Path]) -> None:
    output = tmp_path / "select"
    assert run(tmp_path, str(selected[0]), output, "--", *MULTIPROCESSING) == 0
    assert content(output) == content(selected[1])


def test_nor_does_the_order_of_the_parts_for_who_is_held_out(
    tmp_path: Path, selected: tuple[Path, Path]
) -> None:
    caption = write_stage(tmp_path / "caption", list(reversed(corpus())))
    assert run(tmp_path, caption, tmp_path / "select") == 0
    for name in ("certificate.json", "splits.json"):
        assert (tmp_path / "select" / name).read_bytes() == (selected[1] / name).read_bytes()


def test_sentences_are_conserved_and_said_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [line(n, 4.0 * n, 4.0 * n + 3) for n in range(3)]
    scenes = [
        scene_of("R", 0, good),
        scene_of("R", 1, [line(3, 20, 22, confidence=0.9), line(4, 22, 24), line(5, 25, 27)]),
        scene_of("R", 2, [line(6, 40, 42, speaker=None), line(7, 43, 45)]),
        scene_of("R", 3, [line(8, 60, 95, id="long")]),
        scene_of("R", 4, [line(9, 100, 101), line(10, 102, 103)], caption=None),
        scene_of("R", 5, [line(11, 110, 111), line(12, 112, 113)], profiles=()),
        scene_of("R", 6, [line(14, 120, 121), line(16, 122, 123)]),
        scene_of("R", 7, [line(17, 130, 131, margin=0.0), line(18, 131, 132, overlap_ratio=0.1)]),
    ]
    output = tmp_path / "select"
    assert run(tmp_path, write_stage(tmp_path / "caption", [[tuple(scenes)]]), output) == 0
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.rejected == {
        "confidence_low": 1,
        "speaker_unassigned": 1,
        "turns_too_few": 1,
        "sentence_overlong": 1,
        "caption_missing": 2,
        "profile_missing": 2,
        "speakers_too_few": 2,
        "margin_low": 1,
        "overlap_low": 1,
    }
    assert facts.rows_in == 17 and facts.rows_out == 5
    left = rows(output)
    assert [one.id for one in left] == ["R_scene0000", "R_scene0001"]
    assert (left[1].start, left[1].duration) == (22.0, 5.0)
    rejected = pq.read_table(output / "rejected" / "part-00000.parquet").to_pylist()
    assert len(rejected) == 12
    assert rejected[0]["location"] == "vocals/R.flac:20.000"
    assert rejected[0]["detail"] == "R_scene0001: 0.9, the limit is 0.95"
    assert "speaker_unassigned 1" in capsys.readouterr().out


def test_where_nothing_can_be_held_out_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caption = write_stage(tmp_path / "caption", [[one] for one in drama_recordings(tmp_path)])
    output = tmp_path / "select"
    assert run(tmp_path, caption, output) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("splits: train 2 recordings")
    assert lines[2].startswith("warning: nothing is held out and there is no test set. Of 2 record")
    assert "at most 0 may be held out" in lines[2] and "2 belong together" in lines[2]
    assert len(lines) == 3
    assert {one.split for one in rows(output)} == {"train"}
    assert check(output) == 0


def test_nothing_captioned_is_no_error(tmp_path: Path) -> None:
    caption = write_stage(tmp_path / "caption", [])
    assert run(tmp_path, caption, tmp_path / "select") == 0
    assert check(tmp_path / "select") == 0


def test_limit_is_a_number_of_scenes_of_each_part(
    tmp_path: Path, selected: tuple[Path, Path]
) -> None:
    output = tmp_path / "select"
    assert run(tmp_path, str(selected[0]), output, "--limit", "5") == 0
    assert len({one.episode_id for one in rows(output)}) == 4
    assert check(output, "--records", str(selected[0]), "--limit", "5") == 0


def test_bad_input_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, str(tmp_path / "nowhere"), tmp_path / "select") == 2
    assert "run python -m pipelines.caption --source wenetspeech" in capsys.readouterr().err
    twice = [[made_up_recording(1)], [made_up_recording(1)]]
    assert run(tmp_path, write_stage(tmp_path / "caption", twice), tmp_path / "select") == 1
    assert "recording R001 comes more than once" in capsys.readouterr().err
    one = made_up_recording(1)
    other = [(one[0], replace(one[1], md5="other"))]
    assert run(tmp_path, write_stage(tmp_path / "other", [other]), tmp_path / "select") == 1
    error = capsys.readouterr().err
    assert "R001_scene0000 and R001_scene0001 of one recording differ in md5" in error
    assert not (tmp_path / "select" / "stage.json").exists()
    assert not list((tmp_path / "select").glob("transcripts-*"))


def test_a_classifier_that_is_not_there_is_found_before_any_work(
    tmp_path: Path, selected: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(params(tmp_path)).read_text(encoding="utf-8")
    assert "style:\n  backend: auto" in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("style:\n  backend: auto", "style:\n  backend: emotion2vec"))
    output = tmp_path / "select"
    paths = ["--input", str(selected[0]), "--output", str(output), "--params", str(changed)]
    assert select.main(["--source", "wenetspeech", *paths]) == 2
    assert "emotion2vec needs the package funasr" in capsys.readouterr().err
    assert not output.exists()


# check_splits.


def test_what_select_made_is_as_certified(
    selected: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(selected[1]) == 0
    assert capsys.readouterr().out == (
        "as certified: 200 scenes; train 34 recordings, held out 6, test set 15 scenes\n"
    )


Change = Callable[[list[EpisodeScene], EpisodeScene, EpisodeScene], list[EpisodeScene]]


def _each(change: Callable[[EpisodeScene], EpisodeScene], name: str) -> Callable[..., object]:
    def changed(scenes: list[EpisodeScene]) -> list[EpisodeScene]:
        return [change(one) if one.episode_id == name else one for one in scenes]

    return changed


TAMPERED: dict[str, tuple[str, Change, str]] = {
    # (folder, what is done with (scenes, one of train, one held out), what is said)
    "a held-out scene is trained on": (
        "select",
        lambda scenes, _, out: [
            replace(one, split="train") if one.id == out.id else one for one in scenes
        ],
        "is train, certified is",
    ),
    "a scene is moved to another recording": (
        "select",
        lambda scenes, train, out: [
            replace(train, id=one.id) if one.id == out.id else one for one in scenes
        ],
        "is train, certified is",
    ),
    "a held-out scene is for reinforcement learning": (
        "select",
        lambda scenes, _, out: [
            replace(one, rl=True) if one.id == out.id else one for one in scenes
        ],
        "is for reinforcement learning and",
    ),
    "a scene is dropped": (
        "select",
        lambda scenes, train, _: [one for one in scenes if one.id != train.id],
        "train is not what was certified: 34 recordings and 169 scenes",
    ),
    "a turn is dropped from a test scene": (
        "select",
        lambda scenes, _, out: [
            replace(one, sentences=one.sentences[:-1]) if one.id == out.id else one
            for one in scenes
        ],
        "test scenes of",
    ),
    "another md5 in the rows": (
        "select",
        lambda scenes, train, out: [
            replace(one, md5=out.md5) if one.episode_id == train.episode_id else one
            for one in scenes
        ],
        "the records have 'md5-",
    ),
    "another text in the rows": (
        "select",
        lambda scenes, train, out: _said_by(scenes, train, out),
        "are on different sides",
    ),
    "another md5 in the records": (
        "caption",
        lambda scenes, train, out: [
            replace(one, md5=out.md5) if one.episode_id == train.episode_id else one
            for one in scenes
        ],
        "md5 is 'md5-",
    ),
    "another series in both": (
        "both",
        lambda scenes, train, out: [
            replace(one, series=out.series) if one.episode_id == train.episode_id else one
            for one in scenes
        ],
        "is on both sides",
    ),
    "another text in the records": (
        "caption",
        lambda scenes, train, out: _said_by(scenes, train, out),
        "are on different sides",
    ),
}


def _said_by(
    scenes: list[EpisodeScene], train: EpisodeScene, out: EpisodeScene
) -> list[EpisodeScene]:
    """The training recording says what the held-out one says."""
    texts = {one.id[-4:]: one.sentences for one in scenes if one.episode_id == out.episode_id}
    return [
        replace(one, sentences=texts[one.id[-4:]]) if one.episode_id == train.episode_id else one
        for one in scenes
    ]


def tamper(folder: Path, change: Change, train: EpisodeScene, out: EpisodeScene) -> None:
    """Rewrites the folder as one part, and the list of parts with it."""
    scenes = change(rows(folder), train, out)
    for path in folder.glob("part-*.parquet"):
        path.unlink()
    part = folder / "part-00000.parquet"
    pq.write_table(table_of(EpisodeScene, scenes), part)
    facts = StageFacts.from_json((folder / "stage.json").read_text("utf-8"))
    kept = {name: size for name, size in (facts.parts or {}).items() if "/" in name}
    facts = replace(facts, parts={part.name: part.stat().st_size, **kept})
    (folder / "stage.json").write_text(facts.to_json(), "utf-8")


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found(
    tmp_path: Path,
    selected: tuple[Path, Path],
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where, change, said = TAMPERED[name]
    folders = {"caption": tmp_path / "caption", "select": tmp_path / "select"}
    for folder, made in zip(folders.values(), selected, strict=True):
        folder.mkdir()
        for path in made.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    before = rows(folders["select"])
    train = next(one for one in before if one.split == "train")
    out = next(one for one in before if one.split == "test")
    assert check(folders["select"]) == 0
    for changed in folders if where == "both" else [where]:
        tamper(folders[changed], change, train, out)
    assert check(folders["select"]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_table_that_says_something_else_is_found(
    tmp_path: Path, selected: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "select"
    folder.mkdir()
    for path in selected[1].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    table = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    train = next(name for name, side in table["recordings"].items() if side == "train")
    table["recordings"][train] = "held_out"
    (folder / "splits.json").write_text(json.dumps(table))
    assert check(folder, "--records", str(selected[0])) == 1
    assert "other recordings than were certified" in capsys.readouterr().err
    (folder / "splits.json").write_text("[]")
    assert check(folder, "--records", str(selected[0])) == 1
    (folder / "certificate.json").write_text("{}")
    assert check(folder, "--records", str(selected[0])) == 2
    assert "not a certificate" in capsys.readouterr().err


def test_check_splits_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_splits.main([]) == 2
    assert "--input or --source is missing" in capsys.readouterr().err
    assert check(tmp_path / "nowhere") == 2
    assert "no finished stage there" in capsys.readouterr().err
    assert check(tmp_path, "--output", "x") == 2
    assert "writes nothing" in capsys.readouterr().err
    write_stage(tmp_path / "select", [], stage="select")
    assert check(tmp_path / "select") == 2
    assert "set --records" in capsys.readouterr().err


def test_a_recording_of_which_nothing_is_left_counts_for_the_splits_still(tmp_path: Path) -> None:
    lost = tuple(replace(one, caption=None) for one in made_up_recording(1))
    parts: list[list[Recording]] = [[lost], [], [made_up_recording(2)]]
    output = tmp_path / "select"
    assert run(tmp_path, write_stage(tmp_path / "caption", parts), output) == 0
    assert {one.episode_id for one in rows(output)} == {"R002"}
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.rejected == {"caption_missing": 20} and facts.rows_in == 40
    assert facts.counts["audios_out"] == 1
    table = json.loads((output / "splits.json").read_text(encoding="utf-8"))
    assert table["recordings"] == {"R001": "train", "R002": "train"}
    assert check(output) == 0
