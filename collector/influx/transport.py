"""The two ways into an InfluxDB. Both give an `Answer`, never an exception, for whatever the network does."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from collector.backoff import retry_after_ms
from collector.httpclient import basic_auth, trust
from collector.influx.verdict import NOBODY, Answer, read_body

if TYPE_CHECKING:
    from collector.influx.config import InfluxConfig
    from common.clock import Clock

_NO_DATABASE: Final = "database not found"
_NOT_FOUND: Final = 404


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


class V1:
    """InfluxDB 1.x: `POST /write?db=…&precision=ms`."""

    def __init__(self, config: InfluxConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._url = config.url.rstrip("/")
        self._session = aiohttp.ClientSession(
            headers=basic_auth(config.username, config.secret("password")),
            timeout=aiohttp.ClientTimeout(total=config.timeout_s),
            connector=aiohttp.TCPConnector(ssl=trust(config.ca_file, "influx.ca_file")),
        )

    async def write(self, body: bytes) -> Answer:
        """Write; a database that does not exist is made first, where the configuration allows that."""
        answer = await self._write(body)
        if answer.status == _NOT_FOUND and _NO_DATABASE in answer.message and self._config.create_database:
            made = await self._post("/query", {"q": f'CREATE DATABASE "{self._config.database}"'}, b"", {})
            return await self._write(body) if made.status == 200 else made  # noqa: PLR2004
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def _write(self, body: bytes) -> Answer:
        query = {"db": self._config.database, "precision": "ms"}
        if self._config.retention_policy:
            query["rp"] = self._config.retention_policy
        if not self._config.gzip:
            return await self._post("/write", query, body, {})
        return await self._post("/write", query, gzip.compress(body, 6), {"Content-Encoding": "gzip"})

    async def _post(self, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Answer:
        try:
            async with self._session.post(
                self._url + path,
                params=query,
                data=body,
                headers={"Content-Type": "text/plain; charset=utf-8", **headers},
                allow_redirects=False,
            ) as response:
                wait_ms = retry_after_ms(response.headers.get("Retry-After"), self._clock.wall_ms())
                return read_body(response.status, await response.read(), wait_ms)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return _nobody(error, self._config.timeout_s)


class V2:
    """InfluxDB 2.x, 3 and VictoriaMetrics: `POST /api/v2/write`, through influxdb-client."""

    def __init__(self, config: InfluxConfig, clock: Clock) -> None:
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
        from influxdb_client.domain.write_precision import WritePrecision

        self._config = config
        self._clock = clock
        self._precision: Any = WritePrecision.MS  # the library's annotation is wrong: it is a text
        tls: dict[str, Any] = {"ssl_ca_cert": config.ca_file} if config.ca_file else {}
        self._client = InfluxDBClientAsync(
            url=config.url.rstrip("/"),
            token=config.secret("token"),
            org=config.org,
            timeout=round(config.timeout_s * 1000),
            enable_gzip=config.gzip,
            allow_redirects=False,
            **tls,
        )
        self._writer = self._client.write_api()

    async def write(self, body: bytes) -> Answer:
        """Write."""
        from influxdb_client.rest import ApiException

        try:
            await self._writer.write(bucket=self._config.bucket, record=body, write_precision=self._precision)
        except ApiException as error:
            wait_ms = retry_after_ms(error.retry_after, self._clock.wall_ms())
            return read_body(error.status or NOBODY, error.body or b"", wait_ms)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return _nobody(error, self._config.timeout_s)
        return Answer(204)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # the library has no types


def _nobody(error: Exception, timeout_s: float) -> Answer:
    if isinstance(error, TimeoutError):
        return Answer(NOBODY, f"no answer within {timeout_s:g} s")
    return Answer(NOBODY, str(error) or type(error).__name__)
