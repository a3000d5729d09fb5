"""axe finds nothing on any screen of the web client, on the narrowest phone and on a TV, in light and in dark."""

import pytest

from tests.axe import findings
from tests.browser import PHONE, TV, Device, in_a_browser, joined, table, watching
from tests.scenarios.account_holders import an_address, begins, fills, forgiven, is_told, registered

pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: it is in `browser`")
pytestmark = in_a_browser
ALL_OF_IT = 6_000
"""So high a phone, in pixels, need not scroll: axe does not judge what is scrolled away."""


class Inspection:
    """What is wrong with screens, and with which one."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    async def look(self, screen: str, device: Device, *, has_note: bool = False) -> None:
        # What comes or goes while axe looks confuses it.
        await device.page.wait_for_selector(".note", state="visible" if has_note else "detached")
        await device.page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")
        found = ["too wide"] if await device.is_too_wide() else []
        size = device.page.viewport_size
        if size["width"] == PHONE["width"]:
            await device.page.set_viewport_size({**size, "height": ALL_OF_IT})
        found += await findings(device.page)
        await device.page.set_viewport_size(size)
        self.wrong += [f"{screen}: {each}" for each in found]


@pytest.fixture
def inspection():
    """Looks at screens; in the end nothing may be wrong with any of them."""
    inspection = Inspection()
    yield inspection
    assert not inspection.wrong, "\n".join(inspection.wrong)


async def test_axe_finds_nothing_before_a_game(device, inspection):
    home = await device()
    await home.page.fill("[name=name]", "Dora")
    await inspection.look("home", home)
    await home.page.fill("[name=code]", "ABC")
    await home.page.click("[name=join]")
    await inspection.look("home, with a code that is none", home, has_note=True)

    ada, ben, _cleo, code = await table(device)
    await home.page.goto(ada.page.url)
    await home.sees("[name=join]")
    await inspection.look("door", home)
    tv = await device(f"/{code}/screen", TV)
    await tv.sees(".screen .qr")
    watcher = await watching(device, code)
    await inspection.look("lobby of the host", ada)
    await inspection.look("lobby of a guest", ben)
    await inspection.look("lobby of who watches", watcher)
    await inspection.look("lobby on a TV", tv)
    await ada.page.click("[name=more]")
    await ada.page.click("[name='host.lock']")
    await ada.sees("[name='host.unlock']")
    await inspection.look("settings, and what a host can do", ada)
    await ada.page.click("[name=more]")
    await ada.page.click("[name=leave]")
    await inspection.look("really leave?", ada)
    await ada.page.goto("/".join(ada.page.url.split("/")[:3]))
    await ada.sees("[name=another]")
    await inspection.look("home of who has a seat", ada)


async def test_axe_finds_nothing_in_a_game(device, inspection):
    ada, ben, cleo, code = await table(device)
    tv = await device(f"/{code}/screen", TV)
    watcher = await watching(device, code)
    await ada.page.click("[name='host.start']")
    for each in (ada, ben, tv, watcher):
        await each.sees(".question")
    dora = await device(f"/{code}")
    await dora.page.fill("[name=name]", "Dora")
    await dora.page.click("[name=join]")
    await dora.sees(".question")
    await inspection.look("answering", ben)
    await inspection.look("answering, on a TV", tv)
    await inspection.look("answering, for who came late", dora)
    await inspection.look("answering, for who watches", watcher)
    await ada.page.click("[name=more]")
    await inspection.look("what a host can do in a round", ada)
    await ada.page.click("[name='host.pause']")
    for each in (ben, tv):
        await each.sees(".paused")
    await inspection.look("paused", ben)
    await inspection.look("paused, on a TV", tv)
    await ada.page.click("[name='host.resume']")
    await ada.page.click("[name=more]")
    await ben.page.fill("[name=answer]", "x" * 281)
    await ben.sees(".count.over")
    await inspection.look("an answer that is too long", ben)
    await ben.answers("a signed photo")
    await ben.sees(".stamp")
    await inspection.look("sent", ben)
    await ada.answers("another coat")
    await cleo.answers("a parking ticket")

    for each in (ada, ben, tv, watcher):
        await each.sees(".answer")
    await ben.page.check(".choice input:enabled >> nth=0")
    await inspection.look("voting", ben)
    await inspection.look("voting, on a TV", tv)
    await inspection.look("voting, for who watches", watcher)
    await ben.votes_for("a parking ticket")
    await ben.sees(".chosen")
    await inspection.look("voted", ben)
    await ada.page.click("[name='host.reveal']")

    for each in (ada, ben, tv, watcher):
        await each.sees(".podium")
        await inspection.look(f"podium {each.page.url}", each)


async def test_axe_finds_nothing_in_results(device, inspection):
    ada, ben, cleo, code = await table(device, rounds=2)
    tv = await device(f"/{code}/screen", TV)
    await ada.page.click("[name='host.start']")
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.sees("[name=answer]")
        await each.answers(text)
    await ben.sees(".choice")
    await ben.votes_for("another coat")
    await cleo.page.close()
    await ada.page.click("[name='host.reveal']")
    for each in (ada, ben, tv):
        await each.sees(".result")
        await inspection.look(f"results {each.page.url}", each)
    await ada.page.click("[name='host.next']")
    await ben.sees("[name=answer]")
    await ben.answers("a whistle")
    for each in (ben, tv):
        await each.page.wait_for_selector("text=Not here: Cleo")
        await inspection.look(f"somebody is missing {each.page.url}", each)


async def test_axe_finds_nothing_where_one_cannot_go_on(device, inspection, network):
    ada, ben, cleo, code = await table(device)
    eve = await joined(device, f"{network.url}/{code}", "Eve")
    watcher = await watching(device, code)
    nowhere = await device("/ABC234")
    await nowhere.page.fill("[name=name]", "Finn")
    await nowhere.page.click("[name=join]")
    await nowhere.sees(".warning")
    await inspection.look("no such room", nowhere)
    nothing = await device("/ABC234/screen", TV)
    await nothing.sees(".warning")
    await inspection.look("no such room, on a TV", nothing)

    network.cut()
    await eve.sees(".connection:not([hidden])")
    await inspection.look("connecting again", eve)
    network.heal()
    await ada.page.click("[name=more]")
    await ada.page.click("[aria-label='Remove Cleo']")
    await inspection.look("really remove?", ada)
    await ada.page.click("[aria-label='Really remove Cleo, for good?']")
    await cleo.sees(".warning")
    await inspection.look("removed", cleo)
    for each in (ada, ben, eve):
        await each.page.click("[name=leave]")
        await each.page.click("[name=leave]")
        await each.sees("[name=make]")
    await watcher.sees(".warning")
    await inspection.look("closed", watcher)


async def test_axe_finds_nothing_where_another_tab_has_gone_on(device, inspection):
    _ada, ben, _cleo, _code = await table(device)
    for _ in range(5):
        tab = await ben.page.context.new_page()
        await tab.goto(ben.page.url)
        await tab.wait_for_selector(".people")
    await ben.page.wait_for_selector("text=in another tab")
    await inspection.look("replaced", ben)


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
async def test_axe_finds_nothing_where_accounts_are(device, inspection, locale):
    stranger = await device(locale=locale)
    await begins(stranger)
    await inspection.look("log in", stranger)
    await stranger.page.click("[name=other]")
    await stranger.sees("[name=display_name]")
    await inspection.look("register", stranger)
    ben = await registered(device, an_address(), size=PHONE, locale=locale)
    await inspection.look("home of who has an account", ben)
    await ben.page.click("[name=own]")
    await ben.sees("[name=new_password]")
    await inspection.look("one's own account", ben)
    await fills(ben, old_password="three words only", new_password="five words are even better")
    await is_told(ben, "old_password")
    await inspection.look("a wrong password", ben)
    await ben.page.click("[name=delete]")
    await ben.sees("[name=sure]:enabled")
    await inspection.look("really delete?", ben)
    await forgiven(ben)
