"""The web client in a real browser: a host, two phones and a big screen play a whole game.

Chromium is Debian's, or another one on the PATH; Playwright's own is never downloaded.
"""

import json
import shutil
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.scenarios.conftest import WAITS
from tests.serving import ServerProcess

api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: it is in the extra `browser`")
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH"),
]
PHONE = {"width": 320, "height": 640}
TV = {"width": 1920, "height": 1080}
PATIENCE_MS = 30_000
AUTHORS = {"round_ended", "game_ended"}
"""What may say who wrote what."""
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
        # That a server is away is no fault of the page's.
        if said.type in {"error", "warning"} and "net::ERR_" not in said.text:
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


@pytest.fixture
async def device(server_url):
    """Opens browsers, which must have nothing to complain of."""
    opened: list[Device] = []
    async with api.async_playwright() as playwright, chromium(playwright) as browser:

        async def open_one(path: str = "/", size=PHONE) -> Device:
            context = await browser.new_context(viewport=size, locale="en-US", reduced_motion="reduce")
            opened.append(Device(await context.new_page()))
            await opened[-1].page.goto(path if "://" in path else server_url + path)
            return opened[-1]

        yield open_one
        assert [each.complaints for each in opened] == [[] for _ in opened]


@pytest.fixture
async def mortal_server():
    """A server that may be killed."""
    process = ServerProcess(**WAITS)
    await process.start()
    yield process
    await process.stop()
    await process.close()


@asynccontextmanager
async def chromium(playwright):
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
    yield browser
    await browser.close()


async def joined(device: Open, address: str, name: str) -> Device:
    phone = await device(address)
    await phone.page.fill("[name=name]", name)
    await phone.page.press("[name=name]", "Enter")
    await phone.sees(".people")
    return phone


async def table(device: Open, url: str = "") -> tuple[Device, Device, Device, str]:
    """Ada, the host of a game of one round, and Ben and Cleo; and the code of their room."""
    ada = await device(f"{url}/")
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=make]")
    await ada.sees(".qr")
    code = ada.page.url.rpartition("/")[2]
    ben, cleo = [await joined(device, f"{url}/{code}", name) for name in ("Ben", "Cleo")]
    await ada.page.click("[name=more]")
    await ada.page.select_option("[name=total_rounds]", "1")
    await ada.page.click("[name=save]")
    await ben.page.wait_for_selector("text=1 round")
    await ada.page.click("[name=more]")
    return ada, ben, cleo, code


def tells_authors(frames: list[dict], user_ids: set[str], answer_ids: set[str]) -> list[dict]:
    """The frames before the reveal that name an answer and a user in one object."""
    told = []
    for frame in frames:
        if frame["type"] in AUTHORS:
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


async def test_a_host_and_two_phones_play_a_whole_game_and_reload_in_the_middle(device):
    ada, ben, cleo, code = await table(device)
    tv = await device(f"/{code}/screen", TV)
    await tv.sees(".screen .qr")
    everybody = (ada, ben, cleo, tv)
    await ada.page.click("[name='host.start']")
    for each in everybody:
        await each.sees(".question")

    await ben.page.fill("[name=answer]", "a signed photo")
    await ben.page.reload()
    await ben.sees("[name=answer]")
    assert await ben.page.input_value("[name=answer]") == "a signed photo"
    await ben.page.click("form [name=send]")
    await ben.sees(".stamp")
    await ben.page.reload()
    await ben.sees(".stamp")
    assert await ben.page.inner_text(".sent-text") == "a signed photo"
    await ada.answers("another coat")
    await cleo.answers("a parking ticket")

    for each in (ada, ben, cleo):
        await each.sees(".choice")
    assert await ben.page.locator(".choice input:disabled").count() == 1
    assert await ben.page.locator(".choice.own", has_text="a signed photo").count() == 1
    assert not await tv.page.locator(".own, .chosen, [name=vote]").count()
    await ben.votes_for("a parking ticket")
    await ben.sees(".chosen")
    await ben.page.reload()
    await ben.sees(".chosen")
    await ada.votes_for("a parking ticket")
    await cleo.votes_for("another coat")

    for each in everybody:
        await each.sees(".podium")
        assert await each.page.inner_text("h1") == "Cleo wins!"
        assert not await each.is_too_wide()
    assert not await tv.scrolls()
    first = ben.page.locator(".result").first
    assert "a parking ticket" in await first.inner_text()
    assert "Cleo" in await first.inner_text()

    ended = next(frame for frame in ben.frames if frame["type"] == "round_ended")
    user_ids = {result["user_id"] for result in ended["results"]}
    answer_ids = {result["answer_id"] for result in ended["results"]}
    assert len(answer_ids) == 3
    assert [tells_authors(each.frames, user_ids, answer_ids) for each in everybody] == [[], [], [], []]

    await ada.page.click("[name='host.again']")
    for each in everybody:
        await each.sees(".people")


