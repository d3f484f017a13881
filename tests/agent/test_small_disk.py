"""A real agent on a real ext4 file system of 8 MiB that fills up, turns read-only, dies, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.agent.listener import Listener
from tests.agent.pushed import OUTPUT, PushedAgent
from tests.agent.small_disk import SmallDisk, mounted
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Shim
from tests.fixtures.waiting import until

RETURN_S = 60.0  # within which the agent is to use a disk again that has come back
pytestmark = pytest.mark.system


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async with Listener(mosquitto) as listener:
        yield listener


@pytest.fixture
def agent(processes: Processes, mosquitto: Mosquitto, tmp_path: Path) -> PushedAgent:
    return PushedAgent(processes, mosquitto, tmp_path / "player")


@pytest.fixture
def disk(agent: PushedAgent, tmp_path: Path) -> Iterator[SmallDisk]:
    """Mounted where the agent's spool goes."""
    with mounted(tmp_path / "disk.img", agent.spool) as disk:
        yield disk


def trouble(listener: Listener) -> object:
    """What the newest heartbeat says of the disk."""
    return listener.host().get("spool_error")


async def goes_on(agent: PushedAgent, listener: Listener, changes: int = 3) -> None:
    """So many more changes are believed, and all that ended is sent."""
    before = len(listener.closed())
    for _, state in zip(range(changes), cycle(("error", "playing")), strict=False):
        assert await agent.tell(state)
    await until(lambda: len(listener.closed()) >= before + changes - 1, "evidence comes all the same")


async def says(listener: Listener, error: str | None) -> None:
    await until(lambda: trouble(listener) == error, f"a heartbeat says {error}", RETURN_S)


def all_of_it_is_on_disk(agent: PushedAgent, listener: Listener) -> bool:
    return {run.seq for run in listener.closed()} <= {seq for _, seq in agent.recalled().runs}


async def test_a_disk_that_fills_up_and_turns_read_only_costs_nothing(
    agent: PushedAgent, listener: Listener, disk: SmallDisk
) -> None:
    assert await agent.start()
    assert await agent.tell("playing")
    disk.fill()
    async with asyncio.timeout(RETURN_S):
        while trouble(listener) is None:
            await goes_on(agent, listener)
    assert trouble(listener) == "No space left on device"
    assert (await agent.health())["spool"]["error"] == "No space left on device"
    disk.remount("ro")
    await says(listener, "Read-only file system")
    await goes_on(agent, listener)
    disk.remount("rw")
    (disk.folder / "filler").unlink()
    await says(listener, None)
    assert all_of_it_is_on_disk(agent, listener)
    assert await agent.stop() == 0


async def test_a_disk_that_dies_under_the_agent_is_used_again_when_it_was_mended(
    agent: PushedAgent, listener: Listener, disk: SmallDisk
) -> None:
    assert await agent.start()
    assert await agent.tell("playing")
    disk.breaks()
    await goes_on(agent, listener)
    await says(listener, "Read-only file system")
    disk.mend()
    await says(listener, None)
    assert all_of_it_is_on_disk(agent, listener)
    await goes_on(agent, listener)
    assert await agent.stop() == 0


async def test_an_agent_that_starts_on_a_read_only_disk_uses_it_as_soon_as_it_can(
    agent: PushedAgent, listener: Listener, disk: SmallDisk
) -> None:
    disk.remount("ro")
    assert await agent.start()
    await goes_on(agent, listener)
    await says(listener, "Read-only file system")
    disk.remount("rw")
    await says(listener, None)
    assert all_of_it_is_on_disk(agent, listener)
    assert await agent.stop() == 0


async def test_input_output_errors_are_told_and_survived(
    agent: PushedAgent, listener: Listener, shim: Shim, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    assert await agent.start(shim.env(agent.spool, fail=broken))
    assert await agent.tell("playing")
    broken.touch()
    await goes_on(agent, listener)
    await says(listener, "Input/output error")
    broken.unlink()
    await says(listener, None)
    assert all_of_it_is_on_disk(agent, listener)
    assert agent.process is not None
    agent.process.kill()
    held = agent.recalled()
    assert (held.damage, held.open[OUTPUT].run.state) == ([], "error")


async def test_while_the_machine_sleeps_nothing_plays(
    agent: PushedAgent, listener: Listener, shim: Shim, tmp_path: Path
) -> None:
    slept = tmp_path / "slept"
    assert await agent.start(shim.env(agent.spool, slept=slept))
    assert await agent.tell("playing")
    slept.write_text("20000", encoding="ascii")
    off = await listener.hears_closed("off")
    playing = [run for run in listener.closed() if run.state == "playing"][-1]
    assert (off.end_mono_ms or 0) - off.start_mono_ms == pytest.approx(20_000, abs=2000)  # two clocks, read apart
    assert playing.end_mono_ms == off.start_mono_ms
    assert (await listener.hears("playing")).start_mono_ms >= (off.end_mono_ms or 0) - 20
    assert await agent.stop() == 0
