from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from collector.web.app import check_listen, parse_listen, serve
from common.config import ConfigError
from tests.collector.web.fake_desk import FakeDesk


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_a_loopback_address_needs_no_password(listen: str, expected: tuple[str, int]) -> None:
    assert check_listen(listen, "") == expected


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.168.1.4:8080", "noc.example.com:80"])
def test_an_address_that_others_reach_needs_a_password(listen: str) -> None:
    assert check_listen(listen, "secret")[1] in {80, 8080}
    with pytest.raises(ConfigError) as caught:
        check_listen(listen, "", file="collector.toml")
    (finding,) = caught.value.findings
    assert (finding.id, finding.file, finding.key) == ("web.open", "collector.toml", "web.listen")
    assert finding.remedy == "set web.password, or listen on 127.0.0.1"


@pytest.mark.parametrize(
    "listen",
    ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "::1:80", "a:-1", "a:٣"],
)
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_listen(listen)
    assert caught.value.findings[0].id == "web.listen"
    assert "127.0.0.1:8080" in caught.value.findings[0].remedy


async def test_serving_takes_a_free_port_and_gives_it_back() -> None:
    desk = FakeDesk.with_fleet(2)
    server = await serve(desk, "127.0.0.1:0")
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/healthz") as answer:
        assert answer.status == 200
    await server.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    assert desk.listeners == 0


async def test_closing_ends_open_streams_at_once() -> None:
    server = await serve(FakeDesk.with_fleet(2), "127.0.0.1:0")
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/api/v1/events") as answer:
        assert await answer.content.readline() == b"retry: 2000\n"
        await asyncio.wait_for(server.close(), 100)
        assert await answer.content.read() == b"\n"


async def test_a_port_in_use_is_a_finding_not_a_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        desk = FakeDesk.with_fleet(1)
        with pytest.raises(ConfigError) as caught:
            await serve(desk, f"127.0.0.1:{taken.getsockname()[1]}")
    assert caught.value.findings[0].id == "web.bind"
    assert desk.listeners == 0


async def test_serving_on_an_open_address_without_a_password_is_refused() -> None:
    with pytest.raises(ConfigError):
        await serve(FakeDesk(), "0.0.0.0:0")
