"""The web client without a mouse, without a picture, without movement, and among guests who mean no good."""

import re

from tests.browser import TV, Device, in_a_browser, joined, table

pytestmark = in_a_browser
MOST_TABS = 40
FOCUS = """() => {
  const { activeElement: one } = document;
  const { outlineStyle, outlineWidth } = getComputedStyle(one.closest(".choice") ?? one);
  const isShown = one === document.body || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
  return { name: one.name ?? "", isShown };
}"""
LISTEN = """() => {
  window.heard = [];
  const said = document.querySelector("#said[aria-live=polite]");
  new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true });
}"""
SHORT_VOTES = "import('/static/play/app.js').then(({ app }) => app.room.updateSettings({ vote_seconds: 15 }))"
LONG_ANSWERS = "import('/static/play/app.js').then(({ app }) => app.room.updateSettings({ answer_seconds: 300 }))"
OUT_OF = """() => [...document.querySelectorAll("%s")].filter((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  const { left, right } = range.getBoundingClientRect();
  const box = one.closest("%s").getBoundingClientRect();
  return left < box.left || right > box.right;
}).map((one) => one.outerHTML)"""
OUTSIDE_ITS_RING = OUT_OF % (".timer-text", ".timer-text")
OUTSIDE_ITS_CARD = OUT_OF % (".code.big", ".card")
WATCH = """() => {
  const { dataset } = document.documentElement;
  dataset.moved = "";
  addEventListener("animationstart", ({ target, animationName }) => {
    if (parseFloat(getComputedStyle(target).animationDuration) > 0.01) dataset.moved += ` ${animationName}`;
  });
}"""
MOVED = """new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => done(document.documentElement.dataset.moved)));
})"""
OUTSIDE = """() => [...document.querySelectorAll("main :is(h1, .answer-text, .name, .points)")].filter((one) => {
  const { left, right } = one.getBoundingClientRect();
  const box = (one.closest("li, label, .question-box") ?? document.body).getBoundingClientRect();
  return left < box.left - 1 || right > box.right + 1;
}).map((one) => one.outerHTML)"""
BROKEN = """() => [...document.querySelectorAll(".timer-text, .marks")].filter((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return range.getClientRects().length !== 1;
}).map((one) => one.outerHTML)"""
IMAGE = "<img src=x onerror=alert(1)>"
EMOJIS = "🎉" * 200
UNBROKEN = "W" * 280
RIGHT_TO_LEFT = "שלום עולם"
OVERRIDE = "\u202eneb"


async def tab_to(device: Device, name: str) -> None:
    """Press Tab until what has this name has the focus, and shows it."""
    await device.sees(f"[name='{name}']:enabled")
    for _ in range(MOST_TABS):
        await device.page.keyboard.press("Tab")
        focus = await device.page.evaluate(FOCUS)
        assert focus["isShown"]
        if focus["name"] == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


async def test_a_whole_game_is_played_by_the_keyboard_alone(device):
    ada, dora = await device(), await device()
    for each in (ada, dora):
        await each.sees("[name=name]")
    await tab_to(ada, "name")
    await ada.page.keyboard.type("Ada")
    await tab_to(ada, "make")
    await ada.page.keyboard.press("Space")
    await ada.sees(".qr")
    code = ada.page.url.rpartition("/")[2]
    await tab_to(dora, "name")
    await dora.page.keyboard.type("Dora")
    await dora.page.keyboard.press("Tab")
    await dora.page.keyboard.type(f"{code[:3]}-{code[3:]}".lower())
    await dora.page.keyboard.press("Enter")
    await dora.sees(".people")

    await tab_to(ada, "more")
    await ada.page.keyboard.press("Enter")
    await tab_to(ada, "total_rounds")
    await ada.page.keyboard.press("Home")
    await tab_to(ada, "save")
    await ada.page.keyboard.press("Enter")
    await dora.page.wait_for_selector("text=/^1 round /")
    await tab_to(ada, "more")
    await ada.page.keyboard.press("Enter")
    await tab_to(ada, "host.start")
    await ada.page.keyboard.press("Enter")
    for each, text in ((ada, "another coat"), (dora, "a whistle")):
        await each.page.wait_for_selector("h1.question:focus")
        await tab_to(each, "answer")
        await each.page.keyboard.type(text)
        await each.page.keyboard.press("Enter")

    for each, text in ((ada, "a whistle"), (dora, "another coat")):
        await each.page.wait_for_selector("h1.question:focus")
        await tab_to(each, "vote")
        await each.page.keyboard.press("Space")
        assert await each.page.locator(".choice:has(:checked)").inner_text() == text
        await tab_to(each, "send")
        await each.page.keyboard.press("Enter")
    for each in (ada, dora):
        await each.page.wait_for_selector("h1.winner:focus")
    await tab_to(ada, "host.again")
    await ada.page.keyboard.press("Enter")
    await dora.page.wait_for_selector("h1:text('Waiting for players'):focus")


