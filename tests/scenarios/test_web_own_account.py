"""One's own account on the page: another password, and no account any more."""

import pytest

from tests.browser import TV, in_a_browser, table
from tests.scenarios.account_holders import PASSWORD, an_address, begins, fills, forgiven, is_told, registered
from tests.serving import clean_server

pytestmark = in_a_browser

ANOTHER = "five words are even better"
BAD_PASSWORD = "A password has at least 8 characters, and 256 at most."
KEPT = "localStorage.getItem(`votegame:${location.origin}`)"
AT_ONCE = """async () => {
  document.querySelector("[name=delete]").click();
  await null;
  return document.querySelector("[name=sure]").disabled;
}"""
"""Whether the second word can be said when the question is drawn, before any time has passed."""


async def opens(person) -> None:
    """Go to the page about one's own account."""
    await person.page.click("[name=own]")
    await person.sees("h1:text-is('Your account'):focus")


async def changes(person, old_password: str, new_password: str) -> None:
    await fills(person, old_password=old_password, new_password=new_password)


async def logs_in(device, address: str, password: str):
    person = await device("/")
    await begins(person)
    await fills(person, email=address, password=password)
    return person


async def plays_elsewhere(device, address: str):
    """The same user on another device, in a room."""
    person = await logs_in(device, address, PASSWORD)
    await person.page.click("[name=make]")
    await person.sees(".qr")
    return person


async def is_asked(person) -> None:
    """Open one's account and wish it deleted."""
    await opens(person)
    await person.page.click("[name=delete]")
    await person.sees("h1:text-is('Really delete your account?'):focus")


async def is_stranger(person) -> bool:
    """Nothing here is anybody's: it asks for a name, knows no room, and nothing is kept."""
    await person.sees("input:visible[name=name]")
    shown = await person.page.locator("[name=account]").count(), await person.page.locator("#back").count()
    return shown == (1, 0) and await person.page.evaluate(KEPT) is None


async def test_who_changes_the_password_logs_in_with_the_new_one_alone_and_is_logged_out_elsewhere(device):
    address = an_address()
    ben, elsewhere = await registered(device, address), await plays_elsewhere(device, address)

    await opens(ben)
    await changes(ben, PASSWORD, ANOTHER)
    await ben.sees(".note[role=alert]:text-is('Your password is changed.')")
    await ben.sees("h1:focus")
    await elsewhere.sees("h1:text-is('Your login here is over.')")

    eve = await logs_in(device, address, PASSWORD)
    assert await is_told(eve, "password") == "The address or the password is wrong."
    await fills(eve, password=ANOTHER)
    await eve.sees("text=You are Ben.")
    await forgiven(eve)


async def test_the_page_goes_on_with_the_login_after_another_password(device):
    ben = await registered(device, an_address())
    await ben.page.click("[name=make]")
    await ben.sees(".qr")
    code = ben.page.url.rpartition("/")[2]
    await ben.page.goto(ben.page.url.removesuffix(code))
    await opens(ben)
    await changes(ben, PASSWORD, ANOTHER)
    await ben.page.click(f"a:has-text('{code}')")
    await ben.page.click("[name=more]")
    await ben.page.click("[name='host.lock']")
    await ben.sees("text=The room is locked")
    await ben.page.reload()
    await ben.sees("text=The room is locked")
    await ben.sees(".person:has-text('Ben'):has-text('you')")


async def test_what_is_wrong_with_a_password_is_told_at_its_field(device):
    ben = await registered(device, an_address())
    await opens(ben)
    await changes(ben, "three words only", ANOTHER)
    assert await is_told(ben, "old_password") == "This is not your password."
    for bad in ("short", "x" * 257, "x" * 20_000):
        await changes(ben, PASSWORD, bad)
        assert await is_told(ben, "new_password") == BAD_PASSWORD
    assert not await ben.is_too_wide()
    busy = {"status": 503, "json": {"code": "unavailable", "retryable": True}}
    await ben.page.route("**/api/auth/password", lambda route: route.fulfill(**busy), times=1)
    await changes(ben, PASSWORD, ANOTHER)
    assert (await is_told(ben, "old_password")).startswith("The server cannot do this just now.")
    await changes(ben, PASSWORD, ANOTHER)
    await ben.sees("text=You are Ben.")
    await forgiven(ben, "(?:4|503)")


