"""The collector and the broker are killed mid-stream, and links are lost: the ledger is the simulator's truth still."""

from __future__ import annotations

import time
from typing import Final

import pytest

from tests.fixtures.mosquitto import StartMosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.simulation import Simulation, assert_the_ledger_is_the_truth, players
from tests.fixtures.site import Site
from tests.fixtures.waiting import wait_until

pytestmark = pytest.mark.system

PLAYERS: Final = players(6)
ACTIONS: Final = ("freeze", "stop", "black", "error", "idle")


def stream(seconds: int) -> str:
    """Some player's screen changes several times a second; in the end all of them once more."""
    faults = [
        f'[[faults]]\nat_s = {number * 0.4:.1f}\nplayers = "{PLAYERS[number % len(PLAYERS)]}"\n'
        f'action = "{ACTIONS[number % len(ACTIONS)]}"\nfor_s = {0.3 + number % 7 * 0.2:.1f}\n'
        for number in range(int(seconds / 0.4))
    ]
    return "".join(faults)


def test_killing_collector_and_broker_mid_stream_neither_loses_nor_doubles_anything(
    processes: Processes, start_mosquitto: StartMosquitto
) -> None:
    site = Site(processes, start_mosquitto(persistent=True))
    collector = site.start_collector()
    site.register(*PLAYERS)
    simulation = Simulation(processes, site, stream(16), len(PLAYERS))
    for faults in (5, 10, 15):
        simulation.wait_for_faults(faults)
        collector.kill()
        time.sleep(0.7)  # the stream goes on meanwhile
        site.start_collector()
    simulation.wait_for_faults(23)
    site.broker.kill()
    time.sleep(0.7)
    site.broker.start()
    simulation.wait_for_faults(31)
    site.broker.kill()
    collector.kill()
    site.broker.start()
    site.start_collector()
    simulation.wait_for_faults(40)
    simulation.end()
    assert_the_ledger_is_the_truth(site, simulation)


LINK_LOST = """
[[faults]]
at_s = 2
players = "player-0001"
action = "lose_link"
for_s = 10

[[faults]]
at_s = 4
players = ["player-0001", "player-0002"]
action = "freeze"
for_s = 3

[[faults]]
at_s = 14
players = "*"
action = "stop"
for_s = 1
"""


def test_a_lost_link_is_unknown_meanwhile_and_afterwards_as_if_it_had_never_been_lost(
    processes: Processes, site: Site
) -> None:
    site.start_collector()
    site.register(*PLAYERS)
    simulation = Simulation(processes, site, LINK_LOST, len(PLAYERS))
    wait_until(lambda: site.player("player-0001")["link"] == "gone", "player-0001 has lost its link")
    assert site.state("player-0001") == "unknown"
    site.wait_for_state("player-0002", "frozen")
    site.wait_for_state("player-0002", "playing")  # and 0001 too, but who knows?
    assert site.state("player-0001") == "unknown"
    site.wait_for_state("player-0001", "playing")
    simulation.wait_for_faults(3)
    simulation.end()
    assert_the_ledger_is_the_truth(site, simulation)
    twin = {player: [run["state"] for run in site.runs(player)] for player in PLAYERS[:2]}
    assert twin["player-0001"] == twin["player-0002"]
