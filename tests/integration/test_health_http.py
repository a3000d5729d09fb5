"""Health, metrics, and what every answer has."""

import pytest

from tests.fakes_gateway import overload
from tests.integration.web_kit import running_web

TOKEN = "canary-password-for-metrics"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_it_says_that_it_is_well(browser, path):
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert (await browser.ask("HEAD", path)).status == 200


async def test_it_says_why_it_should_get_no_traffic(web, browser):
    web.obstacles = ["the database does not answer"]
    answer = await browser.get("/readyz")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.json["reasons"] == web.obstacles
    assert (await browser.get("/healthz")).status == 200


async def test_it_is_ready_while_it_turns_newcomers_away_and_says_whom(web, browser):
    overload(web.admission, 2)
    answer = await browser.get("/readyz")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    assert answer.json["turns_away"] == ["rooms", "accounts", "strangers"]
    await browser.post("/api/auth/guest", {"display_name": "Gus"})
    assert 'votegame_turned_away_total{door="accounts"} 1.0' in (await browser.get("/metrics")).body.decode()


async def test_metrics_are_for_this_machine(browser):
    await browser.get("/nowhere/1")
    await browser.get("/nowhere/2")
    await browser.post("/api/auth/guest", {"display_name": "Gus"})
    answer = await browser.get("/metrics")
    assert answer.status == 200
    shown = answer.body.decode()
    assert 'votegame_http_requests_total{route="/api/auth/guest",status="201"} 1.0' in shown
    assert 'votegame_http_requests_total{route="none",status="404"} 2.0' in shown
    assert "nowhere" not in shown


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_metrics_are_not_for_those_whom_a_proxy_on_it_lets_through(browser, header):
    answer = await browser.get("/metrics", headers={header: "127.0.0.1"})
    assert (answer.status, answer.code) == (401, "unauthenticated")


async def test_metrics_are_for_those_elsewhere_who_have_the_token(database_url, browsers):
    async with running_web(database_url, metrics_token=TOKEN) as web:
        browser = browsers(web)
        statuses = []
        for token in (TOKEN, "another", "", TOKEN + "x", "\xe4"):
            headers = {"Via": "1.1 proxy", "Authorization": f"Bearer {token}"}
            statuses.append((await browser.get("/metrics", headers=headers)).status)
        assert statuses == [200, 401, 401, 401, 401]


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/api/auth/me", "/nowhere"])
async def test_every_answer_has_safe_headers(browser, path):
    headers = (await browser.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Server"] == "votegame"