async def test_who_guesses_at_the_password_too_often_is_told_how_long_to_wait(device):
    async with clean_server(RATE_LIMITS="on", LOGINS_PER_ACCOUNT="1") as server:
        ben = await registered(device, an_address(), path=f"{server.url}/")
        await opens(ben)
        await changes(ben, "a guess of mine", ANOTHER)
        assert await is_told(ben, "old_password") == "This is not your password."
        await changes(ben, PASSWORD, ANOTHER)
        await ben.sees("#old_password-wrong:has-text('Too many tries. Try again in 15 minutes.')")
        await forgiven(ben)


async def lose_the_answer(route) -> None:
    """Have the server do what it is asked, and cut the connection before the page hears of it."""
    await route.fetch()
    await route.abort()


async def test_who_got_no_answer_is_told_that_the_new_password_may_hold(device):
    ben = await registered(device, an_address())
    await opens(ben)
    await ben.page.route("**/api/auth/password", lose_the_answer, times=1)
    await changes(ben, PASSWORD, ANOTHER)
    await ben.sees(".note:has-text('No connection.')")
    await changes(ben, PASSWORD, ANOTHER)
    assert "the new one holds already" in await is_told(ben, "old_password")
    await changes(ben, ANOTHER, ANOTHER)
    await ben.sees("text=You are Ben.")
    await forgiven(ben)


async def test_an_account_is_deleted_at_the_second_word_and_not_before(device):
    address = an_address()
    ben, elsewhere = await registered(device, address), await plays_elsewhere(device, address)
    await is_asked(ben)
    told = await ben.page.inner_text("main")
    assert address in told
    assert "Your name, your answers and your points" in told
    await ben.page.click("[name=keep]")
    await ben.sees("h1:text-is('Your account'):focus")
    await ben.page.click("[name=back]")
    await ben.page.reload()
    await ben.sees("text=You are Ben.")

    await is_asked(ben)
    await ben.page.click("[name=sure]")
    await ben.sees(".note[role=alert]:text-is('Your account is deleted.')")
    await ben.sees("h1:focus")
    assert await is_stranger(ben)
    await elsewhere.sees("h1:text-is('Your login here is over.')")
    await ben.page.reload()
    assert await is_stranger(ben)
    eve = await logs_in(device, address, PASSWORD)
    assert await is_told(eve, "password") == "The address or the password is wrong."
    await forgiven(eve)


async def test_who_touches_twice_has_not_said_the_second_word(device):
    ben = await registered(device, an_address())
    await opens(ben)
    assert await ben.page.evaluate(AT_ONCE)
    await ben.sees("[name=sure]:enabled")


async def test_the_game_goes_on_without_the_member_who_deletes_his_account(device):
    address = an_address()
    ben = await registered(device, address)
    ada, cleo, code = await table(device, guests=("Cleo",))
    await ben.page.goto(ada.page.url)
    await ben.page.click("[name=join]")
    await ben.sees(".people")
    await ada.page.click("[name='host.start']")
    await ben.sees(".question")
    home = ada.page.url.removesuffix(code)
    await ben.page.goto(home)
    await is_asked(ben)
    await ben.page.click("[name=sure]")
    await ben.sees(".note:text-is('Your account is deleted.')")
    assert await is_stranger(ben)
    login = {"email": address, "password": PASSWORD}
    assert (await ben.page.context.request.post(f"{home}api/auth/login", data=login)).status == 401
    await ben.page.goto(ada.page.url)
    await ben.sees("input:visible[name=name]")

    await ada.answers("another coat")
    await cleo.answers("a parking ticket")
    await ada.votes_for("a parking ticket")
    await cleo.votes_for("another coat")
    for each in (ada, cleo):
        await each.sees(".podium")
    await ada.page.click("[name=more]")
    await ada.sees(".person.away:has-text('Ben')")


