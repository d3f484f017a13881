"""Asks the collector's own API, as any program may, and says what has changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from common.clock import monotonic_s

_EVERY_S: Final = 1.0
_QUIET_S: Final = 20.0  # a figure that only creeps is told this often
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class Watch:
    """One running collector, seen from outside."""

    def __init__(self, port: int, tenant: str) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._tenant = tenant  # whose story is told

    async def ready(self) -> bool:
        """Whether the collector serves and takes in evidence."""
        return bool((await self._get("/healthz") or {}).get("ok"))

    async def state_of(self, tenant: str, device: str) -> str:
        """The state of a player's output `main`; "" while nobody answers."""
        return str((await self._get(f"/api/v1/players/{tenant}/{device}/main") or {}).get("state", ""))

    async def tell_changes(self, tell: Callable[[str], None]) -> None:
        """Tell the fleet's state and the figure whenever the fleet changes, and now and then as the figure creeps."""
        told_states, told_percent, told_s = "", "", monotonic_s()
        while True:
            states, percent = await self._summary()
            creeps = percent != told_percent and monotonic_s() - told_s > _QUIET_S
            if states and (states != told_states or creeps):
                tell(f"availability {percent} %   {states}")
                told_states, told_percent, told_s = states, percent, monotonic_s()
            await asyncio.sleep(_EVERY_S)

    async def _summary(self) -> tuple[str, str]:
        players, platforms, figures = await asyncio.gather(
            self._get("/api/v1/players"), self._get("/api/v1/platforms"), self._get("/api/v1/figures")
        )
        if not (players and platforms and figures and figures["figures"]):
            return "", ""
        counts = Counter(str(player["state"]) for player in players["players"] if player["tenant"] == self._tenant)
        words = [f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        portal = "".join(f", portal {platform['state']}{_votes(platform)}" for platform in platforms["platforms"])
        return ", ".join(words) + portal, self._percent(figures)

    def _percent(self, figures: dict[str, Any]) -> str:
        mine = (figure for figure in figures["figures"] if figure["agreement"].startswith(f"{self._tenant}/"))
        return "".join(str(figure["percent"]) for figure in mine)

    async def _get(self, path: str) -> dict[str, Any] | None:
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(self._url + path) as answer:
                body: dict[str, Any] = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        return body


def _votes(platform: dict[str, Any]) -> str:
    """By how many: ` (1 of 6 say down)`; nothing while all say up."""
    tally = platform.get("tally")
    return f" ({tally['down']} of {tally['can_tell']} say down)" if tally and tally["down"] else ""
