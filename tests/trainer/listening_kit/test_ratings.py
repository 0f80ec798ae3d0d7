"""Files of raters: read as they are, or one clear line that names file and item."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.listening_kit.answers import answers, honest, write_answers
from tests.trainer.listening_kit.clips import settings, write_clips
from trainer.errors import UsageError
from trainer.listening.key import Key, read_key
from trainer.listening.making import make_test
from trainer.listening.ratings import read_ratings


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    folder = tmp_path_factory.mktemp("test")
    make_test(write_clips(folder), folder, folder / "out", "q_mos", settings())
    return read_key(folder / "out" / "key.json")


def written(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content))
    return path


def message(paths: list[Path], key: Key) -> str:
    with pytest.raises(UsageError) as found:
        read_ratings(paths, key)
    return str(found.value)


def test_files_come_back_in_the_order_of_the_key(key: Key, tmp_path: Path) -> None:
    paths = write_answers(tmp_path, key, honest(3), honest(4), honest(5))
    found = read_ratings(reversed(paths), key)
    assert [one.sheet.rater for one in found] == ["rater-01", "rater-02", "rater-03"]
    assert {len(one.ratings) for one in found} == {len(sheet.entries) for sheet in key.sheets[:3]}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"schema_version": 2}, "schema_version: Input should be 1"),
        ({"test": "cmos"}, "ratings of cmos, and the key is of q_mos"),
        ({"sheet": "ab" * 32}, "sheet abababababab of rater-01 is not in the key"),
        ({"sheet": "x"}, "sheet: String should match pattern"),
        ({"rater": "rater-02"}, "of rater-02 is not in the key"),
        ({"email": "a@b"}, "email: Extra inputs are not permitted"),
        ({"ratings": "none"}, "ratings: Input should be a valid array"),
    ],
)
def test_a_file_that_is_not_of_this_test_is_named(
    change: dict[str, Any], wanted: str, key: Key, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.json", answers(key, key.sheets[0], honest(4)) | change)
    found = message([path], key)
    assert found.startswith(f"{path}: ") and wanted in found


@pytest.mark.parametrize("value", [6, 0, 2.5, -1, "4", True, None, 1e400, float("nan")])
def test_a_rating_off_the_scale_is_named(value: object, key: Key, tmp_path: Path) -> None:
    content: Any = answers(key, key.sheets[0], honest(4))
    content["ratings"][2]["rating"] = value
    found = message([written(tmp_path / "a.json", content)], key)
    item = content["ratings"][2]["item"]
    assert "a.json" in found and (item in found or "ratings.2.rating" in found)


def test_items_that_are_unknown_doubled_or_missing_are_named(key: Key, tmp_path: Path) -> None:
    content: Any = answers(key, key.sheets[0], honest(4))
    first, second = content["ratings"][:2]
    changed = {
        f"item {'f' * 10}: not on the sheet of rater-01": [first | {"item": "f" * 10}],
        f"item {first['item']}: rated twice": [first, first],
        f"item {first['item']}: not rated; ask rater-01 to finish": content["ratings"][1:],
        f"item {second['item']}: not rated": [first],
    }
    for number, (wanted, ratings) in enumerate(changed.items()):
        path = written(tmp_path / f"{number}.json", content | {"ratings": ratings})
        assert message([path], key).startswith(f"{path}: {wanted}")


def test_a_file_that_came_twice_is_named_with_the_other(key: Key, tmp_path: Path) -> None:
    content = answers(key, key.sheets[0], honest(4))
    one = written(tmp_path / "a.json", content)
    two = written(tmp_path / "b (1).json", content)
    assert message([two, one], key) == f"{two}: rater-01 is already in {one}; leave one out"


def test_what_is_no_file_of_ratings(key: Key, tmp_path: Path) -> None:
    (tmp_path / "huge.json").write_bytes(b" " * ((1 << 20) + 1))
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "bytes.json").write_bytes(b"\xff\x00")
    assert "no file of ratings is so large" in message([tmp_path / "huge.json"], key)
    assert "text.json: Invalid JSON" in message([tmp_path / "text.json"], key)
    assert "bytes.json: Invalid JSON" in message([tmp_path / "bytes.json"], key)
    assert "none.json: cannot be read: No such file" in message([tmp_path / "none.json"], key)


def test_a_key_is_checked_too(key: Key, tmp_path: Path) -> None:
    content = key.model_dump(mode="json")
    items = dict(list(content["items"].items())[1:])
    path = written(tmp_path / "key.json", content | {"items": items})
    with pytest.raises(UsageError, match=r"key.json: rater-0\d has item .*, which is not in items"):
        read_key(path)
    with pytest.raises(UsageError, match="none.json: cannot be read"):
        read_key(tmp_path / "none.json")