async def test_a_host_pauses_removes_and_hands_over_and_who_comes_late_plays_from_the_next_round_on(device):
    ada, ben, cleo, code = await table(device)
    await ada.page.click("[name='host.start']")
    await ben.sees("[name=answer]")
    dora = await device(f"/{code.lower()}")
    await dora.page.fill("[name=name]", "Dora")
    await dora.page.click("[name=join]")
    await dora.page.wait_for_selector("text=from the next one on")
    await ada.page.click("[name=more]")
    await ada.page.click("[name='host.pause']")
    await ben.sees(".paused")
    await ada.page.click("[aria-label='Remove Cleo']")
    await ada.page.click("[aria-label='Really remove Cleo, for good?']")
    await cleo.page.wait_for_selector("text=The host has removed you")
    assert not await cleo.page.locator("[name=join]").count()
    await ada.page.click("[aria-label='Make Ben the host']")
    await ada.page.click("[aria-label='Really make Ben the host?']")
    await ben.sees(".host-bar")
    assert not await ada.page.locator(".host-bar").count()


async def test_what_is_sent_while_the_server_is_away_is_there_when_it_is_back(device, mortal_server):
    ada, ben, _cleo, _code = await table(device, mortal_server.url)
    await ada.page.click("[name='host.start']")
    await ben.sees("[name=answer]")
    mortal_server.kill()
    await mortal_server.wait()
    await ben.sees(".connection:not([hidden])")
    await ben.answers("a signed photo")
    await ben.page.wait_for_selector("text=as soon as there is one")
    await mortal_server.start()
    await ben.sees(".stamp")
    await ben.page.wait_for_selector("text=1 of 3 have answered")
    assert not await ben.page.locator(".connection:not([hidden])").count()


async def test_a_guest_gets_in_and_answers_by_the_keyboard_alone(device):
    ada, _ben, _cleo, code = await table(device)
    dora = await device()
    await dora.page.focus("[name=name]")
    await dora.page.keyboard.type("Dora")
    await dora.page.keyboard.press("Tab")
    await dora.page.keyboard.type(f"{code[:3]}-{code[3:]}".lower())
    await dora.page.keyboard.press("Enter")
    await dora.sees(".people")
    await ada.page.click("[name='host.start']")
    await dora.sees("[name=answer]")
    for _ in range(10):
        await dora.page.keyboard.press("Tab")
        if await dora.page.evaluate("document.activeElement.name") == "answer":
            break
    await dora.page.keyboard.type("a whistle")
    await dora.page.keyboard.press("Enter")
    await dora.sees(".stamp")
    assert await dora.page.inner_text("#said") == "Sent!"


async def test_who_has_a_seat_does_not_lose_it_to_a_second_tab(device):
    ada, _ben, _cleo, code = await table(device)
    tab = await ada.page.context.new_page()
    await tab.goto(ada.page.url.replace(f"/{code}", "/"))
    await tab.wait_for_selector("text=You are Ada.")
    assert not await tab.locator("input:visible[name=name]").count()
    await tab.click("[name=make]")
    await tab.wait_for_selector(".qr")
    await ada.page.reload()
    await ada.sees(".host-bar")


async def test_a_code_of_no_room_is_told_in_words(device):
    eve = await device("/ABC234")
    await eve.page.fill("[name=name]", "Eve")
    await eve.page.click("[name=join]")
    await eve.sees(".warning")
    assert await eve.page.inner_text(".warning") == "There is no such room, or it is closed."
