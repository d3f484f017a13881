"""SIGKILL at the n-th write, fsync, rename, unlink and send of the real agent; then it is started again and drains.

Whatever n: every run that was sent or acknowledged before is there afterwards, word for word and once; no two runs
overlap; and what the runs say is what was told, for exactly as long, up to the last state before the kill.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from agent.restart import Name
from common.clock import ManualClock, SystemClock
from tests.agent.listener import Listener
from tests.agent.lives import Life, ended, live_through, opened
from tests.agent.pushed import OUTPUT, Lived, PushedAgent
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Shim
from tests.fixtures.waiting import until
from wire.messages import Run, Runs

STORY: Final = ("playing", "error", "playing", "stopped", "playing")
CALLS: Final = ("write", "fsync", "rename", "unlink", "send")
SAMPLE: Final = ("write:1", "write:5", "fsync:3", "fsync:6", "rename:1", "unlink:1", "send:6", "send:9")
AT_ONCE: Final = 3
pytestmark = pytest.mark.system


class Sweep:
    """Agents, each killed at its own call, against one broker."""

    def __init__(self, processes: Processes, broker: Mosquitto, listener: Listener, shim: Shim, folder: Path) -> None:
        self._processes, self._broker, self._listener = processes, broker, listener
        self._shim, self._folder = shim, folder
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def survives(self, kill: str) -> bool:
        """Live the story under that kill and check what is left; whether it was killed at all."""
        async with self._turn:
            device = kill.replace(":", "-")
            agent = PushedAgent(self._processes, self._broker, self._folder / device, device)
            before = await earlier_life(agent)
            killed = not await self._live(agent, self._shim.env(agent.spool, kill=kill))
            assert agent.process is not None
            assert agent.process.wait() == (-9 if killed else 0)
            died_ms, sent = agent.now_ms(), self._runs(device)
            assert await agent.start(), f"{kill}: it starts again"
            assert await agent.drained()
            assert await agent.stop() == 0
            await until(lambda: len(self._runs(device)) >= len(sent), "everything came")
            runs = self._runs(device)
            assert sent.items() <= runs.items(), f"{kill}: what was sent is there, unchanged"
            assert {name: run for name, run in runs.items() if run.output != OUTPUT} == before, kill
            check(kill, agent.lived, [run for run in runs.values() if run.output == OUTPUT], died_ms)
            return killed

    async def _live(self, agent: PushedAgent, env: dict[str, str]) -> bool:
        if not await agent.start(env):
            return False
        for state in STORY:
            if not await agent.tell(state):
                return False
        return await agent.stop() == 0

    def _runs(self, device: str) -> dict[Name, Run]:
        """Closed runs by name, as a ledger joins them; one name must never tell two things."""
        joined: dict[Name, Run] = {}
        for address, _, body in self._listener.heard:
            if address.device == device and isinstance(body, Runs):
                for run in body.runs:
                    assert joined.setdefault((body.spool, run.seq), run) == run
        return joined


async def earlier_life(agent: PushedAgent) -> dict[Name, Run]:
    """Leave a spool in which another output's runs wait, one of them cut off, and half of a replacement."""
    clock = ManualClock(boot=SystemClock().boot_id(), mono=agent.now_ms() - 600_000)
    life = Life(agent.spool, clock, f"acme/{agent.device}")
    closed = await live_through(life, 3, "other")
    one = opened(life.spool, clock, "other", "frozen")
    life.spool.turn([], [one])
    await life.spool.commit()
    life.crash()
    (agent.spool / "spool.new").write_bytes(b"half of a repl")
    cut = ended(one, clock)
    return {(kept.spool, kept.run.seq): kept.run for kept in (*closed, cut)}


def check(kill: str, lived: list[Lived], runs: list[Run], died_ms: int) -> None:
    told = sorted((run for run in runs if run.state != "unknown"), key=lambda run: run.start_mono_ms)
    assert [run.state for run in told] == [state for state, _, _ in lived][: len(told)], kill
    believed = sum(1 for one in lived if one.seen_ms is not None)
    assert len(told) >= believed - 1, f"{kill}: at most what was on its way to the disk is missing"
    for before, after in pairwise(told):
        assert before.end_mono_ms == after.start_mono_ms, f"{kill}: no time is missing, none is told twice"
    for run, truth in zip(told, lived, strict=False):
        assert truth.told_ms <= run.start_mono_ms <= (truth.seen_ms or died_ms), kill
    if told:
        assert (told[-1].end_mono_ms or 0) <= died_ms


@pytest.fixture
async def sweep(processes: Processes, mosquitto: Mosquitto, shim: Shim, tmp_path: Path) -> AsyncIterator[Sweep]:
    async with Listener(mosquitto) as listener:
        listener.acknowledging = True
        yield Sweep(processes, mosquitto, listener, shim, tmp_path)


async def test_a_kill_at_any_of_these_calls_costs_no_evidence_and_doubles_none(sweep: Sweep) -> None:
    killed = await asyncio.gather(*map(sweep.survives, SAMPLE))
    assert all(killed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("call", CALLS)
async def test_a_kill_at_every_call_costs_no_evidence_and_doubles_none(sweep: Sweep, call: str) -> None:
    last = 0
    while True:
        wishes = [f"{call}:{last + number}" for number in range(1, AT_ONCE + 1)]
        killed = await asyncio.gather(*map(sweep.survives, wishes))
        assert list(killed) == sorted(killed, reverse=True), "who is killed at a call is not spared at an earlier one"
        last += sum(killed)
        if not all(killed):
            break
    print(f"\n{call}: killed at {last} of {last} calls")  # noqa: T201 - the figure of the long run