async def test_who_deletes_his_account_where_the_door_of_a_room_was_is_at_the_first_page_then(device):
    ada, _cleo, _code = await table(device, guests=("Cleo",))
    ben = await registered(device, an_address())
    await ben.page.goto(ada.page.url)
    await is_asked(ben)
    await ben.page.click("[name=sure]")
    await ben.sees("[name=make]")
    assert ben.page.url.count("/") == 3
    assert await is_stranger(ben)


async def test_an_account_whose_login_is_over_is_not_said_to_be_deleted(device):
    ben = await registered(device, an_address(), size=TV)
    await is_asked(ben)
    over = {"status": 401, "json": {"code": "unauthenticated"}}
    await ben.page.route("**/api/auth/me", lambda route: route.fulfill(**over), times=1)
    await ben.page.click("[name=sure]")
    await ben.sees(".note:has-text('Your login here is over.')")
    assert await is_stranger(ben)
    await forgiven(ben)


async def test_an_account_is_kept_when_the_server_cannot_delete_it(device):
    ben = await registered(device, an_address(), size=TV)
    await is_asked(ben)
    busy = {"status": 503, "json": {"code": "unavailable", "retryable": True}}
    await ben.page.route("**/api/auth/me", lambda route: route.fulfill(**busy), times=1)
    await ben.page.click("[name=sure]")
    await ben.sees(".note:has-text('The server cannot do this just now.')")
    await ben.page.click("[name=keep]")
    await ben.page.click("[name=back]")
    await ben.sees("text=You are Ben.")
    await forgiven(ben, "503")


@pytest.mark.parametrize(
    ("locale", "offline", "over", "unsure"),
    [
        ("en", "No connection.", "Your login here is over.", "It is not known whether your account is deleted."),
        ("de", "Keine Verbindung.", "Deine Anmeldung", "Es ist nicht bekannt, ob dein Konto gelöscht ist."),
    ],
)
async def test_who_got_no_answer_is_told_how_to_find_out_whether_the_account_is_deleted(
    device, locale, offline, over, unsure
):
    address = an_address()
    ben = await registered(device, address, locale=locale)
    await ben.page.click("[name=own]")
    await ben.page.click("[name=delete]")
    await ben.page.route("**/api/auth/me", lose_the_answer, times=1)
    await ben.page.click("[name=sure]")
    await ben.sees(f".note[role=alert]:has-text('{offline}'):has-text('{unsure}')")
    assert not await ben.is_too_wide()
    await ben.page.click("[name=sure]")
    await ben.sees(f".note[role=alert]:has-text('{over}'):has-text('{unsure}')")
    assert await is_stranger(ben)
    await begins(ben)
    await fills(ben, email=address, password=PASSWORD)
    await is_told(ben, "password")
    await forgiven(ben)


async def test_who_got_no_answer_can_log_out_to_see_whether_the_account_is_deleted(device):
    ben = await registered(device, an_address())
    await is_asked(ben)
    await ben.page.route("**/api/auth/me", lose_the_answer, times=1)
    await ben.page.click("[name=sure]")
    await ben.page.click("[name=keep]")
    await ben.page.click("[name=back]")
    await ben.page.click("[name=logout]")
    assert await is_stranger(ben)
    await forgiven(ben)


async def test_the_keyboard_alone_is_enough_for_both(device):
    ben = await registered(device, an_address())
    press, write = ben.page.keyboard.press, ben.page.keyboard.type
    await ben.page.focus("[name=own]")
    await press("Enter")
    await ben.sees("h1:text-is('Your account'):focus")
    await press("Tab")
    await write(PASSWORD)
    await press("Tab")
    await write(ANOTHER)
    await press("Enter")
    await ben.sees("[name=own]")
    await ben.sees("h1:focus")
    await ben.page.focus("[name=own]")
    await press("Enter")
    await ben.sees("h1:text-is('Your account'):focus")
    for _ in ("old_password", "new_password", "send", "delete"):
        await press("Tab")
    await press("Enter")
    await ben.sees("h1:text-is('Really delete your account?'):focus")
    await ben.sees("[name=sure]:enabled")
    await press("Tab")
    await press("Space")
    await ben.sees("input:visible[name=name]")
    await ben.sees("h1:focus")
