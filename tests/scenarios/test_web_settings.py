"""All settings of a room on the page, and the host's own questions, within the bounds that the protocol names."""

import json

from tests.browser import in_a_browser, joined
from tests.serving import ROOT

pytestmark = in_a_browser

SETTINGS = json.loads((ROOT / "protocol" / "settings.json").read_bytes())


async def hosting(device):
    """A host with all settings before him."""
    ada = await device("/")
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=make]")
    await ada.page.click("[name=more]")
    await ada.page.click(".rare summary")
    return ada


async def save(person) -> None:
    await person.page.click("[name=save]")
    await person.page.wait_for_selector("text=Saved.")


async def in_force(person) -> dict:
    return await person.page.evaluate("import('/static/play/app.js').then(({ app }) => app.state.settings)")


async def is_refused(person, name: str) -> str:
    """Why the field, which has the focus then, was not taken."""
    await person.page.wait_for_selector(f"[name={name}][aria-invalid=true]:focus")
    warning = person.page.locator(f"#{name}-wrong")
    assert f"{name}-wrong" in await person.page.get_attribute(f"[name={name}]", "aria-describedby")
    return await warning.inner_text()


async def test_each_setting_has_a_field_that_offers_what_the_protocol_allows(device):
    ada = await hosting(device)
    for name, setting in SETTINGS.items():
        control = ada.page.locator(f"form.settings [name={name}]")
        assert await control.is_visible(), name
        assert await ada.page.locator(f"label[for={await control.get_attribute('id')}]").is_visible(), name
        offered = await control.evaluate("one => [...(one.options ?? [])].map(each => each.value)")
        if setting["type"] == "integer" and offered:
            least, most, also = setting["minimum"], setting["maximum"], setting.get("also", [])
            assert all(least <= int(each) <= most or int(each) in also for each in offered), name
        elif "values" in setting:
            assert set(offered) == set(setting["values"]), name
    # This server has fewer seats than others.
    assert await ada.page.get_attribute("[name=max_players]", "max") == "10"
    assert await ada.page.get_attribute("[name=max_players]", "min") == str(SETTINGS["max_players"]["minimum"])
    assert await ada.page.get_attribute("[name=topic]", "maxlength") == str(SETTINGS["topic"]["max_chars"])


async def test_what_a_host_chooses_holds_and_is_there_when_he_looks_again(device):
    ada = await hosting(device)
    wanted = {"late_join": "false", "vote_updates": "progress", "host_away": "wait"}
    for name, value in wanted.items():
        await ada.page.select_option(f"[name={name}]", value)
    await ada.page.fill("[name=max_players]", "4")
    await save(ada)
    held = await in_force(ada)
    assert (held["max_players"], held["late_join"]) == (4, False)
    assert (held["vote_updates"], held["host_away"], held["moderation"]) == ("progress", "wait", "off")
    await ada.page.reload()
    await ada.page.click("[name=more]")
    assert await ada.page.input_value("[name=max_players]") == "4"
    assert {name: await ada.page.input_value(f"[name={name}]") for name in wanted} == wanted


async def test_what_cannot_be_is_told_at_its_field_and_the_rest_is_not_lost(device):
    ada = await hosting(device)
    await ada.page.select_option("[name=total_rounds]", "5")
    for text in ("1", "11", "2.5", ""):
        await ada.page.fill("[name=max_players]", text)
        await ada.page.click("[name=save]")
        assert await is_refused(ada, "max_players") == "A whole number from 2 to 10, please."
    await ada.page.fill("[name=max_players]", "10")
    await ada.page.select_option("[name=moderation]", "on")
    await ada.page.click("[name=save]")
    assert await is_refused(ada, "moderation") == "This server has nobody who could check answers."
    assert not await ada.page.locator("[name=max_players][aria-invalid]").count()
    await ada.page.select_option("[name=moderation]", "off")
    await ada.page.fill("[name=topic]", "food\u202eand drink")
    await ada.page.click("[name=save]")
    assert await is_refused(ada, "topic") == "This topic cannot be used as it is. Please change it."
    await ada.page.fill("[name=topic]", "food and drink")
    # A field whose fault is in a part that was closed meanwhile is shown.
    await ada.page.fill("[name=max_players]", "0")
    await ada.page.click(".rare summary")
    await ada.page.click("[name=save]")
    await is_refused(ada, "max_players")
    await ada.page.fill("[name=max_players]", "10")
    await save(ada)
    assert (await in_force(ada))["total_rounds"] == 5
    assert not await ada.page.locator(".wrong").count()


async def test_own_questions_are_asked_first_and_shown_to_nobody_before(device):
    ada = await hosting(device)
    ben = await joined(device, ada.page.url, "Ben")
    most, longest = SETTINGS["questions"]["max_items"], SETTINGS["questions"]["max_chars"]
    refused = {
        "\n".join(f"What is {n}?" for n in range(most + 1)): "Those are 21 questions. 20 are possible.",
        f"Why?\n\n{'x' * (longest + 1)}": "Question 2 is too long: 120 characters are possible.",
        "Why?\nHow?\n WHY?": "Question 3 cannot be asked: it is like one before it, or holds what cannot be shown.",
    }
    for text, why in refused.items():
        await ada.page.fill("[name=questions]", text)
        await ada.page.click("[name=save]")
        assert await is_refused(ada, "questions") == why
    # As long as one may be, in characters of two units each.
    await ada.page.fill("[name=questions]", "🦊" * longest)
    await save(ada)
    await ada.page.wait_for_selector("text=1 question of yours waits.")
    await ada.page.click("[name=back]")
    await ada.page.wait_for_selector("text=Up to 20.")
    await ada.page.wait_for_selector("[name=questions]:focus")
    await ada.page.fill("[name=questions]", "Which of us would be the worst spy?\r\n\r\n  What does Ben hum?  ")
    await save(ada)
    await ada.page.wait_for_selector("text=2 questions of yours wait.")
    assert await ada.page.input_value("[name=questions]") == ""
    # Another change leaves them as they are.
    await ada.page.select_option("[name=total_rounds]", "1")
    await save(ada)
    await ada.page.wait_for_selector("text=2 questions of yours wait.")
    assert "worst spy" not in json.dumps(ben.frames)
    await ada.page.click("[name='host.start']")
    await ben.page.wait_for_selector("h1:has-text('Which of us would be the worst spy?')")
    assert "hum" not in json.dumps(ben.frames)
