"""The agent's HTTP on this machine, spoken to as a player's software (and a stranger) would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from agent import reports
from agent.local import BODY_BYTES, HEAD_BYTES, Answer, LocalServer, Request
from agent.probes.base import Report
from tests.fixtures.waiting import LOOPBACK, free_port

JSON = "Content-Type: application/json"
PLAYING = {"output": "main", "state": "playing"}


class Door:
    """A listening server and what came through it."""

    def __init__(self, token: str = "") -> None:
        self.port = free_port()
        self.reports: list[Report] = []
        routes = {
            ("POST", reports.PATH): reports.handler({"main": self.reports.append}),
            ("GET", "/healthz"): lambda _: Answer(HTTPStatus.OK, {"ok": True}),
            ("GET", "/broken"): self._break,
        }
        self.server = LocalServer(routes, token)

    def _break(self, _request: Request) -> Answer:
        raise ZeroDivisionError

    async def send(self, text: bytes) -> tuple[int, dict[str, object]]:
        return await exchange(*await asyncio.open_connection(LOOPBACK, self.port), text)

    async def ask(self, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
        return await self.send("\r\n".join(lines).encode() + body)

    async def report(self, body: object, *headers: str) -> tuple[int, dict[str, object]]:
        return await self.ask("POST", reports.PATH, JSON, *headers, body=json.dumps(body).encode())


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes
) -> tuple[int, dict[str, object]]:
    writer.write(text)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    await door.server.listen(LOOPBACK, door.port)
    yield door
    await door.server.close()


async def test_a_report_reaches_its_output(door: Door) -> None:
    full = {"output": "main", "state": "frozen", "cause": "display", "detail": "no signal"}
    assert await door.report(full) == (200, {"taken": True})
    assert await door.report(PLAYING) == (200, {"taken": True})
    assert door.reports == [Report("frozen", "display", "no signal"), Report("playing", None, None)]


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({"output": "main"}, 400, "missing required field `state`"),
        ({"output": "main", "state": "paused"}, 400, "Invalid enum value 'paused'"),
        ({"output": "main", "state": "up"}, 400, "Invalid enum value 'up'"),
        ({"output": "main", "state": "playing", "cause": "weather"}, 400, "Invalid enum value 'weather'"),
        ({"output": "main", "state": "playing", "sate": 1}, 400, "unknown field `sate`"),
        ({"output": "side", "state": "playing"}, 404, "no output 'side' is told by push; there is: main"),
        ([], 400, "Expected `object`"),
    ],
)
async def test_a_wrong_report_is_refused_with_its_reason(door: Door, body: object, status: int, complaint: str) -> None:
    answered, answer = await door.report(body)
    assert (answered, complaint in str(answer["error"])) == (status, True), answer
    assert door.reports == []


async def test_a_report_that_is_no_json_is_refused(door: Door) -> None:
    assert (await door.ask("POST", reports.PATH, JSON, body=b"{"))[0] == 400
    assert (await door.ask("POST", reports.PATH, JSON, body=b"\xff"))[0] == 400


async def test_what_a_foreign_web_page_can_send_without_asking_is_refused(door: Door) -> None:
    body = json.dumps(PLAYING).encode()
    assert (await door.ask("POST", reports.PATH, "Content-Type: text/plain", body=body))[0] == 415
    assert (await door.ask("POST", reports.PATH, body=body))[0] == 415
    assert (await door.ask("OPTIONS", reports.PATH, "Origin: https://x"))[0] == 405


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /healthz HTTP/1.1\r\n\r\n", 405),
        (b"hello\r\n\r\n", 400),
        (b"GET /healthz SPDY/3\r\n\r\n", 400),
        (b"POST /v1/state HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST /v1/state HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/state HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /v1/state HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 1), 413),
        (b"POST /v1/state HTTP/1.1\r\nContent-Length: 9" + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 3 * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
async def test_a_request_that_is_not_ours_gets_a_clear_answer(door: Door, text: bytes, status: int) -> None:
    answered, answer = await door.send(text)
    assert answered == status
    assert answer["error"]


async def test_a_request_that_breaks_off_harms_nobody(door: Door) -> None:
    _, writer = await asyncio.open_connection(LOOPBACK, door.port)
    writer.write(b"POST /v1/state HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    writer.close()
    assert (await door.ask("GET", "/healthz?full"))[0] == 200


async def test_a_handler_that_fails_costs_one_request(door: Door) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, door.port)
    writer.write(b"GET /broken HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    assert (await door.ask("GET", "/healthz"))[0] == 200


async def test_with_a_token_only_those_who_know_it_are_heard() -> None:
    door = Door(token="sesam")
    await door.server.listen(LOOPBACK, door.port)
    assert (await door.report(PLAYING))[0] == 401
    assert (await door.report(PLAYING, "Authorization: Bearer sesame"))[0] == 401
    assert (await door.report(PLAYING, "Authorization: Bearer sesam"))[0] == 200
    assert len(door.reports) == 1
    await door.server.close()


async def test_a_player_of_another_user_reports_over_a_unix_socket_even_where_a_dead_agent_left_one(
    short_folder: Path,
) -> None:
    path = short_folder / "agent.sock"
    for _ in range(2):
        door = Door()
        await door.server.listen_unix(str(path))
        assert path.stat().st_mode & 0o777 == 0o666
        body = json.dumps(PLAYING).encode()
        text = f"POST {reports.PATH} HTTP/1.1\r\n{JSON}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        assert (await exchange(*await asyncio.open_unix_connection(str(path)), text))[0] == 200
        await door.server.close()
