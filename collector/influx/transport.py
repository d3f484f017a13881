"""The way into an InfluxDB: line protocol over HTTP. An `Answer`, never an exception, for whatever the network does.

One client for both versions, since they differ in a path and a header only, and since an answer is read within bounds:
a server gone mad must fill neither memory nor time. Redirects are not followed: credentials go to the address that the
operator wrote, or nowhere.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp

from collector.backoff import retry_after_ms
from collector.httpclient import basic_auth, beginning, trust
from collector.influx.verdict import NOBODY, Answer, read_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.influx.config import InfluxConfig
    from common.clock import Clock

_ANSWER_BYTES_MAX: Final = 64 * 1024
_NO_DATABASE: Final = "database not found"
_OK: Final = 200
_NOT_FOUND: Final = 404
_REDIRECTS: Final = range(300, 400)


class Transport(Protocol):
    """Sends line protocol with millisecond timestamps."""

    async def write(self, body: bytes) -> Answer:
        """Write lines, separated by newlines."""

    async def close(self) -> None:
        """Let go of the connections."""


def check(config: InfluxConfig) -> None:
    """ConfigError where a file that the configuration names cannot be used."""
    trust(config.ca_file, "influx.ca_file")
    config.secret("password")
    config.secret("token")


def connect(config: InfluxConfig, clock: Clock) -> Transport:
    """The transport that the configuration names; call it inside the event loop. ConfigError for an unusable file."""
    return V1(config, clock) if config.version == 1 else V2(config, clock)


class _Http:
    """What both versions share."""

    def __init__(self, config: InfluxConfig, clock: Clock, headers: Mapping[str, str]) -> None:
        self._config = config
        self._clock = clock
        self._url = config.url.rstrip("/")
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=config.timeout_s),
            connector=aiohttp.TCPConnector(ssl=trust(config.ca_file, "influx.ca_file")),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def _post_lines(self, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        if not self._config.gzip:
            return await self._post(path, query, body, {})
        return await self._post(path, query, gzip.compress(body, 6), {"Content-Encoding": "gzip"})

    async def _post(self, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            async with self._session.post(
                self._url + path,
                params=query,
                data=body,
                headers={"Content-Type": "text/plain; charset=utf-8", **headers},
                allow_redirects=False,
            ) as response:
                if response.status in _REDIRECTS:
                    return _elsewhere(response.status, response.headers.get("Location", "nowhere"))
                wait_ms = retry_after_ms(response.headers.get("Retry-After"), self._clock.wall_ms())
                return read_body(response.status, await beginning(response, _ANSWER_BYTES_MAX), wait_ms)
        except TimeoutError:
            return Answer(NOBODY, f"no answer within {self._config.timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(NOBODY, str(error) or type(error).__name__)


class V1(_Http):
    """InfluxDB 1.x: `POST /write?db=…&precision=ms`."""

    def __init__(self, config: InfluxConfig, clock: Clock) -> None:
        super().__init__(config, clock, basic_auth(config.username, config.secret("password")))

    async def write(self, body: bytes) -> Answer:
        """Write; a database that does not exist is made first, where the configuration allows that."""
        answer = await self._write(body)
        if answer.status == _NOT_FOUND and _NO_DATABASE in answer.message and self._config.create_database:
            made = await self._post("/query", {"q": f'CREATE DATABASE "{self._config.database}"'}, b"", {})
            return await self._write(body) if made.status == _OK else made
        return answer

    async def _write(self, body: bytes) -> Answer:
        query = {"db": self._config.database, "precision": "ms"}
        if self._config.retention_policy:
            query["rp"] = self._config.retention_policy
        return await self._post_lines("/write", query, body)


class V2(_Http):
    """InfluxDB 2.x, 3 and VictoriaMetrics: `POST /api/v2/write?org=…&bucket=…&precision=ms`."""

    def __init__(self, config: InfluxConfig, clock: Clock) -> None:
        token = config.secret("token")
        super().__init__(config, clock, {"Authorization": f"Token {token}"} if token else {})

    async def write(self, body: bytes) -> Answer:
        """Write."""
        query = {"org": self._config.org, "bucket": self._config.bucket, "precision": "ms"}
        return await self._post_lines("/api/v2/write", query, body)


def _elsewhere(status: int, location: str) -> Answer:
    return Answer(status, f"redirects to {location[:200]}: if that is where to write, say so in [influx] url")