async def test_the_arrows_choose_among_the_answers_of_others(device):
    ada, ben, cleo, _code = await table(device)
    await ada.page.click("[name='host.start']")
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.answers(text)
    await ben.sees(".choice")
    await tab_to(ben, "vote")
    chosen = []
    for key in ("Space", "ArrowDown", "ArrowDown"):
        await ben.page.keyboard.press(key)
        chosen.append(await ben.page.locator(".choice:has(:checked)").inner_text())
    assert set(chosen) == {"another coat", "a parking ticket"}
    assert chosen[0] == chosen[2]


async def test_a_screen_reader_hears_each_phase_and_the_last_seconds_of_the_timer(device):
    ada, ben, cleo, _code = await table(device, rounds=2)
    await ada.page.evaluate(SHORT_VOTES)
    await ben.page.evaluate(LISTEN)
    await ada.page.click("[name='host.start']")
    await ben.sees(".question")
    question = await ben.page.inner_text(".question")
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.answers(text)
    await ben.votes_for("another coat")
    await ben.page.wait_for_selector("#said:text-is('5 seconds left')", state="attached")
    await ada.page.click("[name='host.reveal']")
    await ben.sees(".result")
    await ada.page.click("[name='host.next']")
    await ben.page.wait_for_selector("text=Round 2 of 2")
    await ada.page.click("[name=more]")
    await ada.page.click("[name='host.end']")
    await ben.sees(".podium")
    heard = await ben.page.evaluate("heard")
    # When one votes is a matter of how fast the machine is.
    assert [each for each in heard if each.endswith(" seconds left")] == ["10 seconds left", "5 seconds left"]
    phases = [each for each in heard if not each.endswith(" seconds left")]
    assert phases[:5] == [f"Round 1. {question}", "Sent!", "Time to vote.", "Voted!", "The results are in."]
    assert phases[5].startswith("Round 2. ")
    assert phases[-1] == "The game is over. Ada wins!"


async def test_nothing_moves_for_who_wants_no_movement(device):
    ada, tv = await a_game(device, "no-preference")
    await ada.sees("[data-moved~=stamp][data-moved~=reveal][data-moved~=grow]")
    await tv.sees("[data-moved~=float]")
    for each in await a_game(device, "reduce"):
        assert await each.page.evaluate(MOVED) == ""


async def a_game(device, wish: str) -> tuple[Device, Device]:
    """The host's phone and the TV at the end of a game, with this setting, and what has moved noted on their pages."""
    ada, ben, cleo, code = await table(device, reduced_motion=wish)
    tv = await device(f"/{code}/screen", TV, reduced_motion=wish)
    await tv.sees(".screen")
    for each in (ada, tv):
        await each.page.evaluate(WATCH)
    await ada.page.click("[name='host.start']")
    for each, text in ((ada, "another coat"), (ben, "a signed photo"), (cleo, "a parking ticket")):
        await each.answers(text)
        await each.sees(".stamp, .choice")
    await ben.votes_for("another coat")
    await ada.page.click("[name='host.reveal']")
    for each in (ada, tv):
        await each.sees(".podium")
    await ben.page.click("[aria-label=Applause]")
    await tv.page.wait_for_selector("#sky span", state="attached")
    return ada, tv


async def test_what_guests_write_is_text_and_breaks_no_screen(device):
    dialogs = []
    ada, ben, cleo, code = await table(device, guests=(IMAGE, RIGHT_TO_LEFT))
    dora = await joined(device, f"/{code}", UNBROKEN[:32])
    tv = await device(f"/{code}/screen", TV)
    everybody = (ada, ben, cleo, dora, tv)
    for each in everybody:
        each.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await each.page.wait_for_selector(f".person .name:text-is('{IMAGE}')")
        assert not await each.is_too_wide()
    await ada.page.click("[name='host.start']")
    for each, text in ((ada, UNBROKEN), (ben, IMAGE), (cleo, RIGHT_TO_LEFT), (dora, EMOJIS)):
        await each.answers(text)
    for each in (*everybody[:-1], tv):
        await each.page.wait_for_selector(f".answer-text:text-is('{IMAGE}')")
        texts = await each.page.locator(".answer-text").all_inner_texts()
        assert sorted(texts) == sorted([UNBROKEN, IMAGE, RIGHT_TO_LEFT, EMOJIS])
        assert not await each.is_too_wide()
        assert await each.page.evaluate(OUTSIDE) == []
    for each in (ada, cleo, dora):
        await each.votes_for(IMAGE)
    await ben.votes_for(EMOJIS)
    for each in everybody:
        await each.sees(".podium")
        assert await each.page.inner_text("h1") == f"{IMAGE} wins!"
        assert not await each.is_too_wide()
        assert await each.page.evaluate(OUTSIDE) == []
        assert await each.page.locator("#app img").count() == 0
    assert not await tv.scrolls()
    assert dialogs == []


