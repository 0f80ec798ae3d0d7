"""Listening and looking through what was rejected, as a person does it, in a real browser."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.audio_bytes import AudioReader
from pipelines.reporting.facts import Report
from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import LISTENING, PAGES, REJECTED, render_pages
from pipelines.reporting.scene_samples import read_scenes
from pipelines.reporting.sound import SoundBudget
from tests.pipelines.reporting.chromium import browser, drive
from tests.pipelines.reporting.stage_folders import whole_corpus
from tests.pipelines.reporting.test_drama import scene, scene_stage

__all__ = ["browser"]  # the fixture


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of two corpora, one of them with a scene of four turns of a second each."""
    folder = tmp_path_factory.mktemp("pages")
    vocals = str(folder / "vocals.flac")
    noise = np.random.default_rng(0).normal(size=24_000 * 30).astype(np.float32) * 0.05
    soundfile.write(vocals, noise, 24_000)
    for source in ("emilia", "game_voice"):
        whole_corpus(folder / "data", source)
    report = gather(str(folder / "data"), dict.fromkeys(["emilia", "game_voice"], VERBS))
    with AudioReader() as reader:
        output = scene_stage(folder, [scene(1, "A", 2, vocals), scene(2, "A", 2, vocals)])
        _, scenes = read_scenes([output], SoundBudget(reader), 2)
    emilia, game_voice = report.corpora
    corpora = (emilia, dataclasses.replace(game_voice, scenes=scenes))
    out = folder / "out"
    out.mkdir()
    for name, page in render_pages(Report(corpora=corpora)).items():
        (out / name).write_text(page, "utf-8")
    return out


def test_a_turn_plays_is_marked_and_stops_at_its_end(browser: str, pages: Path) -> None:
    seen, asked = drive(
        browser,
        pages,
        LISTENING,
        """
        const audio = one(".scene audio"), turns = all(".scene li").slice(0, 4);
        audio.defaultPlaybackRate = audio.playbackRate = 0.25;  // time to look
        turns[1].querySelector("button").click();
        await until(() => !audio.paused && audio.currentTime > 1.2);
        const during = turns.map((turn) => turn.getAttribute("aria-current"));
        const label = one(".whole").textContent;
        await until(() => audio.paused);
        return { during, label, duration: audio.duration, end: audio.currentTime,
                 after: turns.map((turn) => turn.getAttribute("aria-current")) };
        """,
    )
    assert seen["during"] == [None, "true", None, None]
    assert seen["label"] == "pause" and seen["after"] == [None] * 4
    assert seen["duration"] == pytest.approx(4.0, abs=0.15)
    assert 2.0 <= seen["end"] < 3.0  # a slow machine draws late, but not a whole turn
    assert set(asked) <= {"/driver.html", f"/{LISTENING}", "/favicon.ico", "/result"}


def test_a_turn_ends_where_nothing_is_drawn(browser: str, pages: Path) -> None:
    seen, _ = drive(
        browser,
        pages,
        LISTENING,
        """
        frame.requestAnimationFrame = () => 0;  // as for a page in the background
        const audio = one(".scene audio"), turn = one(".scene li");
        turn.querySelector("button").click();
        await until(() => turn.ariaCurrent && audio.currentTime > 0.1);
        await until(() => audio.paused);
        return { end: audio.currentTime, marked: turn.ariaCurrent };
        """,
    )
    assert seen["marked"] is None
    assert 1.0 <= seen["end"] < 3.0  # the scene has four seconds


def test_the_whole_scene_goes_from_turn_to_turn_and_a_second_sound_ends_it(
    browser: str, pages: Path
) -> None:
    seen, _ = drive(
        browser,
        pages,
        LISTENING,
        """
        const [first, second] = all(".scene"), audio = first.querySelector("audio");
        audio.defaultPlaybackRate = audio.playbackRate = 0.5;  // no turn is over between two looks
        first.querySelector(".whole").click();
        const heard = [];
        await until(() => {
          const now = [...first.querySelectorAll("li")].findIndex((turn) => turn.ariaCurrent);
          if (now >= 0 && heard.at(-1) !== now) heard.push(now);
          return heard.length === 3;
        });
        second.querySelector(".whole").click();
        await until(() => audio.paused && !second.querySelector("audio").paused);
        key(second, "Escape");
        await until(() => second.querySelector("audio").paused);
        return heard;
        """,
    )
    assert seen == [0, 1, 2]


