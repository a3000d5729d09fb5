"""The web client in a real browser: a host, phones and a big screen play whole games."""

from tests.browser import TV, in_a_browser, table, tells_authors, watching

pytestmark = in_a_browser


async def test_a_host_and_three_phones_play_a_whole_game(device):
    ada, ben, cleo, dora, code = await table(device, guests=("Ben", "Cleo", "Dora"), rounds=2)
    tv = await device(f"/{code}/screen", TV)
    await tv.sees(".screen .qr")
    everybody = (ada, ben, cleo, dora, tv)
    await ada.page.click("[name='host.start']")
    await a_round(ada, ben, cleo, dora, tv)
    for each in everybody:
        await each.sees(".result")
        assert await each.page.locator(".board li", has_text="Cleo").inner_text() == "1\nC\nCleo\n3 points"
        assert not await each.is_too_wide()
    first = ben.page.locator(".result").first
    assert {"a parking ticket", "Cleo", "3 votes"} <= set((await first.inner_text()).split("\n"))
    await ada.page.click("[name='host.next']")
    for each in everybody:
        await each.page.wait_for_selector("text=Round 2 of 2")
    await a_round(ada, ben, cleo, dora, tv)

    for each in everybody:
        await each.sees(".podium")
        assert await each.page.inner_text("h1") == "Cleo wins!"
        assert not await each.is_too_wide()
    assert not await tv.scrolls()
    rounds = [frame["results"] for frame in ben.frames if frame["type"] == "round_ended"]
    assert list(map(len, rounds)) == [4, 4]
    for results in rounds:
        user_ids = {result["user_id"] for result in results}
        answer_ids = {result["answer_id"] for result in results}
        assert [tells_authors(each.frames, user_ids, answer_ids) for each in everybody] == [[]] * 5

    await ada.page.click("[name='host.again']")
    for each in everybody:
        await each.sees(".people")


async def a_round(ada, ben, cleo, dora, tv):
    """Everybody answers, and all but Cleo vote for her."""
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.answers(text)
        await each.sees(".stamp")
        assert await each.page.inner_text(".sent-text") == text
    await tv.page.wait_for_selector("text=3 of 4 have answered")
    await dora.answers("a whistle")
    for each in (ada, ben, cleo, dora):
        await each.sees(".choice")
        assert await each.page.locator(".choice input:disabled").count() == 1
    assert await ben.page.locator(".choice.own", has_text="a signed photo").count() == 1
    assert not await tv.page.locator(".own, .chosen, [name=vote]").count()
    for each in (ada, ben, dora):
        await each.votes_for("a parking ticket")
        await each.sees(".chosen")
    await cleo.votes_for("another coat")


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


async def test_what_stands_there_is_true_of_who_watches_of_a_pause_and_of_a_game_without_points(device):
    ada, ben, _cleo, code = await table(device)
    tv = await device(f"/{code}/screen", TV)
    await tv.sees(".qr")
    watcher = await watching(device, code)
    await watcher.page.wait_for_selector("text=You are watching. The host starts the game.")
    await ada.page.click("[name=more]")
    await ada.page.click("[name='host.lock']")
    await tv.page.wait_for_selector("text=The room is locked")

    await ada.page.click("[name='host.start']")
    await tv.page.wait_for_selector("text=Answer on your phone!")
    await ada.page.click("[name=more]")
    await ada.page.click("[name='host.pause']")
    await tv.sees(".paused")
    assert not await tv.page.locator("text=Answer on your phone!").count()
    await ada.page.click("[name='host.resume']")
    await tv.page.wait_for_selector("text=Answer on your phone!")

    await ada.page.click("[name='host.end']")
    for each in (ada, ben, watcher, tv):
        await each.page.wait_for_selector("h1:text-is('Nobody has won. What a game!')")
        assert await each.page.locator(".board li").count() == 3
        assert not await each.page.locator(".podium").count()


async def test_a_code_of_no_room_is_told_in_words(device):
    eve = await device("/ABC234")
    await eve.page.fill("[name=name]", "Eve")
    await eve.page.click("[name=join]")
    await eve.sees(".warning")
    assert await eve.page.inner_text(".warning") == "There is no such room, or it is closed."


async def test_an_address_that_is_no_code_leads_to_the_first_page_which_says_what_a_code_is(device):
    eve = await device("/ABC0I4")
    await eve.sees(".warning")
    assert await eve.page.inner_text(".warning") == "A code has six letters and digits, without 0, O, 1 and I."
    assert all("404" in complaint for complaint in eve.complaints)
    eve.complaints.clear()
    await eve.page.fill("[name=name]", "Eve")
    await eve.page.click("[name=make]")
    await eve.sees(".qr")
    assert not await eve.page.locator(".warning").count()
    await eve.page.go_back()
    await eve.sees(".warning")


async def test_what_went_wrong_is_not_said_any_more_when_the_next_try_goes_well(device):
    _ada, _ben, _cleo, code = await table(device)
    eve = await device("/")
    await eve.page.fill("[name=name]", "Eve")
    await eve.page.fill("[name=code]", code[:5])
    await eve.page.click("[name=join]")
    await eve.sees(".note")
    await eve.page.fill("[name=code]", code)
    await eve.page.click("[name=join]")
    await eve.sees(".people")
    assert not await eve.page.locator(".note").count()


async def test_what_is_typed_stays_when_a_note_goes(device):
    ada, _ben, _cleo, _code = await table(device)
    await ada.page.click("[name=more]")
    await ada.page.fill("[name=topic]", "lighthouses")
    await ada.sees(".note")
    await ada.page.wait_for_selector(".note", state="detached")
    assert await ada.page.input_value("[name=topic]") == "lighthouses"
    assert await ada.page.evaluate("document.activeElement.name") == "topic"