async def test_a_long_time_and_what_stands_beside_a_long_name_stay_on_one_line(device):
    ada, _ben, _cleo, code = await table(device)
    dora = await joined(device, f"/{code}", UNBROKEN[:32])
    await dora.page.wait_for_selector(".marks:text-is('you')")
    assert await dora.page.evaluate(BROKEN) == []
    await ada.page.evaluate(LONG_ANSWERS)
    await ada.page.click("[name='host.start']")
    tv = await device(f"/{code}/screen", TV)
    await ada.page.click("[name=more]")
    for _ in range(10):
        await ada.page.click("[name='host.time']")
    for each in (ada, dora, tv):
        await each.page.wait_for_selector(".timer-text:text-matches('^(10:00|9:..)$')")
        assert await each.page.evaluate(BROKEN) == []
        assert await each.page.evaluate(OUTSIDE_ITS_RING) == []


async def test_a_code_of_the_widest_letters_stays_on_its_card(device):
    ada, _ben, _cleo, code = await table(device)
    tv = await device(f"/{code}/screen", TV)
    await tv.sees(".code.big")
    phones = [{"width": width, "height": 640} for width in (320, 360, 640, 700, 800, 1024)]
    for each, sizes in ((ada, phones), (tv, [TV, {"width": 1280, "height": 720}])):
        await each.page.evaluate("document.querySelector('.code.big').firstChild.data = 'MMMMMM'")
        for size in sizes:
            await each.page.set_viewport_size(size)
            assert await each.page.evaluate(OUTSIDE_ITS_CARD) == [], size
            assert not await each.is_too_wide()


async def test_what_turns_text_around_is_refused_in_words(device):
    ada, ben, _cleo, code = await table(device)
    eve = await device(f"/{code}")
    await eve.page.fill("[name=name]", OVERRIDE)
    await eve.page.click("[name=join]")
    await eve.sees(".note")
    assert re.match("Please enter a name", await eve.page.inner_text(".note"))
    await ada.page.click("[name='host.start']")
    await ben.answers(OVERRIDE)
    await ben.sees(".note")
    assert await ben.page.inner_text(".note") == "This answer cannot be sent as it is. Please change it."
    assert await ben.page.input_value("[name=answer]") == OVERRIDE
    await ben.answers("a whistle")
    await ben.sees(".stamp")


async def test_who_imitates_a_name_or_the_host_is_told_from_them_in_each_list(device):
    ada, twin, _impostor, _code = await table(device, guests=("\uff21d\u200da", "Host"))
    tags = await ada.page.locator(".people:not(.manage) .person .tag").all_inner_texts()
    assert len(set(tags)) == 2
    marked = ada.page.locator(".people:not(.manage) .person:has(.marks:has-text('Host'))")
    assert await marked.count() == 1
    assert await marked.locator(".name").inner_text() == "Ada"
    assert await ada.page.locator(".person:has(.name:text-is('Host')) :is(.tag, .marks)").count() == 0

    await ada.page.click("[name=more]")
    labels = [await ada.page.get_by_label(f"Remove \u2068\uff21d\u200da\u2069 {tag}").count() for tag in tags]
    assert sorted(labels) == [0, 1]
    await ada.page.click("[name=more]")

    await ada.page.click("[name='host.start']")
    await ada.answers("another coat")
    await twin.answers("a parking ticket")
    await ada.page.click("[name='host.vote']")
    await ada.votes_for("a parking ticket")
    await twin.votes_for("another coat")
    await ada.page.click("[name='host.reveal']")
    await ada.sees(".podium")
    for shown in (".board", ".podium", ".answers"):
        assert set(await ada.page.locator(f"{shown} .tag").all_inner_texts()) == set(tags)
    assert not await ada.is_too_wide()
