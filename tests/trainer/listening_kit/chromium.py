"""A headless Chromium, driven by the DevTools protocol: real clicks, keys, sound and downloads."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiohttp

from tests.browser import FLAGS, find_browser

PORT_FLAG = "--remote-debugging-port=0"  # any free one; the browser writes it into its profile
PATIENCE_S = 60.0


class Tab:
    """One page, as a person at the screen has it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.ensure_future(self._read())
        self.complaints: list[str] = []  # what the console says
        self.requests: list[str] = []  # every address the page asked for

    async def _read(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            if "id" in content:
                self._waiting.pop(content["id"]).set_result(content)
            else:
                self._note(content["method"], content["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(json.dumps(params))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    async def send(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        content = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in content, f"{method}: {content['error']}"
        return cast("dict[str, Any]", content["result"])

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401  (whatever the page says)
        found = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until a condition holds on the page."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not await self.evaluate(expression):
            assert asyncio.get_running_loop().time() < deadline, f"never came: {expression}"
            await asyncio.sleep(0.02)

    async def open(self, address: str, width: int = 1200, height: int = 900) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.resize(width, height)
        await self.evaluate("window.left = true")  # the page that is open would look complete, too
        await self.send("Page.navigate", url=address)
        await self.until("!window.left && document.readyState === 'complete'")

    async def resize(self, width: int, height: int) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    async def click(self, selector: str) -> None:
        """Presses the mouse on the middle of what is shown there."""
        where = json.dumps(selector)
        box = await self.evaluate(
            f"(() => {{ const e = document.querySelector({where});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2, r.width]; })()"
        )
        assert box[2] > 0, f"{selector} is not to be seen"
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    async def press(self, key: str) -> None:
        """A key, down and up."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9, "ArrowRight": 39, " ": 32}.get(key, ord(key[0].upper()))
        more = {"key": key, "text": text, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **more)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **more)

    async def screenshot(self, path: Path) -> None:
        found = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    async def close(self) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader


@contextlib.asynccontextmanager
async def browser_tab(profile: Path, downloads: Path) -> AsyncIterator[Tab]:
    """A browser with one empty page; its storage is in `profile` and stays there."""
    (profile / "DevToolsActivePort").unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        find_browser(),
        *FLAGS,
        PORT_FLAG,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(profile)
        async with aiohttp.ClientSession() as session:
            address = await _first_page(session, port)
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.send(
                    "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads)
                )
                yield tab
                # Ends by itself, so that what the page stored is on the disk.
                with contextlib.suppress(AssertionError, asyncio.TimeoutError):
                    await tab.send("Browser.close")
                await tab.close()
        await asyncio.wait_for(process.wait(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _port(profile: Path) -> int:
    path = profile / "DevToolsActivePort"
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not (path.exists() and path.read_text().count("\n")):
        assert asyncio.get_running_loop().time() < deadline, "the browser never started"
        await asyncio.sleep(0.05)
    return int(path.read_text().split("\n")[0])


async def _first_page(session: aiohttp.ClientSession, port: int) -> str:
    """The address of its debugger; the browser listens before it has made a page."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [one for one in await answer.json() if one["type"] == "page"]
        if pages:
            return str(pages[0]["webSocketDebuggerUrl"])
        assert asyncio.get_running_loop().time() < deadline, "the browser never made a page"
        await asyncio.sleep(0.05)
