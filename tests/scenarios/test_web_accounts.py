"""Accounts on the page: who wants one is the same user everywhere, and nobody needs one."""

from tests.browser import TV, Device, chromium, in_a_browser, joined
from tests.scenarios.account_holders import PASSWORD, an_address, begins, fills, forgiven, is_told, registered
from tests.serving import clean_server

pytestmark = in_a_browser


async def test_a_guest_who_registers_keeps_his_seat_and_finds_it_on_another_device(device):
    ada = await device("/", TV)
    await ada.page.fill("[name=name]", "Ada")
    await ada.page.click("[name=make]")
    await ada.sees(".qr")
    ben = await joined(device, ada.page.url, "Ben")
    code = ada.page.url.rpartition("/")[2]
    user_id = "import('/static/play/app.js').then(({ app }) => app.client.user.id)"
    before = await ben.page.evaluate(user_id)

    await ben.page.goto(ada.page.url.replace(code, ""))
    await begins(ben, "register")
    await ben.page.wait_for_selector("text=You keep your seats.")
    assert await ben.page.input_value("[name=display_name]") == "Ben"
    address = an_address()
    await fills(ben, email=address, password=PASSWORD)
    await ben.page.wait_for_selector(f"text=Logged in as {address}")
    assert await ben.page.evaluate(user_id) == before
    await ben.page.click(f"a:has-text('{code}')")
    await ben.page.wait_for_selector(".person:has-text('Ben'):has-text('you')")

    other = await device("/")
    await begins(other)
    await fills(other, email=address.upper(), password=PASSWORD)
    await other.page.click(f"a:has-text('{code}')")
    await other.page.click("[name=join]")
    await other.page.wait_for_selector(".person:has-text('Ben'):has-text('you')")
    assert await other.page.evaluate(user_id) == before
    assert await ada.page.locator(".person").count() == 2
    assert not await other.is_too_wide()


async def test_who_logs_out_is_nobody_here_and_can_play_as_a_guest(device):
    ben = await registered(device, an_address())
    await ben.page.reload()
    await ben.page.wait_for_selector("text=You are Ben.")
    token = await ben.page.evaluate("import('/static/play/app.js').then(({ app }) => app.client.token)")
    await ben.page.click("[name=logout]")
    await ben.sees("input:visible[name=name]")
    await ben.page.wait_for_selector("h1:focus")
    answer = await ben.page.context.request.get(
        ben.page.url + "api/auth/me", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status == 401
    await ben.page.reload()
    await ben.page.fill("[name=name]", "Benjamin")
    await ben.page.click("[name=make]")
    await ben.page.wait_for_selector(".person:has-text('Benjamin')")


async def test_a_room_that_is_made_with_an_account_is_the_account_s(device):
    ben = await registered(device, an_address())
    await ben.page.click("[name=make]")
    await ben.page.wait_for_selector(".person:has-text('Ben'):has-text('you')")
    user = await ben.page.evaluate("import('/static/play/app.js').then(({ app }) => app.client.user)")
    assert user["guest"] is False


async def test_what_is_wrong_is_told_at_its_field(device):
    address = an_address()
    ben = await registered(device, address)
    eve = await device("/")
    await begins(eve)
    await fills(eve, email=address, password="three words only")
    assert await is_told(eve, "password") == "The address or the password is wrong."
    await fills(eve, email="nobody@example.org", password=PASSWORD)
    assert await is_told(eve, "password") == "The address or the password is wrong."
    await eve.page.click("[name=other]")
    await fills(eve, display_name="Eve", email=address, password=PASSWORD)
    assert await is_told(eve, "email") == "Somebody has registered with this address."
    await fills(eve, email="eve")
    assert await is_told(eve, "email") == "This is no e-mail address."
    await fills(eve, email=an_address(), password="short")
    assert await is_told(eve, "password") == "A password has at least 8 characters, and 256 at most."
    await fills(eve, password=PASSWORD, display_name=" ")
    assert await is_told(eve, "display_name") == "Please enter a name of at most 32 characters."
    assert not await eve.is_too_wide()
    await fills(eve, display_name="Eve")
    await eve.page.wait_for_selector("text=You are Eve.")
    await forgiven(eve)
    assert await ben.page.locator("text=You are Ben.").count()


async def test_who_has_tried_too_often_is_told_how_long_to_wait(device):
    async with clean_server(RATE_LIMITS="on", LOGINS_PER_ACCOUNT="1") as server:
        eve = await device(f"{server.url}/")
        await begins(eve)
        await fills(eve, email="ben@example.org", password="a guess of mine")
        assert await is_told(eve, "password") == "The address or the password is wrong."
        await fills(eve, password="another guess")
        await eve.page.wait_for_selector("#password-wrong:has-text('Too many tries. Try again in 15 minutes.')")
        await forgiven(eve)


async def test_a_guest_whose_login_is_over_is_told_before_he_becomes_somebody_else(device):
    ben = await device("/", TV)
    await ben.page.fill("[name=name]", "Ben")
    await ben.page.click("[name=make]")
    await ben.sees(".qr")
    home = ben.page.url.rpartition("/")[0] + "/"
    await ben.page.goto(home)
    await begins(ben, "register")
    # As it is when it has just expired: his socket does not know yet.
    over = {"status": 401, "json": {"code": "unauthenticated"}}
    await ben.page.route("**/api/auth/register", lambda route: route.fulfill(**over), times=1)
    await fills(ben, email=an_address(), password=PASSWORD)
    await ben.page.wait_for_selector("text=Your login here is over.")
    await ben.page.wait_for_selector("text=You keep your seats.", state="detached")
    await ben.page.click("form [name=send]")
    await ben.page.wait_for_selector("text=You are Ben.")
    await forgiven(ben)


async def test_one_logs_in_by_the_keyboard_alone(device):
    address = an_address()
    await registered(device, address)
    ben = await device("/")
    await ben.page.focus("[name=account]")
    await ben.page.keyboard.press("Enter")
    await ben.page.wait_for_selector("h1:focus")
    await ben.page.keyboard.press("Tab")
    await ben.page.keyboard.type(address)
    await ben.page.keyboard.press("Tab")
    await ben.page.keyboard.type(PASSWORD)
    await ben.page.keyboard.press("Enter")
    await ben.page.wait_for_selector("text=You are Ben.")


async def test_a_page_that_is_not_encrypted_says_so_before_one_types_a_password(device, server_url):
    ben = await device("/")
    await begins(ben)
    assert not await ben.page.locator("main .warning").count()
    port = server_url.rpartition(":")[2]
    async with chromium("--host-resolver-rules=MAP game.example.org 127.0.0.1") as browser:
        cleo = Device(await browser.new_page())
        await cleo.page.goto(f"http://game.example.org:{port}/")
        await begins(cleo, "register")
        assert "not encrypted" in await cleo.page.inner_text("main .warning")
        await fills(cleo, display_name="Cleo", email=an_address(), password=PASSWORD)
        await cleo.page.wait_for_selector("text=You are Cleo.")
        # The browser itself says that it does without a header there.
        assert [text for text in cleo.complaints if "Cross-Origin-Opener-Policy" not in text] == []
