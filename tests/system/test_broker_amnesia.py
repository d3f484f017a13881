"""A broker that is killed in the middle of the traffic and has forgotten everything costs nobody a run."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Iterator
from typing import Final

import pytest

from tests.fixtures.processes import Process, Processes
from tests.fixtures.simulation import Simulation, assert_the_ledger_is_the_truth, players
from tests.fixtures.site import TENANT, Site
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until

pytestmark = pytest.mark.system

COUNT: Final = 80
SECONDS: Final = 10
KILLS: Final = 3
REAL: Final = f'[[devices]]\ntenant = "{TENANT}"\nid = "real"\n[[devices.outputs]]\nid = "main"\n'
ACTIONS: Final = ("freeze", "stop", "black", "error", "idle")


def traffic() -> str:
    """Ten screens a second change somewhere, and change back."""
    chance = random.Random(4)
    return "".join(
        f'[[faults]]\nat_s = {number / 10:.1f}\nplayers = "{chance.choice(players(COUNT))}"\n'
        f'action = "{chance.choice(ACTIONS)}"\nfor_s = {chance.uniform(0.2, 3):.2f}\n'
        for number in range(SECONDS * 10)
    )


class Pushed:
    """A real agent, told by a program what its screen does."""

    def __init__(self, site: Site) -> None:
        self.port = free_port()
        outputs = (
            '[[outputs]]\nid = "main"\nprobe = "push"\ninterval_s = 0.2\n'
            "[outputs.push]\ndeadline_s = 3600\n"  # what was pushed holds, however long a slow machine takes
        )
        self.agent: Process = site.start_agent("real", f'[push]\nlisten = "{LOOPBACK}:{self.port}"\n{outputs}')
        self.states: list[str] = []

    def push(self, state: str) -> None:
        """Say what is on the screen, once the agent listens."""
        body = json.dumps({"output": "main", "state": state}).encode()
        url, kind = f"http://{LOOPBACK}:{self.port}/v1/state", {"Content-Type": "application/json"}
        wait_until(lambda: self._said(urllib.request.Request(url, body, kind)), f"the agent takes {state}")
        self.states.append(state)

    def _said(self, request: urllib.request.Request) -> bool:
        try:
            with urllib.request.urlopen(request, timeout=60):
                return True
        except OSError:
            return False


def kills(site: Site) -> Iterator[int]:
    """Kill the broker again and again, and let it be away for a moment, or not."""
    for number in range(KILLS):
        yield number
        site.broker.kill()
        time.sleep(number / 2)  # a fault must last: there is nothing to wait for
        site.broker.start()


def test_a_broker_without_memory_is_killed_in_the_middle_of_the_traffic_and_nothing_is_lost(
    processes: Processes, site: Site
) -> None:
    site.start_collector()
    site.register(*players(COUNT), more=REAL)
    real = Pushed(site)
    simulation = Simulation(processes, site, traffic(), COUNT, "--connects-per-s", "400")
    for number in kills(site):
        real.push("playing" if number % 2 else "error")
        simulation.wait_for_faults(SECONDS * 10 * (number + 1) // (KILLS + 1))
    simulation.wait_for_faults(SECONDS * 10)
    simulation.end()
    site.wait_for_state("real", real.states[-1])
    wait_until(lambda: agents_states(site) == real.states, "the real agent's runs are all there")
    assert_the_ledger_is_the_truth(site, simulation)


def agents_states(site: Site) -> list[str]:
    """What the real agent's screen showed one after the other, as the ledger has it."""
    said = [run["state"] for run in site.runs("real") if run["state"] != "unknown"]
    return [state for place, state in enumerate(said) if place == 0 or state != said[place - 1]]
