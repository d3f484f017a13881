"""The portal that virtual vantage points check: what they see of it while nothing stands between them and it.

It is up; or, where it is a real one, what its address answers. That is asked once for all vantage points, since they
share this machine: their networks, and what cuts one of them off, are virtual.
"""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog

from common.clock import monotonic_s
from wire.states import State
from wire.votes import output_of

log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 3.0
_MS: Final = 1000


class Seen(NamedTuple):
    """What a vantage point sees, and in how many milliseconds it was answered."""

    state: State = "up"
    detail: str | None = None
    latency_ms: int | None = None


UNREACHABLE: Final = Seen("unknown", f"no answer within {TIMEOUT_S:g} s, and nothing else can be reached")
BROKEN: Final = f"no answer within {TIMEOUT_S:g} s"


class Portal:
    """The platform part `id`. `url`: a real one, asked each `interval_s`; None: it is always up."""

    def __init__(self, platform: str, url: str | None = None, interval_s: float = 10.0) -> None:
        self.output = output_of(platform)
        self.seen = Seen() if url is None else Seen("unknown", "the portal has not been asked yet")
        self._url = url
        self._interval_s = interval_s
        self._watchers: list[Callable[[], None]] = []

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever it goes up or down."""
        self._watchers.append(watcher)

    async def run(self) -> None:
        """Ask until cancelled; nothing to do where it is only imagined."""
        while self._url is not None:
            begun_s = monotonic_s()
            before, self.seen = self.seen, await asyncio.to_thread(ask, self._url)
            if self.seen.state != before.state:
                log.info("portal", state=self.seen.state, detail=self.seen.detail)
                for watcher in self._watchers:
                    watcher()
            await asyncio.sleep(max(0.0, self._interval_s - (monotonic_s() - begun_s)))


def ask(url: str) -> Seen:
    """Ask an address once, as agents do: `down` where it does not answer with status 200 in time."""
    begun_s = monotonic_s()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked to be http(s)
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, http.client.HTTPException) as error:  # URLError and TimeoutError are the former
        return Seen("down", str(getattr(error, "reason", error)) or type(error).__name__)
    if status != HTTPStatus.OK:
        return Seen("down", f"status {status}, expected 200")
    took_ms = round((monotonic_s() - begun_s) * _MS)
    return Seen("up", f"status 200 in {took_ms} ms", took_ms)