def test_the_keyboard_goes_from_turn_to_turn(browser: str, pages: Path) -> None:
    seen, _ = drive(
        browser,
        pages,
        LISTENING,
        """
        const buttons = all(".scene .play");
        buttons[0].focus();
        const places = [];
        for (const name of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowUp"]) {
          key(page.activeElement, name);
          places.push(buttons.indexOf(page.activeElement));
        }
        return { places, label: buttons[2].getAttribute("aria-label"), tab: buttons[2].tabIndex };
        """,
    )
    assert seen == {"places": [1, 2, 1, 0, 0], "label": "play turn 3", "tab": 0}


def test_rejected_records_are_filtered_by_source_stage_reason_and_words(
    browser: str, pages: Path
) -> None:
    seen, asked = drive(
        browser,
        pages,
        REJECTED,
        """
        const shown = () => ({
          groups: all("[data-group]:not([hidden])").map((group) => group.id),
          open: all("[data-group][open]").length,
          items: all("[data-item]:not([hidden])").length,
          said: one("output").textContent,
        });
        const choose = (name, value) => {
          const control = name ? one(`select[data-by=${name}]`) : one("input[type=search]");
          control.value = value;
          control.dispatchEvent(new Event("input", { bubbles: true }));
        };
        const all_of_them = shown();
        choose("stage", "select");
        const stage = shown();
        choose("source", "emilia");
        const both = shown();
        const options = all("select[data-by=reason] option:not(:disabled)");
        const open_reasons = options.map((option) => option.value);
        choose("stage", "");
        choose("reason", "dead_letter");
        const reason = shown();
        choose("reason", "");
        choose("", "SENTENCE NUMBER 13.");
        const search = shown();
        choose("", "");
        choose("source", "");
        const cleared = shown();
        return { cleared, all_of_them, stage, both, open_reasons, reason, search };
        """,
    )
    assert seen["all_of_them"]["items"] == 20 and len(seen["all_of_them"]["groups"]) == 12
    assert seen["all_of_them"]["open"] == 0 and seen["all_of_them"]["said"] == "20 of 20 shown"
    assert (seen["stage"]["items"], len(seen["stage"]["groups"])) == (8, 4)
    assert seen["both"]["groups"] == ["emilia-select-value_not_kept", "emilia-select-name_leaked"]
    assert seen["both"]["open"] == 2
    assert seen["open_reasons"] == ["", "name_leaked", "value_not_kept"]
    assert seen["reason"]["groups"] == ["emilia-annotate-dead_letter"]
    assert seen["reason"]["said"] == "2 of 20 shown"
    assert seen["search"]["groups"] == ["emilia-select-name_leaked"]
    assert seen["cleared"] == seen["all_of_them"]
    assert set(asked) <= {"/driver.html", f"/{REJECTED}", "/favicon.ico", "/result"}


def test_a_link_of_the_report_opens_the_reason_it_names(browser: str, pages: Path) -> None:
    seen, _ = drive(
        browser,
        pages,
        f"{REJECTED}#emilia-annotate-dead_letter",
        'return all("[data-group]").filter((group) => group.open).map((group) => group.id);',
    )
    assert seen == ["emilia-annotate-dead_letter"]


@pytest.mark.parametrize("name", PAGES)
def test_dark_pages_for_who_prefers_them(browser: str, pages: Path, name: str) -> None:
    script = """
        const lightness = (colour) => {
          const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number);
          return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
        };
        const style = (element) => frame.getComputedStyle(element);
        return [lightness(style(page.body).backgroundColor), lightness(style(page.body).color)];
    """
    (ground, ink), _ = drive(browser, pages, name, script, dark=True)
    assert ground < 0.15 and ink > 0.8
    if name == LISTENING:
        (ground, ink), _ = drive(browser, pages, name, script)
        assert ground > 0.9 and ink < 0.2


def test_a_hostile_text_runs_nothing_where_the_page_has_a_script(
    browser: str, pages: Path, tmp_path: Path
) -> None:
    """Even if an escape were forgotten: the policy knows the page's own script alone."""
    for name in PAGES[1:]:
        page = (pages / name).read_text("utf-8")
        broken = page.replace("</main>", "<script>document.title = 'run'</script></main>", 1)
        broken = broken.replace("<main>", "<main><img src=x onerror=\"document.title='run'\">", 1)
        (tmp_path / name).write_text(broken, "utf-8")
        seen, asked = drive(browser, tmp_path, name, "return page.title;")
        assert seen != "run" and "corpus report" in seen
        assert "/x" not in asked
