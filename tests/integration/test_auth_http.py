"""Accounts over HTTP."""

import asyncio

import pytest

from tests.fakes_gateway import overload
from tests.integration.web_kit import ADA, PASSWORD, Browser, running_web
from votegame.auth.passwords import THREADS, WAITING


class TestTheWay:
    async def test_register_log_in_me_log_out(self, web, browsers):
        first, second = browsers(web), browsers(web)
        registered = await first.register()
        assert registered.status == 201
        user = registered.json["user"]
        assert user == {"id": user["id"], "display_name": "Ada", "email": "Ada@Example.org", "guest": False}
        web.rooms[user["id"]] = [("ABC234", "voting")]
        assert (await first.me()).json == {"user": user, "rooms": [{"room_code": "ABC234", "phase": "voting"}]}

        logged_in = await second.log_in()
        assert (logged_in.status, logged_in.json["user"]) == (200, user)
        assert logged_in.token != registered.token
        logged_out = await second.post("/api/auth/logout")
        assert (logged_out.status, logged_out.json) == (200, {})
        assert (await second.me()).code == "unauthenticated"
        assert (await first.me()).status == 200

    async def test_a_guest_registers_and_keeps_his_id(self, browser):
        guest = await browser.post("/api/auth/guest", {"display_name": "Gus"})
        assert guest.status == 201
        user = guest.json["user"]
        assert user == {"id": user["id"], "display_name": "Gus", "guest": True}
        registered = await browser.register(display_name="Gustav")
        gustav = {"id": user["id"], "display_name": "Gustav", "email": "Ada@Example.org", "guest": False}
        assert (registered.status, registered.json["user"]) == (201, gustav)
        assert (await browser.me()).json["user"] == gustav

    async def test_a_guest_whose_login_is_over_does_not_become_somebody_else_without_a_word(self, web, browsers):
        guest = await browsers(web).post("/api/auth/guest", {"display_name": "Gus"})
        gus = browsers(web, token=guest.token, keeps_cookies=False)
        assert (await gus.post("/api/auth/logout")).status == 200
        answer = await gus.register()
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert await web.count_users() == 1
        assert (await browsers(web).register()).status == 201

    async def test_logging_in_is_how_one_gets_a_new_token_for_one_that_is_over(self, web, browsers):
        registered = await browsers(web).register()
        ada = browsers(web, token=registered.token, keeps_cookies=False)
        assert (await ada.post("/api/auth/logout")).status == 200
        logged_in = await ada.log_in()
        assert (logged_in.status, logged_in.json["user"]) == (200, registered.json["user"])
        guest = await ada.post("/api/auth/guest", {"display_name": "Gus"})
        assert guest.status == 201

    async def test_changing_the_password_ends_all_other_logins(self, web, browsers):
        first, second = browsers(web), browsers(web)
        await first.register()
        await second.log_in()
        changed = await first.post(
            "/api/auth/password", {"old_password": PASSWORD, "new_password": "canary-password-new"}
        )
        assert changed.status == 200
        assert (await first.me()).status == 200
        assert (await browsers(web, token=changed.token).me()).status == 200
        assert (await second.me()).code == "unauthenticated"
        assert (await second.log_in()).code == "bad_credentials"
        assert (await second.log_in(password="canary-password-new")).status == 200

    async def test_a_deleted_account_is_gone_and_its_address_free(self, web, browsers):
        first, second = browsers(web), browsers(web)
        await first.register()
        await second.log_in()
        deleted = await first.ask("DELETE", "/api/auth/me")
        assert (deleted.status, deleted.json) == (200, {})
        assert (await first.me()).code == "unauthenticated"
        assert (await second.me()).code == "unauthenticated"
        assert (await second.log_in()).code == "bad_credentials"
        assert (await first.register()).status == 201

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/auth/me"),
            ("DELETE", "/api/auth/me"),
            ("POST", "/api/auth/logout"),
            ("POST", "/api/auth/password"),
        ],
    )
    async def test_who_is_nobody_logs_in_first(self, browser, method, path):
        answer = await browser.ask(method, path)
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert "Set-Cookie" not in answer.headers

    async def test_the_old_password_must_be_right(self, browser):
        await browser.register()
        change = {"old_password": "wrong horse", "new_password": "canary-password-new"}
        assert (await browser.post("/api/auth/password", change)).code == "bad_credentials"


