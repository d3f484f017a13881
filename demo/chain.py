"""PURE. The demonstration's second customer, a chain whose last month is over: who exists, what is ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

TENANT: Final = "norte"
CONTRACT: Final = "norte"  # the stem of the file into which chain.toml is copied
PREFIX: Final = "norte-"
ZONE: Final = ZoneInfo("Europe/Madrid")  # chain.toml says so too
SITES: Final = (("bilbao", "Norte Bilbao"), ("donostia", "Norte Donostia"))
SCREENS: Final = ("Window", "Counter", "Hall", "Lift")
PLAYERS: Final = len(SITES) * len(SCREENS)
CHANGES_PER_DAY: Final = 1
TROUBLE_PERCENT: Final = 1.7
_INSTALLED: Final = timedelta(hours=8)  # its players are in the agreement from the morning of the month's first day
_BEFORE: Final = timedelta(minutes=10)  # what is known begins a little earlier, and leaves no hole


@dataclass(frozen=True, slots=True)
class LastMonth:
    """The month before `now`: `[start, end)`, aware, in the zone of the agreement."""

    start: datetime
    end: datetime
    now: datetime

    @property
    def name(self) -> str:
        """As `YYYY-MM`."""
        return f"{self.start:%Y-%m}"

    @property
    def active_from(self) -> datetime:
        """Since when its players count."""
        return self.start + _INSTALLED

    @property
    def calm_days(self) -> float:
        """How long it has been over, in which nothing happens: no alarm is to ring for it today."""
        return (self.now.astimezone(UTC) - self.end.astimezone(UTC)) / timedelta(days=1)

    @property
    def offline_days(self) -> float:
        """For how long the simulated players must have been offline to bring all of it."""
        return (self.now.astimezone(UTC) - self.active_from.astimezone(UTC) + _BEFORE) / timedelta(days=1)


def last_month(now: datetime) -> LastMonth:
    """Give the month that was over last at `now` (aware)."""
    end = now.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = (end - timedelta(days=1)).replace(day=1)
    return LastMonth(start, end, now)


def players() -> list[str]:
    """The ids of its simulated players."""
    return [f"{PREFIX}{number:04d}" for number in range(1, PLAYERS + 1)]


def users() -> list[str]:
    """Who of them may connect to the broker."""
    return [f"{TENANT}/{device}" for device in players()]


def registry(active_from: str | None) -> str:
    """Its part of the registry; `active_from` None leaves what it says already."""
    active = f"active_from = {active_from}\n" if active_from else ""
    return "\n".join([f'[[tenants]]\nid = "{TENANT}"\nname = "Grupo Norte"\n', *_sites(), *_devices(active)])


def ruling(month: LastMonth) -> list[str]:
    """Arguments of `signwatch ruling add` for what a person found out about one of its players afterwards."""
    return [
        *("ruling", "add", "--config", "collector.toml", "--tenant", TENANT, "--who", "demo"),
        *("--subject", f"{players()[0]}/main", "--cause", "power"),
        *(
            "--start",
            (month.start + timedelta(days=4)).isoformat(),
            "--end",
            (month.start + timedelta(days=24)).isoformat(),
        ),
        *("--why", "The shop was being rewired: its electrician switched the supply off again and again"),
    ]


def closing(month: LastMonth) -> list[str]:
    """Arguments of `signwatch sla close` for that month."""
    where = ["--config", "collector.toml", "--tenant", TENANT, "--contract", CONTRACT]
    return ["sla", "close", *where, "--month", month.name, "--who", "demo"]


def backlog(month: LastMonth, broker_port: int) -> list[str]:
    """Arguments of `signwatch simulate` that bring its evidence from the month's beginning up to now, and end."""
    return [
        *live(broker_port),
        *("--offline-days", f"{month.offline_days:.6f}", "--changes-per-day", str(CHANGES_PER_DAY)),
        *("--trouble-percent", str(TROUBLE_PERCENT), "--calm-days", f"{month.calm_days:.6f}", "--until-delivered"),
    ]


def live(broker_port: int) -> list[str]:
    """Arguments of `signwatch simulate` for its players as they are now."""
    return [
        *("simulate", "--port", str(broker_port), "--tenant", TENANT, "--prefix", PREFIX, "--players", str(PLAYERS)),
        *("--interval-s", "10", "--password-file", "players.toml", "--log-format", "json"),
    ]


def _sites() -> Iterator[str]:
    for site, name in SITES:
        yield f'[[sites]]\ntenant = "{TENANT}"\nid = "{site}"\nname = "{name}"\n'


def _devices(active: str) -> Iterator[str]:
    for number, device in enumerate(players()):
        site, _ = SITES[number % len(SITES)]
        yield (
            f'[[devices]]\ntenant = "{TENANT}"\nid = "{device}"\nsite = "{site}"\n'
            f'name = "{SCREENS[number // len(SITES)]}"\n'
            f'[[devices.outputs]]\nid = "main"\ncontract = "{CONTRACT}"\n{active}'
        )
