"""Real sockets: one that accepts, one that refuses, one that never answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from common.connectivity import Target, connect, parse_target, reach
from common.tasks import cancel, spawn
from tests.fixtures.waiting import free_port, until


@pytest.fixture
async def open_target() -> AsyncIterator[Target]:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    yield Target("127.0.0.1", server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()


@pytest.fixture
def closed_target() -> Target:
    return Target("127.0.0.1", free_port())


@pytest.fixture
def mute_target() -> Iterator[Target]:
    """A listener whose queue is full: the kernel drops what comes, as a firewall does."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        yield Target(*listener.getsockname())


async def test_one_target_that_answers_is_enough(
    open_target: Target, closed_target: Target, mute_target: Target
) -> None:
    found = await reach([closed_target, mute_target, open_target], 30)
    assert (found.reached, found.online) == (open_target, True)


async def test_targets_that_refuse_or_say_nothing_are_told_by_name(closed_target: Target, mute_target: Target) -> None:
    found = await reach([closed_target, mute_target], 0.2)
    assert not found.online
    assert f"{mute_target}: no answer within 0.2 s" in found.detail
    assert str(closed_target) in found.detail


async def test_without_a_target_nothing_is_reached() -> None:
    found = await reach([], 1)
    assert (found.reached, found.detail) == (None, "nothing else can be reached (no target is named)")


async def test_a_connection_is_closed_again(open_target: Target) -> None:
    assert await connect(open_target, 30) is None


async def test_a_name_that_nobody_knows_is_no_exception() -> None:
    assert await connect(Target("no-such-host.invalid", 443), 30)


async def test_whoever_cancels_leaves_no_task_behind(mute_target: Target) -> None:
    before = asyncio.all_tasks()
    asking = spawn(reach([mute_target, mute_target], 60), "asking")
    await until(lambda: len(asyncio.all_tasks() - before) > 1, "both are asked")
    await cancel(asking)
    assert asyncio.all_tasks() - before == set()


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("192.0.2.1:443", Target("192.0.2.1", 443)),
        ("[2001:db8::1]:53", Target("2001:db8::1", 53)),
        ("name.example:65535", Target("name.example", 65535)),
    ],
)
def test_a_target_is_read_and_written_alike(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert str(target) == text


@pytest.mark.parametrize(
    "text", ["", "name", "name:", ":443", "name:0", "name:65536", "a b:1", "2001:db8::1:53", "n:²"]
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|brackets"):
        parse_target(text)
