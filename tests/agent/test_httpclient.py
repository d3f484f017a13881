"""The probes' HTTP client, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable

import pytest

from agent.httpclient import Answer, Ask, HttpError, get, parse_url
from common.tasks import cancel, spawn
from tests.fixtures.certificates import Certificates
from tests.fixtures.receiver import Answer as Told
from tests.fixtures.receiver import Receiver
from tests.fixtures.scripted import Script, babble, flood, hang_up, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, free_port, until


def saying(text: bytes) -> Script:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)
        await writer.drain()

    return say


async def ask(script: Script, how: Ask | None = None) -> Answer:
    async with serving(script) as server:
        return await get(server.url + "/a?b=c", how)


async def test_a_server_of_this_day_answers_with_status_headers_and_body(receiver: Receiver) -> None:
    receiver.answer = lambda _: Told(418, "ñandú", {"X-Kind": "bird"})
    connected: list[int] = []
    asking = Ask(headers={"X-Key": "1"}, username="", password="pw", connected=lambda: connected.append(1))
    answer = await get(f"{receiver.url}/a/b?c=d%20e", asking)
    assert (answer.status, answer.body.decode(), answer.headers["x-kind"]) == (418, "ñandú", "bird")
    (request,) = receiver.requests
    assert (request.path, dict(request.query), request.headers["X-Key"]) == ("/a/b", {"c": "d e"}, "1")
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b":pw").decode()
    assert connected == [1]


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello and more",
        b"HTTP/1.1 200 OK\nContent-Length:5\n\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n",
    ],
)
async def test_a_body_ends_in_each_of_the_ways_that_http_knows(text: bytes) -> None:
    answer = await ask(saying(text))
    assert (answer.status, answer.body) == (200, b"hello")


async def test_an_answer_without_a_body_is_not_waited_for() -> None:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n")(reader, writer)
        await reader.read()

    assert (await ask(stay)).status == 204


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 xx OK\r\n\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the answer breaks off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "the answer breaks off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "the answer does not say how long it is"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, "the answer is too long"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, "the answer is too long"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n" + b"x" * 96 + b"\r\n5\r\n", "too long"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", "another length than it says"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", "a line of the answer has more than 8192 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"x" * 4_000 + b"\r\n") * 5, "more than 16384 bytes of headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", "does not say how long it is"),
    ],
)
async def test_what_is_no_answer_or_too_much_of_one_is_an_error(text: bytes, complaint: str) -> None:
    with pytest.raises(HttpError, match=complaint):
        await ask(saying(text), Ask(body_bytes=100))


@pytest.mark.parametrize("script", [babble, flood])
async def test_those_who_babble_or_flood_are_left(script: Script) -> None:
    with pytest.raises(HttpError):
        await ask(script)


async def test_one_who_hangs_up_is_the_networks_affair() -> None:
    with pytest.raises((OSError, HttpError)):
        await ask(hang_up)
    with pytest.raises(ConnectionRefusedError):
        await get(f"http://{LOOPBACK}:{free_port()}/")


async def test_one_who_says_nothing_is_given_up_by_cancelling() -> None:
    async with serving(say_nothing) as server:
        asking = spawn(get(server.url), "asking")
        await until(lambda: server.connections == 1, "it is asked")
        await cancel(asking)
        assert asking.cancelled()


def to(receiver: Receiver, place: Callable[[int], str]) -> None:
    receiver.answer = lambda _: Told(302, headers={"Location": place(len(receiver.requests))})


async def test_redirects_are_answers_unless_they_are_to_be_followed_and_then_only_so_many(receiver: Receiver) -> None:
    to(receiver, lambda number: f"/{number}")
    assert (await get(receiver.url)).headers["location"] == "/1"
    answer = await get(receiver.url, Ask(redirects=3))
    assert (answer.status, answer.url) == (302, f"{receiver.url}/4")
    assert len(receiver.requests) == 5


async def test_a_redirect_elsewhere_is_followed_only_where_that_is_wanted_and_without_credentials(
    receiver: Receiver,
) -> None:
    receiver.answer = lambda _: Told(200, "there")
    there = f"http://localhost:{receiver.port}/there"  # another name is another place
    moved = saying(f"HTTP/1.1 301 Moved\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode())
    how = Ask(headers={"X-Key": "1"}, username="u", password="p", redirects=2)
    assert (await ask(moved, how)).status == 301
    assert not receiver.requests
    answer = await ask(moved, Ask(headers={"X-Key": "1"}, username="u", password="p", redirects=2, elsewhere=True))
    assert (answer.body, answer.url) == (b"there", there)
    (request,) = receiver.requests
    assert not {"Authorization", "X-Key"} & set(request.headers)


async def test_a_redirect_to_no_url_is_an_error() -> None:
    moved = saying(b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\n\r\n")
    with pytest.raises(HttpError, match="which does not begin with http"):
        await ask(moved, Ask(redirects=1, elsewhere=True))


async def test_tls_is_checked(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    server = await asyncio.start_server(
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), LOOPBACK, 0, ssl=context
    )
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ssl.SSLCertVerificationError):
        await get(f"https://{LOOPBACK}:{port}/")
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    assert (await get(f"https://{LOOPBACK}:{port}/", Ask(tls=trusting))).body == b"hello"
    server.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://a/", "does not begin with http:// or https://"),
        ("http:///x", "names no host"),
        ("http://user:pw@a/", "holds credentials"),
        ("http://a/ñ", "must write as %XX"),
        ("http://a/ b", "must write as %XX"),
        ("http://a:99999/", "Port out of range"),
    ],
)
def test_what_is_no_url_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_url(url)


def test_a_url_says_whom_to_ask_for_what() -> None:
    assert parse_url("http://[::1]:8080?x=1") == ("http", "::1", 8080, "/?x=1")
    assert parse_url("http://[::1]:8080").authority == "[::1]:8080"
    assert parse_url("https://a.example/b").authority == "a.example"


async def test_a_header_cannot_smuggle_a_second_one(receiver: Receiver) -> None:
    with pytest.raises(HttpError, match="line break"):
        await get(receiver.url, Ask(headers={"X": "1\r\nY: 2"}))
