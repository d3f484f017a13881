"""An agent as a collector sees it: sends runs and goes on sending them until they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Self

import aiomqtt

from common.clock import SystemClock
from common.tasks import cancel, spawn
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.waiting import until
from wire.messages import Ack, Hello, Output, Run, Runs, decode, encode
from wire.topics import Address, topic

NOW: Final = SystemClock().wall_ms() - 1_000_000  # when the device booted
RUN_MS: Final = 1000
SPOOL: Final = "reporter-spool"
AGAIN_S: Final = 0.5


def run_of(seq: int) -> Run:
    """The run of that number: what a ledger must have of it, to the millisecond."""
    at = seq * RUN_MS
    return Run(
        seq=seq,
        output="main",
        state="playing" if seq % 2 else "frozen",
        boot="b1",
        start_ms=NOW + at,
        start_mono_ms=at,
        end_ms=NOW + at + RUN_MS,
        end_mono_ms=at + RUN_MS,
    )


class Reporter:
    """Connected inside `async with`. `acked`: seqs that the collector has acknowledged."""

    def __init__(self, broker: Mosquitto, device: str) -> None:
        self.address = Address("acme", device)
        self.acked: set[int] = set()
        self._client = aiomqtt.Client(broker.host, broker.port)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        await self._client.subscribe(topic(self.address, "ack"), qos=1)
        self._task = spawn(self._listen(), "acks")
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel(self._task)
        await self._client.__aexit__(None, None, None)

    async def greet(self) -> None:
        """Say hello."""
        hello = Hello(
            **self._stamp(10**6), agent="0.1.0", interval_s=15, outputs=[Output(id="main", probe="mpv")], role="player"
        )
        await self._client.publish(topic(self.address, "hello"), encode(hello), qos=1)

    async def send(self, seqs: Iterable[int]) -> None:
        """Send these runs once."""
        runs = [run_of(seq) for seq in seqs]
        body = encode(Runs(**self._stamp(10**6), runs=runs))
        await self._client.publish(topic(self.address, "runs"), body, qos=1)

    async def deliver(self, seqs: Iterable[int], alive: Callable[[], bool]) -> bool:
        """Send until all are acknowledged; whether they were before the collector died."""
        waiting = set(seqs)
        while waiting - self.acked:
            if not alive():
                return False
            await self.send(sorted(waiting - self.acked))
            try:
                await until(lambda: not waiting - self.acked or not alive(), "acks", AGAIN_S)
            except AssertionError:
                continue
        return True

    def _stamp(self, mono_ms: int) -> dict[str, object]:
        return {"spool": SPOOL, "boot": "b1", "sent_ms": NOW + mono_ms, "mono_ms": mono_ms, "synced": True}

    async def _listen(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            ack = decode("ack", message.payload)
            assert isinstance(ack, Ack)
            assert ack.spool == SPOOL
            for first, last in ack.seqs:
                self.acked.update(range(first, last + 1))
            await asyncio.sleep(0)
