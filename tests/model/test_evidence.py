"""Agent, broker and collector as a model: whatever happens, in the end the ledger is the truth.

The agent's core (run machines, spool, outbox, station), the collector's core (ingest, ledger, live view) and their
files are the real ones. What stands between them and below them is not: time, disks, power and the broker do their
worst, in an order that Hypothesis looks for.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from collector.clocks.offsets import DEADBAND_MS
from collector.clocks.truetime import GRAIN_MS, MAX_BEHIND_MS
from collector.evidence import RunRow
from collector.kept_runs import KeptRun
from collector.ledger.ledger import Ledger
from collector.sla.availability import judge_month
from collector.sla.contract import parse_contract_toml
from collector.sla.tally import Subject, month_span, tally_subject
from collector.sla.timeline import Evidence, Segment, paint
from common.clock import ManualClock, to_datetime
from simulator.clock import TrueTime
from tests.fixtures.processes import ROOT
from tests.model.machine import Machine
from tests.model.office import Office
from tests.model.truth import Span, allowed
from wire.topics import Address

EXAMPLES_A_LEDGER = 40
INTERVAL_MS = 15_000
RESEND_MAX_MS = 300_000
ROUNDS = 12  # of the quiet period: every spool must be empty by then
FATES = ["dropped", "doubled", "late", "at once"]
STATES = ["playing", "stopped", "frozen", "black", "unknown"]
numbers = itertools.count()


class Workshop:
    """What many examples share: a folder, an event loop, and a ledger that is a new one now and then."""

    def __init__(self) -> None:
        memory = "/dev/shm"  # what a power cut leaves is the model's business here: no need to wait for a disk
        self.folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.loop = asyncio.new_event_loop()
        self.ledger: Ledger | None = None
        self.held = 0  # orders of faults in whose end the ledger was the truth
        self.contract = parse_contract_toml((ROOT / "contracts" / "admira.toml").read_text(encoding="utf-8"), "admira")

    def take_ledger(self, number: int) -> Ledger:
        if self.ledger is None or number % EXAMPLES_A_LEDGER == 0:
            self.close_ledger()
            self.ledger = Ledger.open(self.folder / f"ledger-{number}.db")
        return self.ledger

    def close_ledger(self) -> None:
        if self.ledger is not None:
            self.ledger.close()
            self.ledger.path.unlink()

    def close(self) -> None:
        self.close_ledger()
        self.loop.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    shop = Workshop()
    yield shop
    shop.close()


machines = st.integers(0, 1)


def runs(machine: Machine) -> bool:
    return machine.alive


def is_dead(machine: Machine) -> bool:
    return machine.powered and not machine.alive


def is_dark(machine: Machine) -> bool:
    return not machine.powered


def is_cut_off(machine: Machine) -> bool:
    return machine.alive and not machine.online


def is_heard(machine: Machine) -> bool:
    return machine.online


def is_told(machine: Machine) -> bool:
    return bool(machine.inbox)


def some(condition: Callable[[Machine], bool]) -> Callable[[Any], Any]:
    """A rule that makes no sense otherwise."""
    return precondition(lambda model: any(map(condition, model.machines)))


class Model(RuleBasedStateMachine):
    """Two players, one of them with two outputs."""

    workshop: Workshop

    def __init__(self) -> None:
        super().__init__()
        shop = self.workshop
        self.number = next(numbers)
        self.loop = shop.loop
        self.world = ManualClock()
        self.began_ms = self.world.wall
        self.folder = shop.folder / f"example-{self.number}"
        self.folder.mkdir()
        true, tenant = TrueTime(self.world), f"t{self.number}"
        self.machines = [
            Machine(self.world, true, self.folder, Address(tenant, name), outputs)
            for name, outputs in (("one", 1), ("two", 2))
        ]
        self.office = Office(self.loop, self.world, shop.take_ledger(self.number), self.machines)

    @initialize(lazy=st.booleans())
    def begin(self, lazy: bool) -> None:
        """Both play and are connected. A lazy disk syncs signs of life hardly ever."""
        for machine in self.machines:
            machine.sign_of_life_s = 1e9 if lazy else 0.0
            machine.start()
            machine.look(self.loop, machine.outputs)
            self.office.broker.take(machine.greet())

    # --- time and screens -------------------------------------------------------------------------------------------

    @rule(milliseconds=st.sampled_from([1, 40, 4_999, 20_000, 30_000, 30_001, 3_600_000]))
    def time_passes_unseen(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    @rule(readings=st.integers(1, 8))
    def time_passes(self, readings: int) -> None:
        for _ in range(readings):
            self.world.advance(5_000)
            for machine in filter(lambda one: one.alive, self.machines):
                machine.look(self.loop, machine.outputs)
        for machine in filter(lambda one: one.alive, self.machines):
            machine.alive_sign(self.loop)
            self._say(machine)

    @rule(which=machines, first=st.booleans(), state=st.sampled_from(STATES))
    def a_screen_changes(self, which: int, first: bool, state: str) -> None:
        machine = self.machines[which]
        output = machine.outputs[0 if first else -1]
        machine.screens[output] = state  # type: ignore[assignment]
        if machine.alive:
            machine.look(self.loop, [output])
            self._say(machine)

    @some(runs)
    @rule(which=machines)
    def it_is_looked_at(self, which: int) -> None:
        machine = self._pick(which, runs)
        machine.look(self.loop, machine.outputs)

    @some(runs)
    @rule(which=machines)
    def a_sign_of_life(self, which: int) -> None:
        self._pick(which, runs).alive_sign(self.loop)

    # --- agents and their machines ----------------------------------------------------------------------------------

    @some(runs)
    @rule(which=machines, state=st.none() | st.sampled_from(STATES), heard=st.booleans())
    def the_agent_is_killed(self, which: int, state: str | None, heard: bool) -> None:
        """Perhaps right after it saw something new, and before that came to disk."""
        machine = self._pick(which, runs)
        self._see_at_last(machine, state)
        self._unplug(machine, heard=heard)
        machine.kill()

    @some(runs)
    @rule(which=machines)
    def the_agent_is_stopped(self, which: int) -> None:
        machine = self._pick(which, runs)
        machine.look(self.loop, machine.outputs)
        machine.stop()

    @some(is_dead)
    @rule(which=machines)
    def the_agent_is_started(self, which: int) -> None:
        self._pick(which, is_dead).start()

    @precondition(lambda model: any(machine.powered for machine in model.machines))
    @rule(which=machines, kept=st.floats(0, 1), zeroed=st.booleans(), state=st.none() | st.sampled_from(STATES))
    def the_power_is_cut(self, which: int, kept: float, zeroed: bool, state: str | None) -> None:
        machine = self._pick(which, lambda one: one.powered)
        self._see_at_last(machine, state)
        self._unplug(machine, heard=True)
        machine.cut_power(kept, zeroed=zeroed)

    @some(runs)
    @rule(which=machines)
    def the_machine_is_shut_down(self, which: int) -> None:
        machine = self._pick(which, runs)
        self._unplug(machine, heard=True)
        machine.shut_down()

    @some(is_dark)
    @rule(which=machines, wall=st.sampled_from(["right", "1970", "an hour ahead", "a day behind"]))
    def the_machine_is_switched_on(self, which: int, wall: str) -> None:
        machine, now = self._pick(which, is_dark), self.world.wall
        walls = {"right": None, "1970": 12_000, "an hour ahead": now + 3_600_000, "a day behind": now - 86_400_000}
        machine.boot(walls[wall])
        machine.start()

    @rule()
    def all_is_well_for_a_while(self) -> None:
        """Whoever is dark or dead is on again, everybody is heard, and everything arrives."""
        for machine in self.machines:
            if is_dark(machine):
                machine.boot(None)
            if is_dead(machine):
                machine.start()
            if is_cut_off(machine):
                self.office.broker.take(machine.greet())
        self.time_passes(3)
        self.everything_arrives()

    @rule(which=machines)
    def a_time_source_is_found(self, which: int) -> None:
        self.machines[which].clock.discipline()

    @rule(which=machines, by_ms=st.sampled_from([-19_200_000, -1, 1, 19_200_000]))
    def the_wall_clock_is_set(self, which: int, by_ms: int) -> None:
        """Of a clock that says it is right only where the collector has heard so of this boot before it was not."""
        machine = self.machines[which]
        if not machine.clock.synced() or machine.clock.boot_id() in self.office.right:
            machine.set_clock(by_ms)

    @rule(which=machines, full=st.booleans())
    def the_disk_is_full_or_not(self, which: int, full: bool) -> None:
        self.machines[which].fill_disk(full=full)

    # --- the way to the collector -----------------------------------------------------------------------------------

    @some(is_cut_off)
    @rule(which=machines)
    def it_connects(self, which: int) -> None:
        self.office.broker.take(self._pick(which, is_cut_off).greet())

    @some(is_heard)
    @rule(which=machines, heard=st.booleans())
    def the_link_is_lost(self, which: int, heard: bool) -> None:
        self._unplug(self._pick(which, is_heard), heard=heard)

    @some(is_heard)
    @rule(which=machines)
    def a_heartbeat_is_due(self, which: int) -> None:
        self.office.broker.take(self._pick(which, is_heard).beat())

    @some(is_heard)
    @rule(which=machines)
    def runs_are_sent(self, which: int) -> None:
        self._say(self._pick(which, is_heard))

    @precondition(lambda model: model.office.broker.waiting)
    @rule(places=st.lists(st.integers(0, 50), min_size=1, max_size=6), fate=st.sampled_from(FATES))
    def messages_are(self, places: list[int], fate: str) -> None:
        broker = self.office.broker
        for place in places[: len(broker.waiting)]:
            parcel = broker.waiting[place % len(broker.waiting)]
            if fate != "doubled":
                broker.waiting.remove(parcel)
            if fate in {"late", "doubled"}:
                broker.late.append(parcel)
            elif fate == "at once" and self.office.up:
                self.office.receive(parcel)

    @precondition(lambda model: model.office.broker.late)
    @rule()
    def late_messages_arrive(self) -> None:
        late, self.office.broker.late = self.office.broker.late, []
        if self.office.up:
            for parcel in reversed(late):
                self.office.receive(parcel)

    @precondition(lambda model: model.office.up and model.office.broker.waiting)
    @rule()
    def everything_arrives(self) -> None:
        if self.office.up:
            while self.office.broker.waiting:
                self.office.receive(self.office.broker.waiting.popleft())
            self.office.commit()
            self._hand_out_acks()

    @precondition(lambda model: model.office.up)
    @rule()
    def what_arrived_is_committed(self) -> None:
        self.office.commit()

    @some(is_told)
    @rule()
    def acks_arrive(self) -> None:
        self._hand_out_acks()

    @some(is_told)
    @rule(which=machines)
    def acks_are_lost(self, which: int) -> None:
        self._pick(which, is_told).inbox.clear()

    @rule(wills=st.booleans())
    def the_broker_forgets_everything(self, wills: bool) -> None:
        self.office.broker.waiting.clear()
        for machine in self.machines:
            self._unplug(machine, heard=wills)

    @precondition(lambda model: model.office.up)
    @rule(when=st.sampled_from(["before the commit", "before the ack", "now"]))
    def the_collector_is_killed(self, when: str) -> None:
        if when == "now":
            self.office.kill()
        else:
            self.office.commit(kill=when)

    @precondition(lambda model: not model.office.up)
    @rule()
    def the_collector_is_started(self) -> None:
        self.office.start()

    # --- in the end -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Let it become quiet; then the ledger is the truth."""
        try:
            if hasattr(self.machines[0], "spool"):
                self._become_quiet()
                self._check()
                self.workshop.held += 1
        finally:
            for machine in self.machines:
                if machine.alive:
                    machine.kill()
            shutil.rmtree(self.folder)

    def _become_quiet(self) -> None:
        if not self.office.up:
            self.office.start()
        for machine in self.machines:
            machine.fill_disk(full=False)
            if not machine.powered:
                machine.boot(None)
            if not machine.alive:
                machine.start()
        for _ in range(ROUNDS):
            self._round()
            if not any(machine.spool.depth for machine in self.machines):
                return
            self.world.advance(RESEND_MAX_MS)
        raise AssertionError("closed runs stay in a spool")

    def _round(self) -> None:
        self.late_messages_arrive()
        for machine in self.machines:
            machine.look(self.loop, machine.outputs)
            machine.alive_sign(self.loop)
            self.office.broker.take(machine.beat() if machine.online else machine.greet())
            self._say(machine)
        self.everything_arrives()

    def _check(self) -> None:
        until_ms = self.world.wall
        exact = True
        truth: dict[str, list[Evidence]] = {}
        ledger: dict[str, list[Evidence]] = {}
        for machine in self.machines:
            for output in machine.outputs:
                rows = self.office.runs(machine, output)
                exact &= self._check_clocks(machine, rows)
                assert self._of_this_month(self.office.remembered(machine, output)) == self._of_this_month(
                    map(kept, rows)
                )
                assert self.office.state(machine, output) == machine.screens[output]
                told = [_truly(machine, row) for row in sorted(rows, key=lambda row: _truly(machine, row)[0])]
                spans = allowed(machine.lives[output], self.began_ms, until_ms)
                said = paint(told, self.began_ms, until_ms)
                key = f"{machine.address}/{output}"
                truth[key] = list(_settled(spans, said))
                ledger[key] = [Evidence(*row_times(row)) for row in rows] if exact else told
        assert self._judge(ledger, until_ms) == self._judge(truth, until_ms)

    def _of_this_month(self, runs: Iterable[KeptRun]) -> list[KeptRun]:
        return [run for run in runs if run.end_ms > self.office.memory_starts_ms]

    def _check_clocks(self, machine: Machine, rows: list[RunRow]) -> bool:
        """Every run is where the clocks of its boots put it; whether that is to the millisecond for all of them."""
        exact = True
        for row in rows:
            start_ms, end_ms, *_ = _truly(machine, row)
            for boot, said_ms, true_ms in ((row.boot, row.start_ms, start_ms), (row.end_boot, row.end_ms, end_ms)):
                if self._may_err_ms(machine, boot) == 0:
                    assert said_ms == max(true_ms, row.start_ms)
                elif boot not in machine.misled and boot in self.office.latest_ms and row.clock != "estimated":
                    assert abs(said_ms - max(true_ms, row.start_ms)) <= self._may_err_ms(machine, boot)
                exact &= said_ms == true_ms
        return exact

    def _may_err_ms(self, machine: Machine, boot: str) -> int:
        """Nothing for a boot whose clock was told; else what its messages were late, and what makes no difference."""
        latest_ms = self.office.latest_ms.get(boot, 0)
        told = boot in self.office.right or (boot in machine.noted and boot not in machine.misled)
        certain = boot not in machine.misled | machine.astray or latest_ms <= DEADBAND_MS
        if told and certain and latest_ms < MAX_BEHIND_MS:
            return 0
        return latest_ms + DEADBAND_MS + GRAIN_MS

    def _judge(self, runs: dict[str, list[Evidence]], at_ms: int) -> object:
        contract = self.workshop.contract
        month = to_datetime(at_ms).astimezone(contract.timezone).strftime("%Y-%m")
        span = month_span(contract, month, at_ms)
        tallies = [tally_subject(contract, span, Subject(key, "player"), told) for key, told in sorted(runs.items())]
        return judge_month(contract, span, tallies)

    # --- shorthands -------------------------------------------------------------------------------------------------

    def _pick(self, which: int, condition: Callable[[Machine], bool]) -> Machine:
        fitting = [machine for machine in self.machines if condition(machine)]
        return fitting[which % len(fitting)]

    def _see_at_last(self, machine: Machine, state: str | None) -> None:
        """See something new, and perhaps say it, before it comes to disk."""
        if machine.alive and state:
            machine.screens[machine.outputs[-1]] = state  # type: ignore[assignment]
            machine.look(self.loop, machine.outputs, keep=False)
            self._say(machine)

    def _say(self, machine: Machine) -> None:
        if machine.alive and machine.online:
            self.office.broker.take(machine.beat())
            self.office.broker.take(machine.send())

    def _unplug(self, machine: Machine, *, heard: bool) -> None:
        if machine.online and heard:
            self.office.broker.take([machine.will()])
        machine.online = False
        machine.inbox.clear()

    def _hand_out_acks(self) -> None:
        for machine in self.machines:
            acks, machine.inbox = machine.inbox, []
            for ack in acks:
                machine.hear(ack)


def kept(row: RunRow) -> KeptRun:
    """What memory keeps of a row."""
    return KeptRun(row.spool, row.seq, row.start_ms, row.end_ms, row.state, row.cause, row.clock)


def row_times(row: RunRow) -> tuple[int, int, str, str | None]:
    """What the judge is given of a row."""
    return row.start_ms, row.end_ms, row.state, row.cause


def _truly(machine: Machine, row: RunRow) -> Evidence:
    """A run at the true time of its boots, also where the wire did not tell it."""
    start_ms = row.start_mono_ms + machine.booted_ms[row.boot]
    return Evidence(start_ms, row.end_mono_ms + machine.booted_ms[row.end_boot], row.state, row.cause)


def _settled(spans: list[Span], said: list[Segment]) -> Iterator[Evidence]:
    """The truth; where two things may be said, what the ledger says. AssertionError where that is neither."""
    for start_ms, end_ms, state, _ in said:
        for span in spans:
            if span.start_ms < end_ms and start_ms < span.end_ms:
                assert state in span.may_be, f"{start_ms} to {end_ms}: {state}, but {span}"
                yield Evidence(max(start_ms, span.start_ms), min(end_ms, span.end_ms), state)


def explore(shop: Workshop, examples: int, steps: int = 40) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    model = type("Model", (Model,), {"workshop": shop})
    run_state_machine_as_test(
        model,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_whatever_happens_the_ledger_is_the_truth_in_the_end(workshop: Workshop) -> None:
    explore(workshop, 200, steps=30)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_whatever_happens_ten_thousand_times_the_ledger_is_the_truth_in_the_end(
    workshop: Workshop, pytestconfig: pytest.Config
) -> None:
    """In one piece, or in pieces: `--model-examples 500 --hypothesis-seed 7`, each piece with a seed of its own."""
    wanted, seed = pytestconfig.getoption("--model-examples"), pytestconfig.getoption("--hypothesis-seed")
    tally = pytestconfig.getoption("--model-tally")
    assert seed is not None or tally is None, "a tally sums up what different seeds held: give --hypothesis-seed N"
    explore(workshop, wanted, steps=50)
    assert workshop.held >= wanted
    if tally is not None:
        pytestconfig.get_terminal_writer().line("\n" + note_held(Path(tally), str(seed), workshop.held))


def played(shop: Workshop) -> Model:
    """A model to be played by hand; `teardown` then looks at the end."""
    model: Model = type("Model", (Model,), {"workshop": shop})()
    return model


def test_a_stop_that_a_full_disk_did_not_take_is_a_power_cut_to_the_next_boot(workshop: Workshop) -> None:
    model = played(workshop)
    model.begin(lazy=False)
    model.the_agent_is_stopped(which=0)
    model.the_agent_is_started(which=0)
    model.the_disk_is_full_or_not(which=0, full=True)
    model.time_passes(readings=1)
    model.the_agent_is_stopped(which=0)
    model.the_power_is_cut(which=0, kept=0.0, zeroed=False, state=None)
    model.teardown()


def test_what_a_full_disk_did_not_take_of_two_lives_follows_from_what_it_took_before(workshop: Workshop) -> None:
    model = played(workshop)
    model.begin(lazy=False)
    model.the_agent_is_stopped(which=0)
    model.the_agent_is_started(which=0)
    model.the_disk_is_full_or_not(which=0, full=True)
    model.all_is_well_for_a_while()
    model.the_agent_is_killed(which=0, state=None, heard=False)
    model.all_is_well_for_a_while()
    model.the_power_is_cut(which=0, kept=0.0, zeroed=False, state=None)
    model.teardown()


def test_one_output_that_turns_is_a_sign_of_life_for_those_that_are_awaited(workshop: Workshop) -> None:
    model = played(workshop)
    model.begin(lazy=False)
    model.the_agent_is_killed(which=1, state=None, heard=False)
    model.the_agent_is_started(which=0)
    model.time_passes_unseen(milliseconds=30_001)
    model.a_screen_changes(which=1, first=True, state="stopped")
    model.the_machine_is_shut_down(which=1)
    model.teardown()


def note_held(tally: Path, seed: str, held: int) -> str:
    """Add a line to the pieces; say their sum, in which a seed that ran twice counts once."""
    with tally.open("a", encoding="utf-8") as file:
        file.write(f"{seed}\t{held}\n")
    pieces = dict(line.split("\t") for line in tally.read_text(encoding="utf-8").splitlines())
    return f"{held} orders held with seed {seed}; {sum(map(int, pieces.values()))} with {len(pieces)} seeds"