class TestRegistering:
    @pytest.mark.parametrize(
        "email",
        [
            "a@b",
            "@",
            "",
            "   ",
            "a" * 64 + "@" + "b" * 187 + ".cd",
            "a@b@c.de",
            "a@b.c.",
            "a@b.c\r\nBcc: d@e.f",
            "a\u0000@b.c",
        ],
        ids=range(9),
    )
    async def test_auth_01_what_is_no_address_makes_nothing(self, web, browser, email):
        answer = await browser.register(email=email)
        assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", "email")
        assert await web.count_users() == 0
        assert "Bcc" not in web.said.getvalue()

    async def test_size_05_a_local_part_has_64_bytes_at_most(self, browser):
        assert (await browser.register(email="a" * 65 + "@b.cd")).status == 422
        assert (await browser.register(email="a" * 64 + "@b.cd")).status == 201

    async def test_auth_02_an_address_is_had_once(self, web, browser):
        assert (await browser.register(email="user@example.com")).status == 201
        for email in ("USER@Example.com", "  user@example.com "):
            answer = await browser.register(email=email)
            assert (answer.status, answer.code) == (409, "email_taken")
        assert await web.count_users() == 1

    async def test_auth_02_also_when_many_ask_at_once(self, web, browsers):
        answers = await asyncio.gather(*(browsers(web).register(email=email) for email in ["a@b.cd", "A@B.cd"] * 3))
        assert sorted(answer.status for answer in answers) == [201, *[409] * 5]
        assert await web.count_users() == 1

    @pytest.mark.parametrize(
        ("password", "status"),
        [
            ("p" * 7, 422),
            ("p" * 8, 201),
            ("p" * 256, 201),
            ("p" * 257, 422),
            ("\U0001f600" * 64, 201),
            ("p\u0000ssword", 422),
        ],
        ids=range(6),
    )
    async def test_auth_03_a_password_has_8_to_256_characters_and_none_is_cut(self, browser, password, status):
        answer = await browser.register(password=password)
        assert answer.status == status
        if status == 422:
            assert (answer.code, answer.json["field"]) == ("bad_message", "password")
        else:
            assert (await browser.log_in(password=password)).status == 200
            assert (await browser.log_in(password=password[:-1])).status == 401

    async def test_auth_04_all_of_a_password_counts(self, browser):
        await browser.register(password="p" * 72 + "right")
        assert (await browser.log_in(password="p" * 72 + "wrong")).code == "bad_credentials"

    @pytest.mark.parametrize("password", [None, 12_345_678, ["12345678"], {"a": "12345678"}, True])
    async def test_auth_06_a_password_is_a_text(self, browser, password):
        for answer in (await browser.register(password=password), await browser.log_in(password=password)):
            assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", "password")

    async def test_auth_07_what_is_more_is_never_kept(self, browser):
        extra = {"is_admin": True, "id": "1", "role": "host", "generation": 5, "guest": True}
        answer = await browser.register(**extra)
        assert answer.status == 201
        assert set(answer.json["user"]) == {"id", "display_name", "email", "guest"}
        assert answer.json["user"]["guest"] is False
        assert answer.json["user"]["id"] != "1"

    @pytest.mark.parametrize("missing", ["email", "password", "display_name"])
    async def test_auth_07_what_is_missing_is_named(self, browser, missing):
        answer = await browser.post("/api/auth/register", {name: ADA[name] for name in ADA if name != missing})
        assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", missing)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 33, "two\nlines", "\u200b\u200b", "\u202eevil"])
    async def test_auth_08_a_name_is_one_short_visible_line(self, browser, name):
        for answer in (
            await browser.register(display_name=name),
            await browser.post("/api/auth/guest", {"display_name": name}),
        ):
            assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", "display_name")

    async def test_auth_08_markup_is_only_text(self, browser):
        name = "<script>alert(1)</script>"
        answer = await browser.post("/api/auth/guest", {"display_name": name})
        assert answer.json["user"]["display_name"] == name
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestWrongCredentials:
    async def test_time_01_cannot_be_told_apart(self, browser):
        await browser.register()
        answers = [
            await browser.log_in(password="wrong horse"),
            await browser.log_in(email="nobody@example.org"),
            await browser.log_in(email="no address"),
            await browser.log_in(password="short"),
            await browser.log_in(email="nobody@example.org", password="short"),
        ]
        assert {answer.status for answer in answers} == {401}
        assert {answer.code for answer in answers} == {"bad_credentials"}
        assert len({answer.body for answer in answers}) == 1
        assert len({tuple(sorted((k, v) for k, v in a.headers.items() if k != "Date")) for a in answers}) == 1

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 7_000])
    async def test_auth_09_a_token_that_is_none_is_nobody_s(self, web, browsers, token):
        answer = await browsers(web, token=token).me()
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert "Set-Cookie" not in answer.headers


