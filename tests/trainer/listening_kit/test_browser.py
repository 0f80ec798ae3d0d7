"""A rater at the real page, in a real browser: hears, rates, leaves, comes back, saves."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.browser import find_browser
from tests.trainer.listening_kit.chromium import Tab, browser_tab
from tests.trainer.listening_kit.clips import settings, write_clips
from trainer.listening.analysis import analyse
from trainer.listening.key import Key, read_key
from trainer.listening.making import make_test
from trainer.listening.ratings import read_ratings
from trainer.listening.settings import GoldSettings, Test

SHOWN = ".item:not([hidden])"
HOSTILE = "</dd><script>alert(1)</script><img src=x onerror=alert(2)>\u202e" + "longword" * 40
NEXT_DISABLED = f"document.querySelector('{SHOWN} .next').disabled"
SCALE_DISABLED = f"document.querySelector('{SHOWN} fieldset').disabled"


@pytest.fixture(scope="module", autouse=True)
def browser() -> str:
    return find_browser()


def made(folder: Path, test: Test, told: Mapping[str, object] | None = None) -> tuple[Path, Key]:
    """The first rater's page of a test with five items on every sheet, and the key."""
    systems = ("ground_truth", "s2") if test != "cmos" else ("ground_truth", "s1", "s2")
    table = write_clips(folder, systems=systems, cases=2, told=told)
    chosen = settings(raters=3, gold=GoldSettings(items=1))
    pages = make_test(table, folder, folder / "out", test, chosen).pages
    key = read_key(folder / "out" / "key.json")
    assert {len(sheet.entries) for sheet in key.sheets} == {5}
    return pages[0], key


async def count(tab: Tab) -> str:
    return str(await tab.evaluate("document.querySelector('#count').textContent"))


async def hear(tab: Tab, player: str) -> None:
    """Plays a clip to its end, with the mouse."""
    await tab.click(f"{SHOWN} [data-player={player}] .play")
    await heard(tab, player)


async def heard(tab: Tab, player: str) -> None:
    row = f"document.querySelector('{SHOWN} [data-player={player}]')"
    await tab.until(f"{row}.classList.contains('was-heard')")


async def shown_item(tab: Tab) -> str:
    return str(await tab.evaluate(f"document.querySelector('{SHOWN}').dataset.item"))


async def check_fits(tab: Tab, width: int) -> None:
    size = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    page, screen = await tab.evaluate(size)
    assert page <= screen and width - 20 <= screen <= width  # a scroll bar has its part


def check_quiet(tab: Tab, page: Path) -> None:
    """Nothing on the console, and nothing asked for but the page and the sounds inside it."""
    assert tab.complaints == []
    others = [url for url in tab.requests if url != page.as_uri() and not url.startswith("blob:")]
    assert others == []


async def saved(tab: Tab, folder: Path, name: str) -> Path:
    await tab.click("#save")
    path = folder / name
    for _ in range(3000):
        if path.exists() and not list(folder.glob("*.crdownload")):
            return path
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} was never saved: {list(folder.iterdir())}")


def test_a_rater_rates_five_items_and_the_analysis_reads_the_file(tmp_path: Path) -> None:
    page, key = made(tmp_path, "q_mos")
    back = tmp_path / "back"
    back.mkdir()
    sheet = key.sheets[0]
    wanted = {
        entry.item: (4.0 if key.items[entry.item].low is None else 1.0) for entry in sheet.entries
    }

    async def begins() -> None:
        async with browser_tab(tmp_path / "profile", back) as tab:
            await tab.open(page.as_uri())
            await check_fits(tab, 1200)
            await tab.click("#begin")
            assert await count(tab) == "1 of 5"
            # Before it was heard nothing can be rated: not with the mouse, not with keys, and
            # moving to the end is not hearing.
            await tab.click(f"{SHOWN} label:first-child")
            await tab.press("4")
            for _ in range(3):  # it is ignored until the clip is loaded
                await tab.evaluate(
                    f"(() => {{ const p = document.querySelector('{SHOWN} .position');"
                    "p.value = 1000; p.dispatchEvent(new Event('input')); })()"
                )
                await asyncio.sleep(0.3)
            assert await tab.evaluate(SCALE_DISABLED) and await tab.evaluate(NEXT_DISABLED)
            # Two items with the mouse.
            for number in (1, 2):
                assert await count(tab) == f"{number} of 5"
                item = await shown_item(tab)
                await hear(tab, "only")
                assert not await tab.evaluate(SCALE_DISABLED) and await tab.evaluate(NEXT_DISABLED)
                await tab.click(f"{SHOWN} label:nth-child({6 - int(wanted[item])})")
                await tab.click(f"{SHOWN} .next")
            assert await count(tab) == "3 of 5"
            check_quiet(tab, page)

    async def goes_on() -> None:
        async with browser_tab(tmp_path / "profile", back) as tab:
            await tab.open(page.as_uri())
            assert await tab.evaluate("document.querySelector('#begin').textContent") == "Go on"
            assert await tab.evaluate("document.querySelector('#done').value") == 2
            await tab.click("#begin")
            # The others with keys alone.
            for number in (3, 4, 5):
                assert await count(tab) == f"{number} of 5"
                item = await shown_item(tab)
                await tab.press("p")
                await heard(tab, "only")
                await tab.press(f"{wanted[item]:g}")
                await tab.press("Enter")
            assert await tab.evaluate("!document.querySelector('#end').hidden")
            name = f"ratings-q_mos-{sheet.rater}.json"
            path = await saved(tab, back, name)
            assert name in await tab.evaluate("document.querySelector('#saved').textContent")
            copied = await tab.evaluate("document.querySelector('#copy').value")
            assert copied == path.read_text("utf-8")
            check_quiet(tab, page)

    asyncio.run(begins())
    asyncio.run(goes_on())
    content = json.loads((back / f"ratings-q_mos-{sheet.rater}.json").read_text("utf-8"))
    assert content == {
        "schema_version": 1,
        "test": "q_mos",
        "sheet": sheet.sheet,
        "rater": "rater-01",
        "ratings": [{"item": item, "rating": rating} for item, rating in wanted.items()],
    }
    found = analyse(key, read_ratings(back.glob("*.json"), key))
    assert found.kept == ("rater-01",)
    assert {(m.system, m.value, m.count) for m in found.measurements} == {
        ("ground_truth", 4.0, 2),
        ("s2", 4.0, 2),
    }


