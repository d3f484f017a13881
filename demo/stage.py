"""PURE. The files that the demonstration writes: who exists, who may connect, what is judged, who watches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from demo import chain

TENANT: Final = "demo"
CONTRACT: Final = "demo"  # the stem of the file into which contract.toml is copied
THIS_MACHINE: Final = "this-machine"
COLLECTOR: Final = "collector"
INTERVAL_S: Final = 5
HOLD_S: Final = 10
PORTAL_INTERVAL_S: Final = 3
PORTAL_FAILS_AT_S: Final = 88  # after the simulated players have started
PORTAL_FAILS_FOR_S: Final = 30
STORY_LASTS_S: Final = 140
STORY_REPEATS_S: Final = 600
PLAYERS: Final = 40
PORTAL: Final = "portal"
POINTS: Final = 4  # simulated players that check the portal too: one in each of so many shops
PATIENCE_S: Final = 12
_PLACES: Final = ("Window", "Counter", "Terrace", "Menu board", "Entrance", "First floor", "Stairs")
SHOPS: Final = (
    ("gracia", "Gràcia"),
    ("born", "El Born"),
    ("raval", "El Raval"),
    ("sants", "Sants"),
    ("poblenou", "Poblenou"),
    ("sarria", "Sarrià"),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, all on loopback. `push` is None where a real mpv is watched.

    By `line` this machine's agent reaches the portal, by `beyond` two parts of the rest of the world (demo/line.py).
    """

    web: int
    broker: int
    portal: int
    line: int
    beyond: tuple[int, int]
    health: int
    push: int | None


def players() -> list[str]:
    """The ids of the simulated players."""
    return [f"player-{number:04d}" for number in range(1, PLAYERS + 1)]


def points() -> list[str]:
    """The simulated players that are vantage points."""
    return players()[:POINTS]


def users() -> list[str]:
    """Everybody who may connect to the broker."""
    return [COLLECTOR, *(f"{TENANT}/{device}" for device in [*players(), THIS_MACHINE]), *chain.users()]


def registry(ports: Ports, active_from: str | None) -> str:
    """The registry; `active_from` None leaves what it says already."""
    active = f"active_from = {active_from}\n" if active_from else ""
    return "\n".join(
        [
            f'[[tenants]]\nid = "{TENANT}"\nname = "Café Demo"\n',
            *_sites(),
            *(_device(device, site, name, active) for device, site, name in _devices()),
            _portal(ports, active),
        ]
    )


def _portal(ports: Ports, active: str) -> str:
    return (
        f'[[platforms]]\ntenant = "{TENANT}"\nid = "{PORTAL}"\nname = "Portal"\ncontract = "{CONTRACT}"\n{active}'
        f'[platforms.check]\nurl = "http://127.0.0.1:{ports.portal}/"\nexpect_text = "everything is up"\n'
        f"timeout_s = 2\ninterval_s = {PORTAL_INTERVAL_S}\nfailures = 2\n"
        f'votes = {{ points = {_text([THIS_MACHINE, *points()])}, quorum = "1/2", patience_s = {PATIENCE_S} }}\n'
    )


def _sites() -> Iterator[str]:
    for site, name in (*SHOPS, ("office", "Your machine")):
        yield f"[[sites]]\ntenant = {_text(TENANT)}\nid = {_text(site)}\nname = {_text(name)}\n"


def _devices() -> Iterator[tuple[str, str, str]]:
    for number, device in enumerate(players()):
        site, _ = SHOPS[number % len(SHOPS)]
        yield device, site, _PLACES[number // len(SHOPS)]
    yield THIS_MACHINE, "office", "Real player"


def _device(device: str, site: str, name: str, active: str) -> str:
    return (
        f"[[devices]]\ntenant = {_text(TENANT)}\nid = {_text(device)}\nsite = {_text(site)}\nname = {_text(name)}\n"
        f'[[devices.outputs]]\nid = "main"\ncontract = {_text(CONTRACT)}\n{active}'
    )


def collector(ports: Ports, password: str) -> str:
    """The collector's configuration: everything embedded, everything on loopback."""
    return f"""\
[ledger]
path = "ledger.db"

[broker]
listen = "127.0.0.1:{ports.broker}"
credentials = "credentials.toml"

[mqtt]
username = {_text(COLLECTOR)}
password = {_text(password)}

[web]
listen = "127.0.0.1:{ports.web}"
title = "signwatch demonstration"

[contracts]
files = ["{CONTRACT}.toml", "{chain.CONTRACT}.toml"]

[alerts]
hold_s = {HOLD_S}
release_s = 5
breach_hold_s = 10
reopen_s = 20
page_url = "http://127.0.0.1:{ports.web}"

[[alerts.channels]]
kind = "log"

[[alerts.channels]]
kind = "webhook"
url = "http://127.0.0.1:{ports.portal}/alarm"
"""


def agent(ports: Ports, password: str, mpv_socket: str) -> str:
    """The configuration of the real agent on this machine."""
    head = f"""\
tenant = {_text(TENANT)}
device = {_text(THIS_MACHINE)}
interval_s = {INTERVAL_S}

[mqtt]
host = "127.0.0.1"
port = {ports.broker}
password = {_text(password)}
reconnect_max_s = 5

[spool]
dir = "spool"
sign_of_life_s = 5

[health]
listen = "127.0.0.1:{ports.health}"

[connectivity]
targets = ["127.0.0.1:{ports.beyond[0]}", "127.0.0.1:{ports.beyond[1]}"]

[[checks]]
id = "{PORTAL}"
url = "http://127.0.0.1:{ports.line}/"
expect_text = "everything is up"
interval_s = {PORTAL_INTERVAL_S}
timeout_s = 2

[[outputs]]
id = "main"
interval_s = 1
timeout_s = 2
"""
    if ports.push is None:
        return f'{head}probe = "mpv"\n\n[outputs.mpv]\nsocket = {_text(mpv_socket)}\n'
    output = 'probe = "push"\n\n[outputs.push]\ndeadline_s = 4\n'
    return f'{head}{output}\n[push]\nlisten = "127.0.0.1:{ports.push}"\n'


def passwords(known: Iterable[tuple[str, str]]) -> str:
    """The players' passwords, for the simulator."""
    return "".join(f"{_text(user)} = {_text(password)}\n" for user, password in known)


def _text(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string, and so in arrays
