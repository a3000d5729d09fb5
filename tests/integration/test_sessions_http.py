"""Cookies and tokens over HTTP."""

import base64
import json
import time

import jwt
import pytest
from cryptography.fernet import Fernet

from tests.integration.web_kit import ADA, PASSWORD, SECRET, running_web
from votegame.auth.keys import derived_key
from votegame.auth.values import Login
from votegame.errors import ErrorCode

OTHER_SECRET = "another-canary-secret-0123456789abcdef"


def cookie_of(answer) -> dict[str, str | bool]:
    """The parts of a Set-Cookie header; name and value under `name` and `value`."""
    first, *attributes = answer.headers["Set-Cookie"].split("; ")
    name, _, value = first.partition("=")
    pairs = [attribute.partition("=") for attribute in attributes]
    return {"name": name, "value": value.strip('"'), **{key: text or True for key, _, text in pairs}}


def sealed(content: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    fernet = Fernet(base64.urlsafe_b64encode(derived_key(secret, "cookie")))
    return fernet.encrypt_at_time(content, int(at or time.time())).decode()


def session_of(token: object) -> bytes:
    return json.dumps({"created": int(time.time()), "session": {"token": token}}).encode()


async def with_cookie(browser, value: str, name: str = "votegame"):
    return await browser.get("/api/auth/me", headers={"Cookie": f"{name}={value}"})


class TestTheCookie:
    async def test_sess_06_is_out_of_reach_and_for_plain_http_in_local_mode_only(self, browser):
        cookie = cookie_of(await browser.register())
        assert (cookie["name"], cookie["Path"], cookie["SameSite"], cookie["HttpOnly"]) == (
            "votegame",
            "/",
            "Lax",
            True,
        )
        assert int(cookie["Max-Age"]) == 30 * 86_400
        assert not {"Domain", "Secure"} & set(cookie)

    async def test_sess_06_is_bound_to_the_host_and_to_tls_otherwise(self, database_url, browsers):
        async with running_web(database_url, public_url="https://play.example.org") as web:
            browser = browsers(web, keeps_cookies=False)
            registered = await browser.register()
            cookie = cookie_of(registered)
            assert (cookie["name"], cookie["Path"], cookie["SameSite"]) == ("__Host-votegame", "/", "Lax")
            assert (cookie["HttpOnly"], cookie["Secure"]) == (True, True)
            assert "Domain" not in cookie
            # Its end must say the same, or browsers do not take it.
            held = {"Cookie": f"__Host-votegame={cookie['value']}"}
            ended = cookie_of(await browser.post("/api/auth/logout", headers=held))
            assert (ended["name"], ended["value"], ended["Max-Age"]) == ("__Host-votegame", "", "0")
            assert (ended["Secure"], ended["HttpOnly"], ended["Path"]) == (True, True, "/")
            assert "Domain" not in ended

    async def test_does_not_show_the_token(self, browser):
        registered = await browser.register()
        assert registered.token not in registered.headers["Set-Cookie"]

    async def test_is_set_when_somebody_logs_in_and_never_again(self, browser):
        await browser.register()
        assert "Set-Cookie" not in (await browser.me()).headers
        assert "Set-Cookie" not in (await browser.get("/healthz")).headers

    async def test_sess_03_that_cannot_be_read_is_none(self, web, browser, browsers):
        value = cookie_of(await browser.register())["value"]
        other = browsers(web, keeps_cookies=False)
        middle = len(value) // 2
        flipped = value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
        bad = [value[:-5], value[:20], flipped, sealed(session_of("x"), secret=OTHER_SECRET), "", "x", "x" * 6_000]
        bad += ["a;b=c", '"', "\\", "%00", "ä"]
        for one in bad:
            answer = await with_cookie(other, one)
            assert (answer.status, answer.code) == (401, "unauthenticated")
            assert "Set-Cookie" not in answer.headers
        assert (await with_cookie(other, value)).status == 200
        assert "Traceback" not in web.said.getvalue()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"null",
            b"[]",
            b"5",
            b"{}",
            b"{",
            b'{"session": 5}',
            b'{"session": {"token": 5}}',
            b"\xff",
            b'{"session": null}',
        ],
    )
    async def test_sess_03_with_something_else_in_it_is_none(self, web, browser, content):
        assert (await with_cookie(browser, sealed(content))).status == 401
        assert "Traceback" not in web.said.getvalue()

    @pytest.mark.parametrize("age", [31 * 86_400, -3_600])
    async def test_sess_04_too_old_or_from_the_future_is_none(self, web, browsers, age):
        browser = browsers(web, keeps_cookies=False)
        token = (await browser.register()).token
        assert (await with_cookie(browser, sealed(session_of(token), at=time.time() - age))).status == 401
        assert (await with_cookie(browser, sealed(session_of(token)))).status == 200

    @pytest.mark.parametrize("jump", [3_600, -3_600, 400 * 86_400])
    async def test_sess_04_is_judged_by_the_database_s_time_and_not_by_the_machine_s(
        self, web, browsers, monkeypatch, jump
    ):
        browser, real = browsers(web, keeps_cookies=False), time.time
        before = cookie_of(await browser.register())["value"]
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        assert (await with_cookie(browser, before)).status == 200
        meanwhile = cookie_of(await browser.log_in())
        monkeypatch.undo()
        assert (await with_cookie(browser, meanwhile["value"])).status == 200
        assert "expires" not in meanwhile, "which the browser's clock would be held to"

    async def test_sess_05_that_was_planted_before_a_login_is_worth_nothing_after_it(self, web, browsers):
        attacker, victim = browsers(web, keeps_cookies=False), browsers(web, keeps_cookies=False)
        planted = cookie_of(await attacker.post("/api/auth/guest", {"display_name": "Eve"}))["value"]
        held = {"Cookie": f"votegame={planted}"}
        registered = await victim.post("/api/auth/register", ADA, headers=held)
        assert cookie_of(registered)["value"] != planted
        assert (await with_cookie(attacker, planted)).status == 401

    async def test_sess_05_nor_does_it_follow_a_login_into_an_account(self, web, browsers):
        attacker, victim = browsers(web, keeps_cookies=False), browsers(web, keeps_cookies=False)
        await victim.register()
        guest = await attacker.post("/api/auth/guest", {"display_name": "Eve"})
        planted = cookie_of(guest)["value"]
        await victim.post(
            "/api/auth/login", {"email": ADA["email"], "password": PASSWORD}, headers={"Cookie": f"votegame={planted}"}
        )
        assert (await with_cookie(attacker, planted)).json["user"] == guest.json["user"]

    async def test_sess_01_is_worth_nothing_after_the_logout(self, web, browser, browsers):
        old = cookie_of(await browser.register())["value"]
        ended = await browser.post("/api/auth/logout")
        assert cookie_of(ended)["Max-Age"] == "0"
        assert browser.cookie is None
        assert (await with_cookie(browsers(web), old)).status == 401


