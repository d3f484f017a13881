"""The collector's part in the agent's tests: hears everything, acknowledges when told to."""

from __future__ import annotations

import asyncio
from typing import Self, TypeVar

import aiomqtt

from common.tasks import cancel, raise_if_cancelled, spawn
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.waiting import until
from wire.messages import Ack, Heartbeat, Hello, Message, Run, Runs, decode, encode
from wire.seqs import to_ranges
from wire.topics import Address, Kind, parse_topic, subscriptions, topic

_M = TypeVar("_M")


class Listener:
    """Connected inside `async with`; it connects again where the broker went away."""

    def __init__(self, broker: Mosquitto, username: str | None = None, password: str | None = None) -> None:
        self._broker = broker
        self._login = {"username": username, "password": password}
        self.heard: list[tuple[Address, Kind, Message]] = []
        self.acknowledging = False
        self._client: aiomqtt.Client | None = None
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = spawn(self._listen(), "listener")
        await until(self._ready.is_set, "the listener is subscribed")
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel(self._task)

    def all(self, kind: type[_M]) -> list[_M]:
        """Every message of one type, in the order in which they came."""
        return [message for _, _, message in self.heard if isinstance(message, kind)]

    def kinds(self) -> list[Kind]:
        """What came, in order."""
        return [kind for _, kind, _ in self.heard]

    def closed(self, output: str = "main") -> list[Run]:
        """Closed runs heard of, each once, by start."""
        runs = {(body.spool, run.seq): run for body in self.all(Runs) for run in body.runs if run.output == output}
        return sorted(runs.values(), key=lambda run: (run.start_ms, run.seq))

    def stated(self, output: str = "main") -> Run | None:
        """The open run that the newest heartbeat states."""
        beats = self.all(Heartbeat)
        return next((run for run in beats[-1].open if run.output == output), None) if beats else None

    def host(self) -> dict[str, object]:
        """What the newest heartbeat that tells of the machine says of it; a mere sign of life tells nothing."""
        return next((dict(beat.host) for beat in reversed(self.all(Heartbeat)) if beat.host), {})

    async def hears(self, state: str, output: str = "main") -> Run:
        """Wait until the newest heartbeat states that state."""

        def right() -> Run | None:
            run = self.stated(output)
            return run if run is not None and run.state == state else None

        run = await until(right, f"a heartbeat says {state}")
        assert run is not None
        return run

    async def hears_closed(self, state: str, output: str = "main") -> Run:
        """Wait until a closed run in that state has been heard of; the newest one."""
        await until(lambda: any(run.state == state for run in self.closed(output)), f"a closed run says {state}")
        return [run for run in self.closed(output) if run.state == state][-1]

    async def count(self, kind: type[Message], number: int) -> None:
        """Wait until so many messages of that type came."""
        await until(lambda: len(self.all(kind)) >= number, f"{number} × {kind.__name__}")

    async def acknowledge(self, runs: Runs) -> None:
        """Say that the ledger has these."""
        address = next(address for address, _, message in self.heard if message is runs)
        ack = Ack(spool=runs.spool, seqs=to_ranges(run.seq for run in runs.runs))
        await self.publish(topic(address, "ack"), encode(ack))

    async def publish(self, where: str, body: bytes) -> None:
        """Publish anything."""
        assert self._client is not None
        await self._client.publish(where, body, qos=1)

    async def _listen(self) -> None:
        while True:
            try:
                async with aiomqtt.Client(self._broker.host, self._broker.port, **self._login) as client:  # type: ignore[arg-type]
                    self._client = client
                    for pattern in subscriptions():
                        await client.subscribe(pattern, qos=1)
                        raise_if_cancelled()
                    self._ready.set()
                    await self._hear(client)
            except aiomqtt.MqttError:
                raise_if_cancelled()
                await asyncio.sleep(0.05)  # the test has taken the broker away

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            address, kind = parse_topic(message.topic.value)
            assert isinstance(message.payload, bytes)
            body = decode(kind, message.payload)
            self.heard.append((address, kind, body))
            if self.acknowledging and isinstance(body, Runs):
                await self.acknowledge(body)
                raise_if_cancelled()
            if isinstance(body, Hello):
                assert not message.retain
