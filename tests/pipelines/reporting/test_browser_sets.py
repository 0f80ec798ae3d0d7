"""Training sets in a real browser: they fit a phone, a pair plays, the filters know them."""

import dataclasses
from pathlib import Path

import pytest

from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import INDEX, LISTENING, REJECTED, render_pages
from tests.pipelines.reporting.chromium import browser, drive
from tests.pipelines.reporting.set_folders import compose_instructions, compose_spoken, settings_of
from tests.pipelines.reporting.stage_folders import whole_corpus
from tests.pipelines.reporting.test_browser import measured
from tests.pipelines.reporting.test_set_pages import hostile_set

__all__ = ["browser"]  # the fixture


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a corpus and three sets, and ``wide-*`` of a set of unbroken words."""
    folder = tmp_path_factory.mktemp("sets")
    sets = settings_of(compose_spoken(folder), "s1", "s2")
    with pytest.MonkeyPatch.context() as patch:
        sets |= compose_instructions(folder, patch)
    whole_corpus(folder / "data")
    report = gather(str(folder / "data"), {"emilia": VERBS}, sets=sets)
    out = folder / "out"
    out.mkdir()
    for name, page in render_pages(report).items():
        (out / name).write_text(page, "utf-8")
    wide = hostile_set(report, "preference_pairs", "averyverylongwordwithoutabreak" * 12)
    unspoken = hostile_set(report, "instructions", "anotherverylongwordwithoutabreak" * 12)
    (other,) = (dataclasses.replace(one, source="s3") for one in unspoken.sets)
    for name, page in render_pages(dataclasses.replace(wide, sets=(*wide.sets, other))).items():
        (out / f"wide-{name}").write_text(page, "utf-8")
    return out


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("name", [INDEX, LISTENING, REJECTED])
@pytest.mark.parametrize("which", ["", "wide-"])
def test_the_pages_fit_and_the_console_is_empty(
    browser: str, pages: Path, tmp_path: Path, which: str, name: str, width: int
) -> None:
    page = (pages / f"{which}{name}").read_text("utf-8")
    fit, said = measured(browser, page, tmp_path, width)
    assert fit.startswith(f"{width},{width},") and said == []


def test_the_recordings_of_a_pair_play_one_at_a_time(browser: str, pages: Path) -> None:
    seen, asked = drive(
        browser,
        pages,
        f"{LISTENING}#s1",
        """
        const heard = [...one("#s1").parentElement.querySelectorAll("article")[0]
          .querySelectorAll("audio")];
        const ended = [];
        for (const audio of heard) {
          audio.addEventListener("ended", () => ended.push(heard.indexOf(audio)));
        }
        for (const audio of heard) await audio.play();
        await until(() => ended.length > 0);
        return { number: heard.length, ended, paused: heard.map((audio) => audio.paused),
                 seconds: heard[0].duration };
        """,
    )
    assert seen["number"] == 3 and seen["ended"] == [2] and all(seen["paused"])
    assert seen["seconds"] == pytest.approx(0.5, abs=0.15)
    assert set(asked) <= {"/driver.html", f"/{LISTENING}", "/favicon.ico", "/result"}


def test_the_filters_find_the_rows_of_a_set(browser: str, pages: Path) -> None:
    seen, _ = drive(
        browser,
        pages,
        LISTENING,
        """
        const choose = (name, value) => {
          const control = name ? one(`select[data-by=${name}]`) : one("input[type=search]");
          control.value = value;
          control.dispatchEvent(new Event("input", { bubbles: true }));
        };
        const shown = () => all("[data-item]:not([hidden])");
        choose("source", "s3");
        const s3 = shown().map((row) => row.querySelectorAll("audio").length);
        choose("source", "s2");
        choose("emotion", "sad");
        const sad = shown().map((row) => row.querySelector(".pill").textContent);
        return { s3, sad, headings: all("section:not([hidden]) > h2").length };
        """,
    )
    assert len(seen["s3"]) == 12 and set(seen["s3"]) == {0}
    assert seen["sad"] and set(seen["sad"]) == {"sad"}
    assert seen["headings"] == 1


def test_a_link_of_the_first_page_goes_to_the_left_out_rows(browser: str, pages: Path) -> None:
    seen, _ = drive(
        browser,
        pages,
        f"{REJECTED}#s2-compose-not_needed",
        'return all("[data-group]").filter((group) => group.open).map((group) => group.id);',
    )
    assert seen == ["s2-compose-not_needed"]


@pytest.mark.parametrize("dark", [False, True])
def test_words_of_a_set_stand_out_from_the_ground(browser: str, pages: Path, dark: bool) -> None:
    script = """
        const light = (colour) => {
          const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number);
          return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
        };
        const ground = (element) => {
          const own = frame.getComputedStyle(element).backgroundColor;
          return own === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : light(own);
        };
        return all("#s1 td, #s1 p, #s1 h3, #s3 td").map((element) =>
          Math.abs(light(frame.getComputedStyle(element).color) - ground(element)));
    """
    seen, _ = drive(browser, pages, INDEX, script, dark=dark)
    assert len(seen) > 40 and min(seen) > 0.4
