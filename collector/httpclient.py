"""What everything here that calls somebody over HTTP shares: whom it trusts, and how it says who it is."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import TYPE_CHECKING

from common.config import ConfigError, Finding

if TYPE_CHECKING:
    import aiohttp


def trust(ca_file: str, key: str) -> ssl.SSLContext | bool:
    """The certificate authorities to trust: those of the PEM file, or the system's where none is named.

    ConfigError naming `key` where the file cannot be used.
    """
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        remedy = "give a PEM file that this user may read"
        finding = Finding("http.ca_file", ca_file, key, f"cannot be used ({error})", remedy)
        raise ConfigError(finding) from None


def basic_auth(username: str, password: str) -> dict[str, str]:
    """The header of RFC 7617, UTF-8; nothing without a user."""
    if not username:
        return {}
    return {"Authorization": f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"}


async def beginning(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """The answer's first bytes, at most `limit_bytes`; a single read gives no more than what has arrived by then."""
    body = bytearray()
    async for portion in response.content.iter_any():
        body += portion
        if len(body) >= limit_bytes:
            break
    return bytes(body[:limit_bytes])
