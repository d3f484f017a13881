"""What the agent has to say, and how it is doing: hello, heartbeats, `/healthz`."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from agent.backlog import Bounds
from agent.config import MAX_OUTPUTS, parse
from agent.evidence import Evidence
from agent.host import Sampler
from agent.journal import Journal
from agent.local import Answer, Request
from agent.probes.base import Reading, tidy
from agent.publisher import Link
from agent.records import Kept
from agent.spool import Spool
from agent.station import Station, rules_of
from agent.status import Status
from common.clock import ManualClock
from signwatch import __version__
from wire.messages import MAX_BODY_BYTES, Ack, BootClock, decode, encode
from wire.runs import Instant


class Bench:
    def __init__(self, directory: Path, outputs: int = 1, clock: ManualClock | None = None) -> None:
        tables = "".join(f'[[outputs]]\nid = "{"x" * 60}{number}"\nprobe = "push"\n' for number in range(outputs))
        text = f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "b"\n[spool]\ndir = "spool"\n{tables}'
        self.settings = parse(text, directory / "agent.toml")
        self.clock = clock or ManualClock()
        self.journal = Journal(directory / "spool")
        self.spool = Spool.open(self.journal, "acme/p1", self.clock, Bounds(2**24), 60)
        rules = {
            output.id: rules_of(output, self.settings.watched[output.id]) for output in self.settings.config.outputs
        }
        self.evidence = Evidence(self.spool, self.clock, rules)
        self.link = Link()
        self.station = Station(self.settings, self.clock, self.spool, self.evidence, Sampler(directory, self.clock))
        self.status = Status(self.spool, self.evidence, self.link, self.clock)

    def see(self, state: str, detail: str | None = None) -> None:
        self.clock.advance(5000)
        for output in self.settings.watched:
            reading = Reading(state, None, tidy(detail))  # type: ignore[arg-type]
            self.evidence.take(output, reading, Instant(self.clock.mono, self.clock.wall))

    def health(self) -> Answer:
        return self.status.health(Request("GET", "/healthz", {}, b""))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_hello_says_who_we_are_and_what_we_remember_of_clocks(bench: Bench) -> None:
    bench.spool.alive()
    hello = bench.station.hello()
    assert decode("hello", encode(hello)) == hello
    assert (hello.spool, hello.agent, hello.boot) == (bench.spool.id, __version__, "b" * 32)
    assert hello.clocks == [
        BootClock(boot="b" * 32, offset_ms=bench.clock.wall - bench.clock.mono, mono_ms=bench.clock.mono)
    ]


def test_runs_of_an_earlier_boot_travel_with_its_clock_since_the_hello_may_be_lost(bench: Bench) -> None:
    bench.spool.alive()
    noted_ms = bench.clock.mono
    bench.see("playing")
    bench.see("playing")
    bench.spool.close(orderly=True)  # the whole machine goes down
    offset_ms = bench.clock.wall - bench.clock.mono
    bench.clock.reboot("c" * 32, bench.clock.wall + 60_000)
    again = Bench(bench.settings.file.parent, clock=bench.clock)
    runs = [kept.run for kept in again.spool.sendable()]
    assert again.station.clocks_of(runs) == [BootClock(boot="b" * 32, offset_ms=offset_ms, mono_ms=noted_ms)]
    assert again.station.clocks_of(runs[:0]) == []
    again.journal.close()


async def test_a_heartbeat_states_the_open_runs_without_their_boot(bench: Bench) -> None:
    bench.see("playing")
    await bench.spool.commit()
    (beat,) = bench.station.heartbeats()
    assert [(run.state, run.boot) for run in beat.open] == [("playing", None)]
    assert bench.spool.open_runs[0].run.boot == "b" * 32
    assert (beat.sent_ms, beat.mono_ms) == (bench.clock.wall, bench.clock.mono)
    assert beat.host["spool_runs"] == 0
    assert "spool_error" not in beat.host


async def test_host_figures_are_stated_on_a_new_connection_when_it_is_time_and_when_they_changed(bench: Bench) -> None:
    def stated() -> bool:
        bench.clock.advance(15_000)
        (beat,) = bench.station.heartbeats()
        assert beat.host == (bench.station.figures() if beat.host else {})  # all of them or none
        return bool(beat.host)

    assert [stated() for _ in range(18)] == [True, *[False] * 15, True, False]
    bench.station.hello()
    assert [stated(), stated()] == [True, False]
    bench.see("playing")
    bench.see("stopped")
    bench.see("stopped")
    assert [stated(), stated()] == [True, False]  # a run waits for the collector
    name = bench.spool.id
    bench.station.acknowledged(Ack(spool=name, seqs=[(1, 1)]))
    assert [stated(), stated()] == [True, False]


async def test_a_quiet_player_takes_few_bytes(bench: Bench) -> None:
    bench.see("playing")
    await bench.spool.commit()
    bench.station.heartbeats()
    (beat,) = bench.station.heartbeats()
    assert set(msgspec.json.decode(encode(beat))) == {"boot", "sent_ms", "mono_ms", "synced", "spool", "open"}


def test_before_the_first_reading_a_heartbeat_states_nothing(bench: Bench) -> None:
    (beat,) = bench.station.heartbeats()
    assert (beat.open, beat.spool) == ([], bench.spool.id)


async def test_the_fullest_heartbeat_fits_into_a_message(tmp_path: Path) -> None:
    bench = Bench(tmp_path, outputs=MAX_OUTPUTS)
    for _ in range(2):
        bench.see("frozen", "\U0001f39e\\" * 500)
    await bench.spool.commit()
    (beat,) = bench.station.heartbeats()
    assert len(beat.open) == MAX_OUTPUTS
    assert len(encode(beat)) < MAX_BODY_BYTES
    bench.journal.close()


async def test_runs_that_two_spools_numbered_are_stated_in_two_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, outputs=2)
    first, second = bench.settings.watched
    at = Instant(bench.clock.mono, bench.clock.wall)
    bench.evidence.take(first, Reading("playing"), at)
    old = bench.spool.id
    bench.spool._next = bench.spool._disk.reserved  # every reserved seq is used, and no more can be had
    bench.evidence.take(second, Reading("playing"), at)
    await bench.spool.commit()
    beats = bench.station.heartbeats()
    assert {beat.spool: [run.output for run in beat.open] for beat in beats} == {old: [first], bench.spool.id: [second]}
    assert old != bench.spool.id
    bench.journal.close()


async def test_a_disk_in_trouble_is_told_in_heartbeats_and_health(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    bench.see("playing")
    await bench.spool.commit()
    assert bench.station.heartbeats()[0].host["spool_error"] == "No space left on device"
    answer = bench.health()
    assert (answer.status, answer.body["ok"]) == (HTTPStatus.SERVICE_UNAVAILABLE, False)


async def test_an_ack_reaches_the_spool(bench: Bench) -> None:
    bench.see("playing")
    bench.see("stopped")
    bench.see("stopped")
    await bench.spool.commit()
    kept: list[Kept] = list(bench.station.sendable())
    assert [one.run.state for one in kept] == ["playing"]
    name = (kept[0].spool, kept[0].run.seq)
    assert bench.station.holds(name)
    bench.station.acknowledged(Ack(spool=name[0], seqs=[(name[1], name[1])]))
    assert not bench.station.holds(name)


def test_health_tells_link_spool_and_outputs(bench: Bench) -> None:
    bench.link.online = True
    bench.see("playing")
    bench.see("stopped")
    bench.clock.advance(1500)
    answer = bench.health()
    (output,) = bench.settings.watched
    assert answer.status == HTTPStatus.OK
    assert answer.body["link"] == {"online": True, "error": None, "connected_total": 0}
    assert answer.body["outputs"] == {
        output: {"state": "playing", "cause": None, "detail": None, "in_doubt": True, "observed_age_s": 1.5}
    }


def test_an_output_that_nobody_looks_at_is_an_illness_and_a_link_that_is_down_is_none(bench: Bench) -> None:
    assert bench.health().status == HTTPStatus.OK  # it has just started
    bench.see("playing")
    bench.clock.advance(30_000)
    assert bench.status.turning()
    bench.clock.advance(1)
    assert not bench.status.turning()
    assert bench.health().status == HTTPStatus.SERVICE_UNAVAILABLE


def test_an_agent_that_never_got_a_reading_is_not_fed_for_ever(bench: Bench) -> None:
    bench.clock.advance(30_001)
    assert not bench.status.turning()
