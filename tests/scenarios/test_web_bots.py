"""Bots at the table of a page: one person has a whole game, and the page never holds whose answers are theirs."""

import json
import re

import pytest

from tests.browser import TV, in_a_browser, joined, tells_authors
from tests.serving import ServerProcess, clean_server
from votegame.bots.bank import answers

pytestmark = in_a_browser

BOTS = 3
COMING_BACK_MS = 90_000
KEPT = "Object.values(JSON.parse(sessionStorage.getItem('votegame:bots'))).map(text => JSON.parse(text))"


@pytest.fixture
async def mortal_server():
    """A server that may be killed. It waits for those who come back: nobody's answer ends a round without them."""
    process = ServerProcess(GRACE_SECONDS="60")
    await process.start()
    yield process
    await process.stop()
    await process.close()


async def trying(device, url: str = "", name: str = "Ada"):
    """A person who has had a room made with bots, when all of them are in."""
    page = await device(f"{url}/")
    await page.page.fill("[name=name]", name)
    await page.page.click("[name=try]")
    await n_players(page, 1 + BOTS)
    return page


async def n_players(person, count: int) -> None:
    """Wait for so many players, who are all there."""
    await person.page.wait_for_function(
        "n => document.querySelectorAll('.people .person').length === n && !document.querySelector('.person.away')",
        arg=count,
    )


async def room(person) -> str:
    return person.page.url.rpartition("/")[2]


async def choose(person, **settings: str) -> None:
    await person.page.click("[name=more]")
    for name, value in settings.items():
        await person.page.select_option(f"[name={name}]", value)
    await person.page.click("[name=save]")
    await person.page.wait_for_selector("text=Saved.")
    await person.page.click("[name=more]")


async def forgiven(person, refusal: str) -> None:
    """That the server has refused is said in the console by the browser itself; there must be nothing else."""
    await person.page.context.close()
    assert [text for text in person.complaints if refusal not in text] == []
    person.complaints.clear()


async def test_one_person_and_bots_play_to_the_podium_and_nobody_is_told_whose_answers_are_the_bots(device):
    ada = await device("/")
    asked: list[str] = []
    ada.page.context.on("request", lambda request: asked.append(request.url))
    await ada.page.reload()
    await ada.sees("[name=try]")
    assert not [url for url in asked if "/bots/" in url]
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=try]")
    await n_players(ada, 1 + BOTS)
    await choose(ada, total_rounds="1", answer_seconds="20", language="de")
    await ada.page.click("[name='host.start']")
    await ada.answers("ein Koffer ohne Griff")
    await ada.sees(".choice")
    shown = await ada.page.locator(".choice:not(.own) .answer-text").all_inner_texts()
    assert len(shown) == BOTS
    assert set(shown) <= set(answers("de"))
    await ada.votes_for(shown[0])
    await ada.sees(".podium")
    assert not await ada.is_too_wide()

    ended = next(frame for frame in ada.frames if frame["type"] == "round_ended")
    assert sum(result["vote_count"] for result in ended["results"]) == 1 + BOTS
    user_ids = {result["user_id"] for result in ended["results"]}
    assert tells_authors(ada.frames, user_ids, {result["answer_id"] for result in ended["results"]}) == []
    await ada.page.click("[name=more]")
    await ada.page.click(".host-bar [name='bots.remove']")
    await ada.page.wait_for_function("() => document.querySelectorAll('.manage .person').length === 1")
    held = json.dumps(await ada.page.evaluate("[{...localStorage}, {...sessionStorage}]"))
    assert not [text for text in shown if text in held]


async def test_bots_come_as_they_are_wished_for_and_go_when_they_are_told_to(device):
    ada = await device("/")
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=make]")
    await ada.sees(".bots")
    # Bots of somebody else's may be here, who have the same names to choose from.
    ben = await joined(device, f"/{await room(ada)}", "Bolt (bot)")
    assert not await ben.page.locator(".bots").count()
    await ada.page.select_option("[name=bots]", "2")
    await ada.page.click("[name='bots.add']")
    await n_players(ben, 4)
    names = await ben.page.locator(".person .name").all_inner_texts()
    assert len(set(names)) == 4
    before = await ada.page.evaluate(KEPT)
    await ada.page.click("[name='bots.remove']")
    await n_players(ben, 2)
    await ada.page.wait_for_selector("[name='bots.remove']", state="detached")
    # Who is there by the keyboard is not thrown out by a button that is gone.
    await ada.page.wait_for_selector("[name='bots.add']:focus")
    await ada.page.keyboard.press("Enter")
    await n_players(ben, 4)
    await ada.page.wait_for_selector("[name='bots.add'][aria-disabled=false]:focus")
    after = await ada.page.evaluate(KEPT)
    assert [one["user"]["id"] for one in before] == [one["user"]["id"] for one in after], "no new guests for old seats"


async def test_bots_fill_the_seats_that_are_free_and_no_more(device):
    ada = await trying(device)
    await ada.page.wait_for_selector("[name='bots.add'][aria-disabled=false]")
    await ada.page.evaluate(
        """async () => {
            const { app } = await import("/static/play/app.js");
            await app.room.updateSettings({ max_players: 5 });
        }"""
    )
    await ada.page.wait_for_function("() => document.querySelectorAll('[name=bots] option').length === 1")
    await ada.page.click("[name='bots.add']")
    await n_players(ada, 5)
    await ada.page.wait_for_selector("[name='bots.add']", state="detached")


async def test_bots_keep_their_seats_over_a_reload_and_a_restart_in_the_middle_of_a_round(device, mortal_server):
    ada = await trying(device, mortal_server.url)
    await choose(ada, total_rounds="1")
    await ada.page.click("[name='host.start']")
    await ada.sees("[name=answer]")
    before = await ada.page.evaluate(KEPT)
    await ada.page.reload()
    await ada.sees("[name=answer]")
    mortal_server.kill()
    await mortal_server.wait()
    await mortal_server.start()
    await ada.answers("a suitcase without a handle")
    # They come back at a moment of their own, and think before they answer.
    await ada.page.wait_for_selector(".choice", timeout=COMING_BACK_MS)
    assert await ada.page.locator(".choice").count() == 1 + BOTS
    after = await ada.page.evaluate(KEPT)
    assert [one["token"] for one in after] == [one["token"] for one in before]
    await forgiven(ada, "response code: 503")


async def test_whoever_plays_on_in_the_page_is_the_person_and_not_a_bot(device):
    ada = await trying(device)
    await ada.page.reload()
    await n_players(ada, 1 + BOTS)
    await ada.sees(".host-bar")
    assert "Ada" in await ada.page.inner_text(".person:has-text('you')")
    assert re.fullmatch(r"/[2-9A-Z]{6}", await ada.page.evaluate("location.pathname"))


async def test_why_no_more_bots_come_is_told_in_words(device):
    # A server that has the limits of every server, and lets in one more guest than the person.
    async with clean_server(RATE_LIMITS="on", GUESTS_PER_HOUR="2") as server:
        ada = await device(f"{server.url}/", TV)
        await ada.page.fill("[name=name]", "Ada")
        await ada.page.click("[name=try]")
        await ada.page.wait_for_selector("text=1 of 3 bots came. Too many tries. Try again in 30 minutes.")
        await n_players(ada, 2)
        await forgiven(ada, "status of 429")
