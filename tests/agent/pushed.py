"""A real agent whose one output is told by the test what plays, and what the test knows of it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent.journal import NAME
from agent.records import read
from agent.restart import Recalled, recall
from common.clock import SystemClock
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import PATIENCE_S, free_port, until

OUTPUT: Final = "main"
_GONE: Final = (OSError, http.client.HTTPException)


class Lived(NamedTuple):
    """The truth: a state that was told at `told_ms` and believed by `seen_ms` (CLOCK_BOOTTIME; None: never seen)."""

    state: str
    told_ms: int
    seen_ms: int | None


class PushedAgent:
    """One device's agent. It may die at any moment: `tell` says whether it lived on."""

    def __init__(self, processes: Processes, broker: Mosquitto, folder: Path, device: str = "p1") -> None:
        self._processes = processes
        self.device = device
        self.push_port, self.health_port = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "agent.toml"
        self.config.write_text(self._text(broker.port), encoding="utf-8")
        self.spool = folder / "spool"
        self.process: Process | None = None
        self.lived: list[Lived] = []
        self._clock = SystemClock()

    def _text(self, port: int) -> str:
        return f"""
            tenant = "acme"
            device = "{self.device}"
            interval_s = 1
            [mqtt]
            host = "127.0.0.1"
            port = {port}
            reconnect_min_s = 0.05
            reconnect_max_s = 0.2
            [spool]
            dir = "spool"
            sign_of_life_s = 1
            [health]
            listen = "127.0.0.1:{self.health_port}"
            [push]
            listen = "127.0.0.1:{self.push_port}"
            [[outputs]]
            id = "{OUTPUT}"
            probe = "push"
            interval_s = 0.2
            [outputs.push]
            deadline_s = 3600
            [outputs.confirm.error]
            samples = 1
            [outputs.confirm.stopped]
            samples = 1
        """

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.alive

    async def start(self, env: Mapping[str, str] | None = None) -> bool:
        """Start it, under that environment; whether it came to answer."""
        arguments = ("agent", "run", "--config", self.config)
        self.process = self._processes.signwatch(*arguments, name=f"agent-{self.device}", env=env)
        return await self._lives_until_it_says(lambda health: True)

    async def stop(self) -> int:
        """Stop it in good order; its exit status."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send(signal.SIGTERM)
        await until(lambda: not self.alive, "the agent ends")
        return self.process.wait()

    async def tell(self, state: str) -> bool:
        """Tell it what plays; whether it lived to believe that."""
        told_ms = self._clock.mono_ms()
        self.lived.append(Lived(state, told_ms, None))
        body = json.dumps({"output": OUTPUT, "state": state}).encode()
        url = f"http://127.0.0.1:{self.push_port}/v1/state"
        try:
            await _asked(urllib.request.Request(url, body, {"Content-Type": "application/json"}))
        except _GONE:
            if self.alive:
                await until(lambda: not self.alive, "it is dying")
            return False
        if not await self._lives_until_it_says(lambda health: health["outputs"][OUTPUT]["state"] == state):
            return False
        self.lived[-1] = Lived(state, told_ms, self._clock.mono_ms())
        return True

    async def drained(self) -> bool:
        """Wait until the collector has everything; whether it lived on."""
        return await self._lives_until_it_says(lambda health: health["link"]["online"] and health["spool"]["runs"] == 0)

    async def health(self) -> dict[str, Any]:
        """Ask `/healthz`, whatever its status."""
        return await _asked(urllib.request.Request(f"http://127.0.0.1:{self.health_port}/healthz"))

    async def _lives_until_it_says(self, right: Any) -> bool:
        async def said() -> bool:
            try:
                return not self.alive or bool(right(await self.health()))
            except _GONE:
                return False

        await until(said, f"{self.device} says so, or dies", 2 * PATIENCE_S)
        return self.alive

    def recalled(self) -> Recalled:
        """What the journal says now."""
        return recall(read((self.spool / NAME).read_bytes().splitlines(keepends=True)), f"acme/{self.device}")

    def now_ms(self) -> int:
        """CLOCK_BOOTTIME milliseconds."""
        return self._clock.mono_ms()


async def _asked(request: urllib.request.Request) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:  # 503 of /healthz says as much
            text = refused.read()
        told: dict[str, Any] = json.loads(text or b"{}")
        return told

    return await asyncio.to_thread(ask)


def room_bytes(folder: Path) -> int:
    """What anybody may still write there."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize
