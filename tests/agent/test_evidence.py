"""Readings become numbered runs, and the spool's open runs are exactly the machines'."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.backlog import Bounds
from agent.evidence import Evidence
from agent.journal import Journal
from agent.probes.base import Reading
from agent.spool import Spool
from common.clock import ManualClock
from wire.messages import Heartbeat, Runs, decode, encode
from wire.runs import Confirm, Instant, Rules


class Bench:
    def __init__(self, directory: Path, rules: Rules | None = None) -> None:
        self.clock = ManualClock()
        self.journal = Journal(directory)
        self.spool = Spool.open(self.journal, "acme/p1", self.clock, Bounds(2**24), 60)
        self.evidence = Evidence(self.spool, self.clock, {"main": rules or Rules(), "side": rules or Rules()})

    def see(self, state: str, after_s: float = 5, output: str = "main", detail: str | None = None) -> bool:
        self.clock.advance(round(after_s * 1000))
        reading = Reading(state, None, detail)  # type: ignore[arg-type]
        return self.evidence.take(output, reading, Instant(self.clock.mono, self.clock.wall), self.clock.suspended)

    async def closed(self) -> list[tuple[str, str, int]]:
        await self.spool.commit()
        return [
            (kept.run.output, kept.run.state, (kept.run.end_mono_ms or 0) - kept.run.start_mono_ms)
            for kept in self.spool.sendable()
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


async def test_the_same_again_changes_nothing_but_how_far_it_was_seen(bench: Bench) -> None:
    assert bench.see("playing")
    assert not bench.see("playing", detail="clip 2")
    (one,) = bench.spool.open_runs
    assert (one.seen_mono_ms, one.run.detail) == (bench.clock.mono, "clip 2")
    assert await bench.closed() == []


async def test_a_doubt_does_not_extend_what_was_seen(bench: Bench) -> None:
    bench.see("playing")
    seen = bench.clock.mono
    assert not bench.see("stopped")
    assert bench.spool.open_runs[0].seen_mono_ms == seen


async def test_a_run_that_ends_keeps_its_seq_and_the_next_gets_a_new_one(bench: Bench) -> None:
    bench.see("playing")
    first = bench.spool.open_runs[0].run.seq
    bench.see("stopped")
    assert bench.see("stopped")
    assert await bench.closed() == [("main", "playing", 5000)]
    (kept,) = bench.spool.sendable()
    assert kept.run.seq == first
    assert bench.spool.open_runs[0].run.seq > first


async def test_each_stretch_of_a_doubt_gets_a_seq_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Rules({state: Confirm(samples=3) for state in ("stopped", "frozen", "idle")}))
    for state in ("playing", "stopped", "frozen", "idle"):
        bench.see(state)
    assert [run[1] for run in await bench.closed()] == ["playing", "stopped", "frozen"]
    seqs = [kept.run.seq for kept in bench.spool.sendable()] + [bench.spool.open_runs[0].run.seq]
    assert len(set(seqs)) == 4
    bench.journal.close()


async def test_outputs_do_not_disturb_each_other(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing", output="side")
    bench.see("stopped", output="side")
    bench.see("stopped", output="side")
    assert [run[:2] for run in await bench.closed()] == [("side", "playing")]
    assert {one.run.output: one.run.state for one in bench.spool.open_runs} == {"main": "playing", "side": "stopped"}


async def test_too_long_a_silence_ends_the_run_where_it_was_last_seen(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing")
    assert bench.see("stopped", after_s=61)
    assert await bench.closed() == [("main", "playing", 5000)]
    assert bench.spool.open_runs == []  # in doubt


async def test_an_orderly_stop_ends_every_run_at_its_last_observation(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing", output="side")
    bench.see("playing")
    bench.see("playing", output="side")
    bench.clock.advance(3000)
    bench.evidence.end_all()
    assert await bench.closed() == [("main", "playing", 10_000), ("side", "playing", 10_000)]
    assert bench.spool.open_runs == []


async def test_what_nobody_has_looked_at_lately_is_not_stated(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing", after_s=40, output="side")
    await bench.spool.commit()
    assert [one.run.output for one in bench.evidence.stated(bench.clock.mono)] == ["main", "side"]
    bench.clock.advance(20_001)
    assert [one.run.output for one in bench.evidence.stated(bench.clock.mono)] == ["side"]


readings = st.lists(
    st.tuples(
        st.sampled_from(["playing", "stopped", "frozen", "unknown"]),
        st.sampled_from([0, 0.5, 5, 5, 100]),
        st.sampled_from(["main", "side"]),
    ),
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(history=readings)
async def test_every_run_has_its_own_name_is_disjoint_and_fit_for_the_wire(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, float, str]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("evidence"))
    stated: dict[int, tuple[str, str, int]] = {}
    for state, after_s, output in history:
        bench.see(state, after_s, output)
        stamp = {"boot": "b", "sent_ms": bench.clock.wall, "mono_ms": bench.clock.mono, "synced": True}
        open_runs = [one.run for one in bench.spool.open_runs]
        for run in open_runs:
            assert stated.setdefault(run.seq, (run.output, run.state, run.start_mono_ms))[1] == run.state
        assert decode("heartbeat", encode(Heartbeat(**stamp, spool=bench.spool.id, open=open_runs)))
    bench.evidence.end_all()
    await bench.spool.commit()
    kept = [one.run for one in bench.spool.sendable()]
    assert decode("runs", encode(Runs(**stamp, spool=bench.spool.id, runs=kept))) if kept else True
    assert len({run.seq for run in kept}) == len(kept)
    ended = {run.seq: (run.output, run.state, run.start_mono_ms) for run in kept}
    assert {seq: ended[seq] for seq in stated} == stated  # whatever was stated is closed, as what it was stated
    for output in ("main", "side"):
        own = [run for run in kept if run.output == output]
        assert all((earlier.end_mono_ms or 0) <= later.start_mono_ms for earlier, later in pairwise(own))
    bench.journal.close()


async def test_nothing_plays_on_a_machine_that_sleeps(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing")
    bench.clock.suspend(20_000)  # shorter than the gap that ends a run by itself
    bench.see("playing")
    bench.see("playing")
    assert await bench.closed() == [("main", "playing", 5_000), ("main", "off", 20_000)]
    (one,) = bench.spool.open_runs
    assert (one.run.state, one.seen_mono_ms - one.run.start_mono_ms) == ("playing", 5_000)


async def test_a_doubt_that_the_machine_slept_over_ends_the_run_where_the_doubt_began(bench: Bench) -> None:
    bench.see("playing")
    bench.see("playing")
    bench.see("stopped")
    bench.clock.suspend(3_600_000)
    bench.see("stopped")
    bench.see("stopped")
    assert await bench.closed() == [("main", "playing", 10_000), ("main", "off", 3_600_000)]
    assert bench.spool.open_runs[0].run.state == "stopped"


async def test_a_run_is_not_stated_after_a_sleep_until_somebody_has_looked_again(bench: Bench) -> None:
    bench.see("playing")
    bench.clock.suspend(10_000)
    await bench.spool.commit()
    assert bench.evidence.stated(bench.clock.mono, bench.clock.suspended) == []
    bench.see("playing")
    await bench.spool.commit()
    assert len(bench.evidence.stated(bench.clock.mono, bench.clock.suspended)) == 1


async def test_each_output_is_off_for_as_long_as_the_machine_slept(bench: Bench) -> None:
    bench.see("playing")
    bench.see("stopped", output="side")
    bench.see("stopped", output="side")
    bench.clock.suspend(60_000)
    bench.see("playing")
    bench.see("stopped", output="side")
    slept = [entry for entry in await bench.closed() if entry[1] == "off"]
    assert slept == [("main", "off", 60_000), ("side", "off", 60_000)]


async def test_the_jitter_of_two_clocks_is_no_sleep(bench: Bench) -> None:
    bench.see("playing")
    for jitter_ms in (3, -2, 5, 0):
        bench.clock.suspended = jitter_ms
        assert not bench.see("playing")
    assert await bench.closed() == []


async def test_what_a_heartbeat_has_told_of_is_remembered_with_the_run(bench: Bench) -> None:
    bench.see("playing")
    await bench.spool.commit()
    bench.evidence.stated(bench.clock.mono)
    bench.see("stopped")
    bench.see("stopped")
    bench.see("playing")
    await bench.spool.commit()
    assert [kept.stated for kept in bench.spool.sendable()] == [True, False]


async def test_a_run_is_stated_only_when_it_is_durable(bench: Bench) -> None:
    bench.see("playing")
    assert bench.evidence.stated(bench.clock.mono) == []
    await bench.spool.commit()
    assert [one.run.state for one in bench.evidence.stated(bench.clock.mono)] == ["playing"]
