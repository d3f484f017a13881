"""A small HTTP/1.1 client for probes: one request a connection, bounded. An HTTP library is too heavy for a player.

It asks with GET, hides nothing and repairs nothing: an answer is what came, with any status; what is no HTTP, or more
than the limits, is `HttpError`; what the network says is OSError. Time is not bounded here: a probe's deadline comes
from outside and cancels it (agent.watch).

Redirects are answers like any other unless `redirects` says how many to follow; then within the same scheme, host and
port, or also elsewhere (`elsewhere=True`), where credentials do not go, and never from https to http.
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from agent.authorities import client_context

if TYPE_CHECKING:
    import ssl

HEAD_BYTES: Final = 16 * 1024
BODY_BYTES: Final = 256 * 1024
_LINE_BYTES: Final = 8 * 1024
_ANY_BYTES: Final = 2**63
_PORTS: Final = {"http": 80, "https": 443}
_FINAL: Final = 200  # below it are interim answers
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class HttpError(Exception):
    """What answers does not speak HTTP, says more than the limits allow, or breaks off in the middle."""


class Answer(NamedTuple):
    """What came back. Header names are in lower case, the values of one name joined by commas; `url` answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Origin(NamedTuple):
    """Whom a URL asks, and what for. `target` is the path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def same_place(self, other: Origin) -> bool:
        """Whether both are the same server."""
        return self[:3] == other[:3]


@dataclass(frozen=True, slots=True)
class Ask:
    """How to ask. `connected` is called when the connection stands (TLS included), once for each request."""

    headers: Mapping[str, str] = field(default_factory=dict)
    username: str | None = None  # "" is a name too: VLC knows no other
    password: str = ""
    body_bytes: int = BODY_BYTES
    redirects: int = 0
    elsewhere: bool = False
    tls: ssl.SSLContext | None = None  # None: the system's authorities
    connected: Callable[[], None] = lambda: None
    secured: Callable[[str, Mapping[str, Any]], None] = (  # with host and certificate, once for each request
        lambda _host, _certificate: None
    )
    whole: bool = True  # False: what is over `body_bytes` of the body is not read, and nothing is wrong with that


def parse_url(url: str) -> Origin:
    """Read an absolute http or https URL; ValueError says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("does not begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("names no host")
    if "@" in parts.netloc:
        raise ValueError("holds credentials; write them into keys of their own")
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("holds characters that a URL must write as %XX")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port  # ValueError of its own
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(parts.scheme, parts.hostname, port, target)


async def get(url: str, ask: Ask | None = None) -> Answer:
    """GET a URL. ValueError for no URL, OSError from the network (ssl.SSLError is one), HttpError for a bad answer."""
    ask = ask or Ask()
    first = origin = parse_url(url)
    for left in range(ask.redirects, -1, -1):
        answer = await _get_once(url, origin, ask, trusted=origin.same_place(first))
        location = answer.headers.get("location")
        if not left or answer.status not in _REDIRECTS or not location:
            break
        url = urljoin(url, location).partition("#")[0]
        try:
            following = parse_url(url)
        except ValueError as error:
            raise HttpError(f"redirects to {url[:200]!r}, which {error}") from None
        if (origin.scheme, following.scheme) == ("https", "http"):
            raise HttpError(f"redirects from https to {url[:200]}")
        if not ask.elsewhere and not following.same_place(first):
            break
        origin = following
    return answer


async def _get_once(url: str, origin: Origin, ask: Ask, *, trusted: bool) -> Answer:
    tls = (ask.tls or client_context()) if origin.scheme == "https" else None
    reader, writer = await asyncio.open_connection(origin.host, origin.port, ssl=tls, limit=_LINE_BYTES)
    try:
        ask.connected()
        if tls is not None:
            ask.secured(origin.host, writer.get_extra_info("peercert") or {})
        writer.write(_request(origin, ask, trusted=trusted))
        await writer.drain()
        return await _read(reader, url, ask.body_bytes, whole=ask.whole)
    except asyncio.IncompleteReadError:
        raise HttpError("the answer breaks off") from None
    except (ValueError, asyncio.LimitOverrunError):  # StreamReader: a line longer than its limit
        raise HttpError(f"a line of the answer has more than {_LINE_BYTES} bytes") from None
    finally:
        writer.transport.abort()  # at once: nothing is left to be said, and a hung peer would not take it
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _request(origin: Origin, ask: Ask, *, trusted: bool) -> bytes:
    headers = {
        "Host": origin.authority,
        "User-Agent": "signwatch-agent",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if trusted:
        headers |= ask.headers
        if ask.username is not None:
            headers["Authorization"] = f"Basic {b64encode(f'{ask.username}:{ask.password}'.encode()).decode()}"
    lines = [f"GET {origin.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(character in line for line in lines for character in "\r\n"):
        raise HttpError("a header of the request holds a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


async def _read(reader: asyncio.StreamReader, url: str, limit: int, *, whole: bool) -> Answer:
    status, headers = await read_head(reader)
    while status < _FINAL:
        status, headers = await read_head(reader)
    if status in _BODILESS or not (whole or limit):
        return Answer(status, headers, b"", url)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Answer(status, headers, await _read_chunks(reader, limit, whole=whole), url)
    length = headers.get("content-length")
    if length is None:
        return Answer(status, headers, await _read_all(reader, limit, whole=whole), url)
    size = _bounded(length, 10, limit if whole else _ANY_BYTES)
    return Answer(status, headers, await reader.readexactly(min(size, limit)), url)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read the status and the headers of an answer; HttpError where there is none, ValueError for an endless line."""
    version, _, rest = (await _read_line(reader)).partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and rest[3:4] in {"", " "}):
        raise HttpError("it does not speak HTTP")
    headers: dict[str, str] = {}
    size = 0
    while line := await _read_line(reader):
        size += len(line)
        if size > HEAD_BYTES:
            raise HttpError(f"the answer has more than {HEAD_BYTES} bytes of headers")
        name, colon, value = line.partition(":")
        if not colon:
            raise HttpError("it does not speak HTTP")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return int(code), headers


async def _read_line(reader: asyncio.StreamReader) -> str:
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise HttpError("the answer breaks off" if line else "the connection was closed without an answer")
    return line.rstrip(b"\r\n").decode("latin-1")


async def _read_chunks(reader: asyncio.StreamReader, limit: int, *, whole: bool) -> bytes:
    body = bytearray()
    while size := _bounded(
        (await _read_line(reader)).partition(";")[0], 16, limit - len(body) if whole else _ANY_BYTES
    ):
        if len(body) + size > limit:
            return bytes(body + await reader.readexactly(limit - len(body)))
        body += await reader.readexactly(size)
        if await _read_line(reader):
            raise HttpError("a chunk of the answer has another length than it says")
    return bytes(body)  # trailers are of no interest, and the connection ends here


async def _read_all(reader: asyncio.StreamReader, limit: int, *, whole: bool) -> bytes:
    body = bytearray()
    while portion := await reader.read(limit + 1 - len(body)):
        body += portion
        if len(body) > limit and not whole:
            return bytes(body[:limit])
        _bounded(str(len(body)), 10, limit)
    return bytes(body)


def _bounded(text: str, base: int, limit: int) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isalnum():
        raise HttpError("the answer does not say how long it is")
    try:
        size = int(digits, base)
    except ValueError:
        raise HttpError("the answer does not say how long it is") from None
    if size > limit:
        raise HttpError("the answer is too long")
    return size
