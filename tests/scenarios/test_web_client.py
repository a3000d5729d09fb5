"""The web client in a real browser: a host, phones and a big screen play whole games."""

from tests.browser import TV, in_a_browser, table, tells_authors

pytestmark = in_a_browser


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


async def test_what_is_typed_stays_when_a_note_goes(device):
    ada, _ben, _cleo, _code = await table(device)
    await ada.page.click("[name=more]")
    await ada.page.fill("[name=topic]", "lighthouses")
    await ada.sees(".note")
    await ada.page.wait_for_selector(".note", state="detached")
    assert await ada.page.input_value("[name=topic]") == "lighthouses"
    assert await ada.page.evaluate("document.activeElement.name") == "topic"
