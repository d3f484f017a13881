"""The power fails between any two calls of the real agent: what it had sent as a fact is on the disk.

A real agent is recorded (tests/fixtures/shim.c); tests/agent/crash.py builds every folder that a cut could leave after
each call; on each of them a spool is opened. A run counts as reported from the moment at which the agent sent it to the
broker in a `runs` message. The control is the same agent under eatmydata, whose fsync does nothing: it must fail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.backlog import Bounds
from agent.journal import Journal
from agent.records import Kept
from agent.restart import Name
from agent.spool import Spool
from common.clock import ManualClock
from tests.agent.crash import Disk, Inode, everything
from tests.agent.listener import Listener
from tests.agent.pushed import PushedAgent
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Call, Shim, recorded
from tests.fixtures.waiting import until
from wire.messages import Heartbeat, MessageError, Run, Runs, decode
from wire.topics import parse_topic

STORY = ("playing", "error", "playing", "stopped", "playing", "error", "playing")


class Said(NamedTuple):
    """What the agent had told the world by then: closed runs, and the names of open ones."""

    closed: dict[Name, Run]
    opened: set[Name]


class Wire:
    """MQTT packets out of the bytes that were sent; enough of MQTT 3.1.1 to find what was published."""

    def __init__(self) -> None:
        self._streams: dict[str, bytes] = {}
        self.said = Said({}, set())

    def sent(self, call: Call) -> None:
        if call.data[:1] == b"\x10":  # CONNECT: another connection on the same descriptor
            self._streams[call.one] = b""
        elif call.data[:5] == b"HTTP/":  # an answer of /healthz
            self._streams.pop(call.one, None)
        if call.one not in self._streams:
            return
        stream = self._streams[call.one] + call.data
        while packet := _packet(stream):
            head, body, stream = packet
            if head >> 4 == 3:
                self._published(body)
        self._streams[call.one] = stream

    def _published(self, body: bytes) -> None:
        length = int.from_bytes(body[:2], "big")
        _, kind = parse_topic(body[2 : 2 + length].decode())
        message = decode(kind, body[2 + length + 2 :])
        if isinstance(message, Runs):
            self.said.closed.update({(message.spool, run.seq): run for run in message.runs})
        if isinstance(message, Heartbeat):
            self.said.opened.update((message.spool, run.seq) for run in message.open)


def _packet(stream: bytes) -> tuple[int, bytes, bytes] | None:
    length, place = 0, 1
    while place < len(stream):
        length |= (stream[place] & 0x7F) << (7 * (place - 1))
        place += 1
        if stream[place - 1] < 0x80:
            end = place + length
            return (stream[0], stream[place:end], stream[end:]) if len(stream) >= end else None
    return None


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async with Listener(mosquitto) as listener:
        yield listener


class Recorder:
    """Records two lives of one agent, the second of which finds what the first left behind when it was killed."""

    def __init__(self, processes: Processes, broker: Mosquitto, shim: Shim, folder: Path) -> None:
        self.agent = PushedAgent(processes, broker, folder)
        self._shim = shim
        self.log = folder / "calls.log"

    async def record(self, listener: Listener, *, unsynced: bool = False) -> list[Call]:
        env = self._shim.env(self.agent.spool, log=self.log, unsynced=unsynced)
        assert await self.agent.start(env)
        for state in STORY:
            assert await self.agent.tell(state)
        await until(lambda: len(_told(listener)) == len(STORY) - 1, "all that is closed is sent")
        assert self.agent.process is not None
        self.agent.process.kill()
        assert await self.agent.start(env)
        assert await self.agent.tell("stopped")
        await until(lambda: len(_told(listener)) == len(STORY), "what was cut off is sent")
        assert await self.agent.stop() == 0
        return list(recorded(self.log))


def _told(listener: Listener) -> list[Run]:
    return [run for run in listener.closed() if run.state != "unknown"]


@pytest.fixture
def recorder(processes: Processes, mosquitto: Mosquitto, shim: Shim, tmp_path: Path) -> Recorder:
    return Recorder(processes, mosquitto, shim, tmp_path / "player")


class Reopened(NamedTuple):
    """What a spool on such a folder has, and the names that it gives next."""

    waiting: dict[Name, Kept]
    next: Name


def reopen(folder: Path, files: dict[str, bytes]) -> Reopened:
    """Open a spool, in another boot, on what the cut left."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    journal = Journal(folder)
    spool = Spool.open(journal, "acme/p1", ManualClock(boot="f" * 32), Bounds(2**24), 60)
    assert spool.trouble is None
    waiting = {(kept.spool, kept.run.seq): kept for kept in spool.sendable()}
    issued = spool.issue()
    journal.close()
    return Reopened(waiting, issued)