def test_on_a_phone_a_pair_is_compared_and_the_answer_is_of_the_system(tmp_path: Path) -> None:
    page, key = made(tmp_path, "cmos", {"emotion": "happy", "text": HOSTILE})
    back = tmp_path / "back"
    back.mkdir()
    entries = {entry.item: entry for entry in key.sheets[0].entries}

    async def rates() -> None:
        async with browser_tab(tmp_path / "profile", back) as tab:
            await tab.open(page.as_uri(), 390, 844)
            await check_fits(tab, 390)
            await tab.click("#begin")
            for _ in entries:
                item = await shown_item(tab)
                await check_fits(tab, 390)
                await hear(tab, "a")
                assert await tab.evaluate(SCALE_DISABLED)  # B has not been heard
                await hear(tab, "b")
                # Always for the system, much better; twice the same clip is the same.
                gold = key.items[item].low is not None
                answer = 3 if gold else 5 if entries[item].baseline_first else 1
                await tab.click(f"{SHOWN} label:nth-child({answer})")
                await tab.click(f"{SHOWN} .next")
            await saved(tab, back, "ratings-cmos-rater-01.json")
            check_quiet(tab, page)

    asyncio.run(rates())
    assert {entry.baseline_first for entry in entries.values()} == {True, False}
    found = analyse(key, read_ratings(back.glob("*.json"), key))
    values = {(m.system, m.value) for m in found.measurements}
    assert values == {("s1", 2.0), ("s2", 2.0), ("ground_truth", 0.0)}


@pytest.mark.parametrize("width", [320, 1200])
def test_a_scene_fits_the_screen_and_half_points_can_be_given(width: int, tmp_path: Path) -> None:
    told = {"scene": HOSTILE, "profiles": [HOSTILE, "他很冷静。" * 30], "text": HOSTILE}
    page, key = made(tmp_path, "mos", told)

    async def rates() -> None:
        async with browser_tab(tmp_path / "profile", tmp_path) as tab:
            await tab.open(page.as_uri(), width)
            await tab.click("#begin")
            await check_fits(tab, width)
            await hear(tab, "only")
            await tab.press("3")
            await tab.press("ArrowRight")
            chosen = f"document.querySelector('{SHOWN} input:checked').value"
            await tab.until(f"{chosen} === '3.5'")
            await tab.press("Enter")
            assert await count(tab) == "2 of 5"
            await tab.click(f"{SHOWN} .back")
            assert await tab.evaluate(chosen) == "3.5"
            check_quiet(tab, page)

    asyncio.run(rates())


def test_leafing_faster_than_the_sounds_load_leaves_no_complaint(tmp_path: Path) -> None:
    page, _ = made(tmp_path, "mos")
    leaf = (
        "(() => { const shown = () => document.querySelector('.item:not([hidden])');"
        "for (let n = 0; n < 20; n++) { shown().querySelector('.next').click();"
        " shown().querySelector('.back').click(); } })()"
    )

    async def rates() -> None:
        async with browser_tab(tmp_path / "profile", tmp_path) as tab:
            await tab.open(page.as_uri())
            await tab.click("#begin")
            await hear(tab, "only")
            await tab.press("3")
            for _ in range(10):
                await tab.evaluate(leaf)
                await asyncio.sleep(0.02)
            assert await count(tab) == "1 of 5"
            await tab.click(f"{SHOWN} .play")  # and it still plays
            await tab.until(f"document.querySelector('{SHOWN} .position').value > 0")
            check_quiet(tab, page)

    asyncio.run(rates())


def test_what_was_kept_is_checked_before_it_is_used(tmp_path: Path) -> None:
    page, key = made(tmp_path, "q_mos")
    item = key.sheets[0].entries[0].item
    kept = {"ratings": {item: 99, "constructor": 3}, "heard": {item: "only"}, "at": 5}
    place = json.dumps(f"listening:{key.sheets[0].sheet}")

    async def opens(value: str) -> None:
        async with browser_tab(tmp_path / "profile", tmp_path) as tab:
            await tab.open(page.as_uri())
            await tab.evaluate(f"localStorage.setItem({place}, {json.dumps(value)})")
            await tab.open(page.as_uri())
            await tab.click("#begin")
            assert await count(tab) == "1 of 5"
            assert await tab.evaluate(SCALE_DISABLED) and await tab.evaluate(NEXT_DISABLED)
            check_quiet(tab, page)

    for value in (json.dumps(kept), "{", "null", '"text"'):
        asyncio.run(opens(value))
