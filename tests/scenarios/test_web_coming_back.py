"""Whoever loads his page anew, loses the network or the server, or opens more tabs, is in his seat again."""

from tests.browser import TV, Device, in_a_browser, joined, table

pytestmark = in_a_browser
TABS = 5
"""So many connections one user may have: `sockets_per_user` in protocol/v1.md."""


async def loaded_anew(*everybody: Device) -> None:
    for each in everybody:
        await each.page.reload()


async def test_after_a_reload_in_any_phase_one_has_his_seat_and_what_he_has_done(device):
    ada, ben, cleo, code = await table(device)
    tv = await device(f"/{code}/screen", TV)
    await loaded_anew(ada, ben, tv)
    await ben.page.wait_for_selector(".person:has-text('Ben') .marks:text('you')")
    await ada.sees("[name='host.start']:enabled")
    await tv.sees(".screen .person:has-text('Cleo')")

    await ada.page.click("[name='host.start']")
    await ben.page.fill("[name=answer]", "a signed photo")
    await loaded_anew(ada, ben, tv)
    await tv.sees(".question")
    await ben.sees("[name=answer]")
    assert await ben.page.input_value("[name=answer]") == "a signed photo"
    await ben.page.click("form [name=send]")
    await ben.sees(".stamp")
    await loaded_anew(ben)
    await ben.sees(".stamp")
    assert await ben.page.inner_text(".sent-text") == "a signed photo"
    assert not await ben.page.locator("[name=answer]").count()
    await ada.answers("another coat")
    await cleo.answers("a parking ticket")

    await ben.sees(".choice")
    shown = await ben.page.locator(".choice .answer-text").all_inner_texts()
    await loaded_anew(ada, ben, tv)
    await ben.sees(".choice")
    assert await ben.page.locator(".choice .answer-text").all_inner_texts() == shown
    assert await ben.page.locator(".choice.own").inner_text() == "a signed photo\nyours"
    await tv.sees(".answer")
    assert not await tv.page.locator(".own, .chosen, [name=vote]").count()
    await ben.votes_for("a parking ticket")
    await ben.sees(".chosen")
    await loaded_anew(ben)
    await ben.sees(".chosen:has-text('a parking ticket')")
    assert not await ben.page.locator("[name=vote]").count()
    await ada.sees("[name=more]")
    await ada.votes_for("a parking ticket")
    await cleo.votes_for("another coat")

    for each in (ada, ben, tv):
        await each.sees(".podium")
        before = await each.page.inner_text("main")
        await loaded_anew(each)
        await each.sees(".podium")
        assert await each.page.inner_text("main") == before
    await ada.sees("[name='host.again']:enabled")


async def test_after_a_reload_among_the_results_they_are_there_and_the_game_goes_on(device):
    ada, ben, cleo, _code = await table(device, rounds=2)
    await ada.page.click("[name='host.start']")
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.answers(text)
    for each, text in ((ada, "a signed photo"), (ben, "another coat"), (cleo, "a signed photo")):
        await each.votes_for(text)
    for each in (ada, ben):
        await each.sees(".result")
        before = await each.page.inner_text("main")
        await loaded_anew(each)
        await each.sees(".result")
        assert await each.page.inner_text("main") == before
    await ada.page.click("[name='host.next']")
    await ben.page.wait_for_selector("text=Round 2 of 2")
    assert await ben.page.input_value("[name=answer]") == ""


async def test_who_was_cut_off_sees_what_he_missed_and_what_he_sent_is_there(device, network):
    ada, ben, _cleo, code = await table(device)
    eve = await joined(device, f"{network.url}/{code}", "Eve")
    await ada.page.click("[name='host.start']")
    await eve.sees("[name=answer]")
    network.cut()
    await eve.sees(".connection:not([hidden])")
    await eve.answers("a whistle")
    await eve.page.wait_for_selector("text=as soon as there is one")
    network.heal()
    await eve.sees(".stamp")
    assert await eve.page.inner_text(".sent-text") == "a whistle"
    await ben.answers("a signed photo")
    await ben.page.wait_for_selector("text=2 of 4 have answered")

    network.cut()
    await eve.sees(".connection:not([hidden])")
    await ada.page.click("[name='host.vote']")
    await ben.sees(".choice")
    assert await eve.page.locator(".stamp").count()
    network.heal()
    await eve.sees(".choice")
    assert not await eve.page.locator(".connection:not([hidden])").count()
    await eve.votes_for("a signed photo")
    await ada.page.wait_for_selector("text=1 of 4 have voted")


async def test_a_phone_without_a_network_for_a_moment_loses_nothing(device):
    ada, ben, _cleo, _code = await table(device)
    await ada.page.click("[name='host.start']")
    await ben.sees("[name=answer]")
    await ben.page.context.set_offline(True)
    await ben.answers("a signed photo")
    await ben.page.wait_for_selector("text=Sending")
    assert not await ben.page.locator(".stamp").count()
    await ben.page.context.set_offline(False)
    await ben.sees(".stamp")
    await ada.answers("another coat")
    await ada.page.wait_for_selector("text=2 of 3 have answered")


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


async def test_a_seat_may_be_played_from_two_tabs(device):
    ada, ben, _cleo, _code = await table(device)
    tab = Device(await ben.page.context.new_page())
    await tab.page.goto(ben.page.url)
    await ada.page.click("[name='host.start']")
    for each in (ben, tab):
        await each.sees("[name=answer]")
    await tab.answers("a signed photo")
    for each in (ben, tab):
        await each.sees(".stamp")
        assert await each.page.inner_text(".sent-text") == "a signed photo"
    await ada.answers("another coat")
    await ada.page.wait_for_selector("text=2 of 3 have answered")
    await ada.page.click("[name='host.vote']")
    for each in (ben, tab):
        await each.sees(".choice.own:has-text('a signed photo')")
    await ben.votes_for("another coat")
    for each in (ben, tab):
        await each.sees(".chosen:has-text('another coat')")
    await ada.page.wait_for_selector("text=1 of 3 have voted")
    assert tab.complaints == []


async def test_a_tab_too_many_takes_over_from_the_first_which_may_take_its_seat_back(device):
    ada, ben, _cleo, _code = await table(device)
    for _ in range(TABS):
        tab = await ben.page.context.new_page()
        await tab.goto(ben.page.url)
        await tab.wait_for_selector(".people")
    await ben.page.wait_for_selector("text=in another tab")
    assert not await ben.page.locator(".people").count()
    await ben.page.click("text=Try again")
    await ben.page.wait_for_selector(".person:has-text('Ben') .marks:text('you')")
    assert await ada.page.locator(".person", has_text="Ben").count() == 1
    assert not await ada.page.locator(".person.away").count()
