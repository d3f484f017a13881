from __future__ import annotations

import json

import pytest
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient

from collector.web.auth import COOKIE, RENEW_S, SESSION_S
from collector.web.signin import local_path
from common.clock import ManualClock
from tests.collector.web.conftest import Serve
from tests.collector.web.fake_desk import FakeDesk

PASSWORD = "correct horse"
PAGES = ("/", "/player/acme/player-0001/main", "/platform/acme/portal", "/alerts", "/newcomers", "/alerts?a=1&b=2")
PROGRAMS = ("/api/v1/players", "/api/v1/figures", "/api/v1/events", "/api/v1/nothing", "/metrics", "/live")


@pytest.fixture
async def locked(desk: FakeDesk, served: Serve) -> TestClient:
    return await served(desk, PASSWORD)


async def sign_in(client: TestClient, password: str = PASSWORD, following: str = "/") -> int:
    async with client.post(
        "/login", params={"next": following}, data={"password": password}, allow_redirects=False
    ) as answer:
        return answer.status


@pytest.mark.parametrize("path", PAGES)
async def test_a_stranger_is_led_from_every_page_to_the_form_and_back(locked: TestClient, path: str) -> None:
    async with locked.get(path, allow_redirects=False) as answer:
        assert answer.status == 302
        location = answer.headers["Location"]
    assert location.startswith("/login?next=/")
    async with locked.post(location, data={"password": PASSWORD}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, path)


@pytest.mark.parametrize("path", PROGRAMS)
async def test_a_strange_program_gets_401_as_json(locked: TestClient, path: str) -> None:
    async with locked.get(path, allow_redirects=False) as answer:
        assert answer.status == 401
        assert json.loads(await answer.read())["error"]["id"] == "sign_in"
        assert ("WWW-Authenticate" in answer.headers) == (path != "/live")


async def test_health_form_and_style_are_open(locked: TestClient) -> None:
    for path in ("/healthz", "/login", "/static/base.css"):
        async with locked.get(path) as answer:
            assert answer.status == 200


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(locked: TestClient) -> None:
    async with locked.post("/login", data={"password": PASSWORD}, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]
    for part in (COOKIE, "HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={SESSION_S}"):
        assert part in cookie
    async with locked.get("/", allow_redirects=False) as answer:
        assert answer.status == 200


async def test_signing_out_ends_the_session_in_this_browser(locked: TestClient) -> None:
    await sign_in(locked)
    async with locked.post("/logout", allow_redirects=False) as answer:
        assert answer.status == 303
    async with locked.get("/", allow_redirects=False) as answer:
        assert answer.status == 302


async def test_a_wrong_password_is_said_and_too_many_must_wait(locked: TestClient, clock: ManualClock) -> None:
    assert [await sign_in(locked, "wrong") for _ in range(5)] == [403, 403, 403, 403, 429]
    assert await sign_in(locked) == 429
    clock.advance(1000)
    assert await sign_in(locked) == 303


async def test_basic_opens_the_api_with_any_user_name(locked: TestClient) -> None:
    async with locked.get("/api/v1/players", headers={"Authorization": encode_basic_auth("x", PASSWORD)}) as answer:
        assert answer.status == 200
        assert "Set-Cookie" not in answer.headers
    async with locked.get("/metrics", headers={"Authorization": encode_basic_auth("x", "no")}) as answer:
        assert answer.status == 401


async def test_a_program_that_guesses_is_throttled_too(locked: TestClient, clock: ManualClock) -> None:
    wrong = {"Authorization": encode_basic_auth("x", "no")}
    for _ in range(4):
        async with locked.get("/api/v1/players", headers=wrong) as answer:
            assert answer.status == 401
    async with locked.get("/api/v1/players", headers=wrong) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "1"
    async with locked.get("/api/v1/players", headers={"Authorization": encode_basic_auth("x", PASSWORD)}) as answer:
        assert answer.status == 429
    clock.advance(1000)
    async with locked.get("/api/v1/players", headers={"Authorization": encode_basic_auth("x", PASSWORD)}) as answer:
        assert answer.status == 200


async def test_an_ageing_session_is_renewed_so_that_a_wall_never_signs_itself_out(
    locked: TestClient, clock: ManualClock
) -> None:
    await sign_in(locked)
    async with locked.get("/") as answer:
        assert "Set-Cookie" not in answer.headers
    clock.advance((RENEW_S + 1) * 1000)
    async with locked.get("/") as answer:
        assert COOKIE in answer.headers["Set-Cookie"]


async def test_an_expired_session_leads_to_the_form(locked: TestClient, clock: ManualClock) -> None:
    await sign_in(locked)
    clock.advance(SESSION_S * 1000)
    async with locked.get("/", allow_redirects=False) as answer:
        assert answer.status == 302


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "/a\r\nSet-Cookie: x=y",
        "/ x",
    ],
)
async def test_signing_in_never_leads_to_another_site(locked: TestClient, following: str) -> None:
    assert local_path(following) == "/"
    async with locked.post(
        "/login", params={"next": following}, data={"password": PASSWORD}, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_form_sent_by_another_site_is_refused(locked: TestClient, path: str, headers: dict[str, str]) -> None:
    async with locked.post(path, data={"password": PASSWORD}, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_a_form_sent_by_the_page_itself_is_taken(locked: TestClient) -> None:
    origin = str(locked.make_url("/")).rstrip("/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    async with locked.post("/login", data={"password": PASSWORD}, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "10.0.0.1", "", "127.0.0.1.evil.example", "a@b]["]
)
async def test_without_a_password_a_foreign_name_for_this_machine_is_refused(client: TestClient, host: str) -> None:
    async with client.get("/api/v1/players", headers={"Host": host}) as answer:
        assert answer.status in {400, 421}
    async with client.get("/healthz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "[::1]:80", "127.0.0.1"])
async def test_loopback_names_are_answered_without_a_password(client: TestClient, host: str) -> None:
    async with client.get("/", headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_with_a_password_any_name_is_answered(locked: TestClient) -> None:
    async with locked.get("/login", headers={"Host": "noc.example.com"}) as answer:
        assert answer.status == 200


async def test_without_a_password_there_is_nothing_to_sign_in_to(client: TestClient) -> None:
    async with client.get("/login", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/")
    async with client.post("/login", data={"password": "x"}, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "path", ["/", "/static/base.css", "/api/v1/players", "/nothing", "/healthz", "/api/v1/events", "/metrics"]
)
async def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    async with client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"


async def test_a_body_without_end_is_refused(locked: TestClient) -> None:
    async with locked.post("/login", data={"password": "x" * 200_000}, allow_redirects=False) as answer:
        assert answer.status == 413
