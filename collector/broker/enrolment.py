"""PURE. The list of players: which machine is which device, and its password. `signwatch broker enrol` keeps it.

    MACHINE<tab>TENANT/DEVICE<tab>PASSWORD

`install-player --players` finds a machine's own line in it by the machine's serial number, the address of one of its
network cards, or its host name; `signwatch-identity --names` prints them as they are compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from common.config import ConfigError, Finding
from wire.topics import ID_PATTERN, is_id

_DASHED_ADDRESS: Final = re.compile(r"([0-9a-f]{2}-){5}[0-9a-f]{2}")
_CELLS: Final = 3


class Player(NamedTuple):
    """One line. `name` is `tenant/device`, which is also the user name at the broker."""

    machine: str
    name: str
    password: str


def machine_of(text: str) -> str:
    """As a person writes a number or name → as the machine compares it: `B8:27:EB:01:02:03` → `b827eb010203`."""
    plain = re.sub(r"[\s:]", "", text.lower())
    return plain.replace("-", "") if _DASHED_ADDRESS.fullmatch(plain) else plain


def read_list(text: str, file: str) -> dict[str, Player]:
    """The list's text → players by name; ConfigError naming file, line and remedy."""
    players: dict[str, Player] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        tenant, _, device = cells[1].partition("/") if len(cells) == _CELLS else ("", "", "")
        where = f"{file}:{number}"
        if not (is_id(tenant) and is_id(device) and cells[0] and cells[2].strip()):
            remedy = f"write MACHINE, TENANT/DEVICE (each of {ID_PATTERN}) and PASSWORD with tabs between them"
            findings.append(Finding("enrol.line", where, "", "is no line of a list of players", remedy))
        elif cells[1] in players:
            findings.append(Finding("enrol.twice", where, cells[1], "stands there twice", "keep one of the two lines"))
        else:
            players[cells[1]] = Player(machine_of(cells[0]), cells[1], cells[2].strip())
    findings += _shared(players.values(), file)
    if findings:
        raise ConfigError(*findings)
    return players


def write_list(players: Iterable[Player]) -> str:
    """Players → the list's text, in the order given."""
    return "".join("\t".join(player) + "\n" for player in players)


def enrolled(
    known: Mapping[str, Player],
    fleet: Mapping[str, str],
    others: Iterable[str],
    anew: Iterable[str],
    password: Callable[[], str],
) -> dict[str, Player]:
    """The list after it has taken in a fleet.

    Args:
        known: the list before.
        fleet: `tenant/device` → its machine, as a person wrote it; "" where nobody did: then the device's own name.
        others: users whom the broker lets in and the list does not know. They keep the password that they have.
        anew: devices that get a new password, whatever they had.
        password: gives one.
    """
    again, left_alone = set(anew), set(others) - set(anew)
    players = {
        name: player._replace(password=password()) if name in again else player for name, player in known.items()
    }
    for name, machine in fleet.items():
        if name in players:
            players[name] = players[name]._replace(machine=machine_of(machine) or players[name].machine)
        elif name not in left_alone:
            players[name] = Player(machine_of(machine) or name.partition("/")[2], name, password())
    return players


def check_machines(players: Mapping[str, Player], file: str) -> None:
    """ConfigError where one machine would be two devices."""
    if findings := list(_shared(players.values(), file)):
        raise ConfigError(*findings)


def _shared(players: Iterable[Player], file: str) -> Iterable[Finding]:
    players = list(players)
    for machine, count in Counter(player.machine for player in players).items():
        if count > 1:
            names = ", ".join(player.name for player in players if player.machine == machine)
            remedy = "give each its own serial number, network card's address or host name in the column machine"
            yield Finding("enrol.machine", file, machine, f"is the machine of {names}", remedy)
