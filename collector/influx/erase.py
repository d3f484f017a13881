"""Delete a tenant's points: every series that carries the tenant's tag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from collector.httpclient import basic_auth, trust

if TYPE_CHECKING:
    from collector.influx.config import InfluxConfig

_DONE: Final = (200, 204)
_BEGINNING: Final = "1970-01-01T00:00:00Z"
_END: Final = "2262-04-11T23:47:16Z"  # the last instant that InfluxDB knows
_SHOWN: Final = 200
_TIMEOUT_S: Final = 300  # deleting rewrites shards


async def erase_points(config: InfluxConfig, tenant: str) -> tuple[bool, str]:
    """Whether that was done, and a sentence for the certificate. `tenant` is an id, which needs no quoting."""
    ask = _ask_v1 if config.version == 1 else _ask_v2
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    connector = aiohttp.TCPConnector(ssl=trust(config.ca_file, "influx.ca_file"))
    try:
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            problem = await ask(session, config, tenant)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        problem = str(error) or type(error).__name__
    if problem is None:
        return True, f"series with tenant={tenant} were deleted at {config.url}"
    return False, f"NOT erased at {config.url} ({problem}); delete every series with tenant={tenant} there"


async def _ask_v1(session: aiohttp.ClientSession, config: InfluxConfig, tenant: str) -> str | None:
    query = {"db": config.database, "q": f"DROP SERIES WHERE \"tenant\" = '{tenant}'"}
    headers = basic_auth(config.username, config.secret("password"))
    async with session.post(f"{config.url.rstrip('/')}/query", data=query, headers=headers) as response:
        body = await response.text()
        return _problem(response.status, body) or _said(body)


async def _ask_v2(session: aiohttp.ClientSession, config: InfluxConfig, tenant: str) -> str | None:
    body = {"start": _BEGINNING, "stop": _END, "predicate": f'tenant="{tenant}"'}
    headers = {"Authorization": f"Token {config.secret('token')}"}
    where = {"org": config.org, "bucket": config.bucket}
    url = f"{config.url.rstrip('/')}/api/v2/delete"
    async with session.post(url, params=where, json=body, headers=headers) as response:
        return _problem(response.status, await response.text())


def _problem(status: int, body: str) -> str | None:
    return None if status in _DONE else f"it answered {status}: {' '.join(body.split())[:_SHOWN]}"


def _said(body: str) -> str | None:
    """InfluxDB 1.x answers 200 to a query that failed, and says so in the body."""
    try:
        answer: Any = json.loads(body)
        errors = [answer.get("error"), *(result.get("error") for result in answer.get("results", ()))]
    except (ValueError, AttributeError, TypeError):
        return f"it answered what is no JSON: {body[:_SHOWN]}"
    return next((str(error) for error in errors if error), None)