class TestTheToken:
    async def test_sess_02_is_worth_nothing_after_logout_and_password_change(self, web, browser, browsers):
        first = (await browser.register()).token
        second = (await browser.log_in()).token
        third = (await browser.log_in()).token
        await browsers(web, token=first).post("/api/auth/logout")
        change = {"old_password": PASSWORD, "new_password": "canary-password-new"}
        await browsers(web, token=second).post("/api/auth/password", change)
        answers = [await browsers(web, token=token, keeps_cookies=False).me() for token in (first, second, third)]
        assert [answer.status for answer in answers] == [401, 200, 401]

    async def test_the_cookie_is_not_looked_at_beside_it(self, browser):
        registered = await browser.register()
        for token in ("nonsense", ""):
            answer = await browser.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.code == "unauthenticated"
        good = await browser.get("/api/auth/me", headers={"Authorization": f"bearer  {registered.token} "})
        assert good.status == 200

    async def test_other_schemes_are_between_browser_and_proxies(self, browser):
        await browser.register()
        assert (await browser.get("/api/auth/me", headers={"Authorization": "Basic YTpi"})).status == 200

    @pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
    async def test_sess_07_without_a_signature_is_none(self, web, browser, browsers, algorithm):
        token = (await browser.register()).token
        header, content, signature = token.split(".")
        header = base64.urlsafe_b64encode(f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode()).rstrip(b"=").decode()
        for forged in (f"{header}.{content}.", f"{header}.{content}.{signature}"):
            assert (await browsers(web, token=forged).me()).code == "unauthenticated"

    async def test_sess_09_for_another_purpose_is_none(self, web, browser, browsers):
        token = (await browser.register()).token
        said = jwt.decode(token, options={"verify_signature": False})
        forged = jwt.encode(said | {"aud": "votegame mail"}, derived_key(SECRET, "jwt"), algorithm="HS256")
        assert (await browsers(web, token=forged).me()).code == "unauthenticated"

    async def test_sess_10_of_a_deleted_user_is_none(self, web, browser, browsers):
        token = (await browser.register()).token
        await browser.ask("DELETE", "/api/auth/me")
        assert (await browsers(web, token=token).me()).code == "unauthenticated"

    async def test_ends_with_its_time(self, database_url, browsers):
        async with running_web(database_url, guest_days=0.00001) as web:
            guest = await browsers(web).post("/api/auth/guest", {"display_name": "Gus"})
            assert (await browsers(web, token=guest.token).me()).code == "unauthenticated"


class TestRotation:
    async def test_what_the_secret_before_signed_and_sealed_is_still_read(self, database_url, browsers):
        async with running_web(database_url, secret_key_previous=OTHER_SECRET) as web:
            browser = browsers(web, keeps_cookies=False)
            said = jwt.decode((await browser.register()).token, options={"verify_signature": False})
            old = jwt.encode(said, derived_key(OTHER_SECRET, "jwt"), algorithm="HS256")
            assert (await browsers(web, token=old).me()).status == 200
            assert (await with_cookie(browser, sealed(session_of(old), secret=OTHER_SECRET))).status == 200


class TestAtTheGateway:
    """What the WebSocket's route is told."""

    async def test_who_somebody_is_by_cookie_or_token(self, web, browser, browsers):
        registered = await browser.register()
        await browser.get("/ws")
        await browsers(web, token=registered.token).get("/ws")
        by_cookie, by_token = web.asked_at_ws
        assert by_cookie == by_token
        assert isinstance(by_token, Login)
        assert by_token.user_id == registered.json["user"]["id"]
        assert await web.identity.authenticate(registered.token) == by_token
        assert await web.identity.authenticate("nonsense") is None

    async def test_a_bad_cookie_is_none_and_a_bad_token_is_refused(self, web, browsers):
        browser = browsers(web)
        await browser.get("/ws")
        await browser.get("/ws", headers={"Cookie": "votegame=nonsense"})
        await browser.get("/ws", headers={"Authorization": "Bearer nonsense"})
        assert web.asked_at_ws == [None, None, ErrorCode.UNAUTHENTICATED]
