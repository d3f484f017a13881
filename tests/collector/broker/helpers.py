from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from collector.broker import EmbeddedBroker
from collector.broker.credentials import PasswordHash, write_credentials
from tests.fixtures.waiting import PATIENCE_S

COLLECTOR = "collector"


def cheap_hash(password: str) -> PasswordHash:
    """A valid entry of the file with the cheapest parameters, so that 200 clients do not take 200 x 50 ms."""
    return PasswordHash(2, 1, 1, b"salt", hashlib.scrypt(password.encode(), salt=b"salt", n=2, r=1, p=1, dklen=32))


def write_users(path: Path, *users: str) -> None:
    """Each user's password is `secret-` and its name."""
    write_credentials(path, {user: cheap_hash(f"secret-{user}") for user in users})


def client_of(broker: EmbeddedBroker, user: str, **more: object) -> aiomqtt.Client:
    """A real client of the user, with the right password unless told otherwise."""
    settings: dict[str, object] = {
        "username": user,
        "password": f"secret-{user}",
        "timeout": 60,
        "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        **more,
    }
    return aiomqtt.Client("127.0.0.1", broker.port, **settings)  # type: ignore[arg-type]


@asynccontextmanager
async def collector_hearing(broker: EmbeddedBroker, *filters: str) -> AsyncIterator[aiomqtt.Client]:
    """The collector, subscribed (to everything unless told otherwise)."""
    async with client_of(broker, COLLECTOR) as client:
        for one in filters or ("signwatch/v1/#",):
            await client.subscribe(one, qos=1)
        yield client


async def next_message(client: aiomqtt.Client) -> aiomqtt.Message:
    """The next message that arrives; a minute is for a machine that is very busy."""
    return await asyncio.wait_for(anext(aiter(client.messages)), 100)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def lose_connection(client: aiomqtt.Client) -> None:
    """Cut the connection as a lost link does: no DISCONNECT."""
    connection = client._client.socket()
    assert connection is not None
    connection.shutdown(socket.SHUT_RDWR)