class TestRates:
    async def test_failed_logins_registrations_and_guests_are_limited(self, database_url, browsers):
        async with running_web(database_url, rate_limits="on") as web:
            browser = browsers(web)
            statuses = [(await browser.register(email=f"a{n}@b.cd")).status for n in range(6)]
            assert statuses == [201] * 5 + [429]
            answers = [await browser.log_in(email="a0@b.cd", password="wrong horse") for _ in range(6)]
            assert [answer.status for answer in answers] == [401] * 5 + [429]
            limited = answers[-1]
            assert limited.code == "rate_limited"
            assert limited.headers["Retry-After"] == str(limited.json["retry_after"]) == "180"
            guests = [(await browser.post("/api/auth/guest", {"display_name": "G"})).status for _ in range(21)]
            assert guests == [201] * 20 + [429]

    async def test_spoof_03_a_header_makes_no_other_address(self, database_url, browsers):
        async with running_web(database_url, rate_limits="on", registrations_per_hour=1) as web:
            browser = browsers(web)
            statuses = []
            for n, name in enumerate(["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-For"]):
                headers = {name: f"198.51.100.{n}"}
                answer = await browser.post("/api/auth/register", ADA | {"email": f"a{n}@b.cd"}, headers=headers)
                statuses.append(answer.status)
            assert statuses == [201, 429, 429, 429]

    async def test_spoof_03_behind_a_proxy_the_last_address_counts(self, database_url, browsers):
        async with running_web(database_url, trusted_proxies="127.0.0.1") as web:
            browser = browsers(web)
            forwarded = {"X-Forwarded-For": "127.0.0.1, 198.51.100.1"}
            assert (await browser.get("/ws", headers=forwarded)).body == b"198.51.100.1"
            assert (await browser.get("/ws", headers={"X-Real-IP": "198.51.100.1"})).body == b"127.0.0.1"

    async def test_res_06_more_than_can_be_hashed_come_later(self, web, browser):
        await browser.register()
        web.hasher._pending = THREADS + WAITING
        answer = await browser.log_in()
        assert (answer.status, answer.code, answer.json["retryable"]) == (503, "unavailable", True)
        assert int(answer.headers["Retry-After"]) > 0
        web.hasher._pending = 0
        assert (await browser.log_in()).status == 200


class TestOverload:
    async def test_newcomers_are_turned_away_and_let_in_again(self, web, browser):
        gus = (await browser.post("/api/auth/guest", {"display_name": "Gus"})).json["user"]
        overload(web.admission, 1)
        for answer in (
            await browser.register(),
            await browser.log_in(),
            await browser.post("/api/auth/guest", {"display_name": "Gil"}),
        ):
            assert (answer.status, answer.code, answer.json["retryable"]) == (503, "unavailable", True)
            assert 1 <= int(answer.headers["Retry-After"]) == answer.json["retry_after"] < 10
        assert await web.count_users() == 1
        assert (await browser.me()).json["user"] == gus

        overload(web.admission, 0)
        assert (await browser.register()).status == 201

    async def test_it_costs_nothing_of_what_one_may_try(self, database_url):
        async with running_web(database_url, rate_limits="on", guests_per_hour=1) as web:
            gil = Browser(web)
            overload(web.admission, 1)
            statuses = [(await gil.post("/api/auth/guest", {"display_name": "Gil"})).status for _ in range(5)]
            overload(web.admission, 0)
            assert statuses == [503] * 5
            assert (await gil.post("/api/auth/guest", {"display_name": "Gil"})).status == 201
            await gil.session.close()
