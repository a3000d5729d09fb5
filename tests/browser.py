"""The web client in a real browser: Chromium, and devices with it that hold a seat or show the big screen.

Chromium is Debian's, or another one on the PATH; Playwright's own is never downloaded.
"""

import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

try:
    from playwright import async_api as api
except ImportError:
    api = None

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
in_a_browser = [
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(api is None, reason="playwright is not installed: it is in the extra `browser`"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH"),
]
"""The marks of a module whose tests need all this."""

PHONE = {"width": 320, "height": 640}
TV = {"width": 1920, "height": 1080}
PATIENCE_MS = 30_000
AUTHORS = {"round_ended", "game_ended"}
"""What may say who wrote what."""
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
Open = Callable[..., Awaitable["Device"]]


class Device:
    """A browser of its own, with what its page was told, and what it complained of."""

    def __init__(self, page) -> None:
        self.page = page
        self.frames: list[dict] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda text: self.frames.append(json.loads(text)))
        )
        page.on("console", self._complain)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _complain(self, said) -> None:
        # That a server is away, or refuses what people have typed, is no fault of the page's.
        if said.type in {"error", "warning"} and not re.search("net::ERR_|status of 422", said.text):
            self.complaints.append(said.text)

    async def sees(self, selector: str) -> None:
        await self.page.wait_for_selector(selector)

    async def answers(self, text: str) -> None:
        await self.page.fill("[name=answer]", text)
        await self.page.click("form [name=send]")

    async def votes_for(self, text: str) -> None:
        await self.page.locator(".choice", has_text=text).click()
        await self.page.click("form [name=send]")

    async def is_too_wide(self) -> bool:
        return await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")

    async def scrolls(self) -> bool:
        return await self.page.evaluate("document.documentElement.scrollHeight > innerHeight")


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator["api.Browser"]:
    """A browser process, for any number of devices."""
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *arguments])
        yield browser
        await browser.close()


@asynccontextmanager
async def devices(browser, url: str) -> AsyncIterator[Open]:
    """Opens devices at paths of `url`, or at other URLs. None may have anything to complain of in the end."""
    opened: list[Device] = []

    async def open_one(path: str = "/", size=PHONE, **settings) -> Device:
        settings = {"locale": "en-US", "reduced_motion": "reduce", **settings}
        context = await browser.new_context(viewport=size, **settings)
        opened.append(Device(await context.new_page()))
        await opened[-1].page.goto(path if "://" in path else url + path)
        return opened[-1]

    try:
        yield open_one
    finally:
        for each in opened:
            await each.page.context.close()
    complaints = [complaint for each in opened for complaint in each.complaints]
    assert not complaints, "\n".join(complaints)


async def joined(device: Open, address: str, name: str, **settings) -> Device:
    phone = await device(address, **settings)
    await phone.page.fill("[name=name]", name)
    await phone.page.press("[name=name]", "Enter")
    await phone.sees(".people")
    return phone


async def watching(device: Open, code: str) -> Device:
    """A phone that has no seat."""
    phone = await device(f"/{code}/screen")
    await phone.sees(".screen")
    await phone.page.goto(phone.page.url.removesuffix("/screen"))
    await phone.sees("[name=seat]")
    return phone


async def table(device: Open, url: str = "", *, guests=("Ben", "Cleo"), rounds: int = 1, **settings):
    """Ada, the host of a game of so many rounds, the guests, and the code of their room."""
    ada = await device(f"{url}/", **settings)
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=make]")
    await ada.sees(".qr")
    code = ada.page.url.rpartition("/")[2]
    phones = [await joined(device, f"{url}/{code}", name, **settings) for name in guests]
    await ada.page.click("[name=more]")
    await ada.page.select_option("[name=total_rounds]", str(rounds))
    await ada.page.click("[name=save]")
    await phones[0].page.wait_for_selector(f"text=/^{rounds} rounds? /")
    await ada.page.click("[name=more]")
    return ada, *phones, code


def tells_authors(frames: list[dict], user_ids: set[str], answer_ids: set[str]) -> list[dict]:
    """The frames before the reveal of these answers that name one of them and a user in one object."""
    told = []
    for frame in frames:
        if frame["type"] in AUTHORS and answer_ids & {each for one in objects(frame) for each in values(one)}:
            break
        told += [each for each in objects(frame) if answer_ids & values(each) and user_ids & values(each)]
    return told


def values(each: dict) -> set[str]:
    return {value for value in each.values() if isinstance(value, str)}


def objects(value):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from objects(each)