def lost(calls: list[Call], spool: Path, scratch: Path, every: int = 1) -> Iterator[str]:
    """What is missing after a cut after each (or each n-th) call, in every folder that it could leave."""
    disk, wire = Disk(spool), Wire()
    for number, call in enumerate(calls):
        if call.what == "send":
            wire.sent(call)
            continue
        if number % every == 0:
            for variant, files in enumerate(disk.left()):
                found = reopen(scratch / f"{number}-{variant}", files)
                yield from _missing(f"before call {number} ({call.what}), folder {variant}", wire.said, found)
        disk.after(call)
    for variant, files in enumerate(disk.left()):
        yield from _missing(f"after all, folder {variant}", wire.said, reopen(scratch / f"end-{variant}", files))


def _missing(when: str, said: Said, found: Reopened) -> Iterator[str]:
    for name, run in said.closed.items():
        if name not in found.waiting:
            yield f"{when}: run {name} was sent and is gone"
        elif found.waiting[name].run != run:
            yield f"{when}: run {name} has changed"
    for name in said.opened - said.closed.keys():
        if name not in found.waiting:
            yield f"{when}: run {name} was stated as open and nobody knows it"
    if found.next in said.closed or found.next in said.opened:
        yield f"{when}: {found.next} is given to another run"


def _folders(scratch: Path) -> list[Path]:
    return list(scratch.iterdir())


@pytest.mark.system
async def test_what_the_agent_has_sent_survives_a_power_cut_between_any_two_calls(
    recorder: Recorder, listener: Listener, memory: Path
) -> None:
    calls = await recorder.record(listener)
    assert list(lost(calls, recorder.agent.spool, memory)) == []
    assert len(_folders(memory)) > 100  # so many different ones were opened


@pytest.mark.system
async def test_under_eatmydata_the_same_agent_loses_what_it_has_sent(
    recorder: Recorder, listener: Listener, memory: Path
) -> None:
    calls = await recorder.record(listener, unsynced=True)
    assert not any(call.what == "fsync" for call in calls)
    assert any("was sent and is gone" in loss for loss in lost(calls, recorder.agent.spool, memory))


def test_the_model_keeps_what_is_synced_and_nothing_more(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    file, new = str(tmp_path / "a"), str(tmp_path / "b")
    for call in (Call("create", file, "", b""), Call("write", file, "0", b"one"), Call("fsync", file, "", b"")):
        disk.after(call)
    assert list(disk.left()) == [{}, {"a": b"one"}]
    disk.after(Call("fsync", str(tmp_path), "", b""))
    disk.after(Call("write", file, "3", b"two"))
    disk.after(Call("rename", file, new, b""))
    folders = list(disk.left())
    contents = [b"one", b"onetwo", b"onet", b"onetw", b"one\0\0\0"]
    assert folders == [{"a": content} for content in contents] + [{"b": content} for content in contents]


def test_a_write_that_never_came_leaves_zeros_before_the_next_one() -> None:
    inode = Inode(b"", [(0, b"one"), (3, b"two")])
    assert everything(inode) == b"onetwo"
    disk = Disk(Path("/x"))
    disk.durable["a"] = inode
    assert {"a": b"\0\0\0two"} in list(disk.left())


def test_published_messages_are_found_in_the_bytes_of_any_number_of_sends() -> None:
    body = b'{"spool":"s","boot":"b","sent_ms":1,"mono_ms":1,"synced":true,"runs":[]}'
    with pytest.raises(MessageError):
        decode("runs", b"{")
    where = b"signwatch/v1/00/acme/p1/runs"
    packet = bytes([0x32, len(where) + len(body) + 4]) + len(where).to_bytes(2, "big") + where + b"\0\x01" + body
    assert _packet(packet[:-1]) is None
    assert _packet(packet + b"rest") == (0x32, packet[2:], b"rest")
