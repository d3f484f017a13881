"""Figures of a machine that does not exist, under the names that the agent uses (docs/agent.md): dashboards fill.

Each player has its own level and wanders around it; one that plays nothing is cooler. Nothing judges by these figures.
"""

from __future__ import annotations

import random
from typing import Final

from wire.messages import Host

_PULL: Final = 0.2  # of the way back to the player's own level at each sample
_IDLE_SHARE: Final = 0.3
_CELSIUS_PER_PERCENT: Final = 0.3
_DISK_BYTES: Final = 32 * 10**9


class VirtualHost:
    """One machine's figures."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._level = chance.uniform(15.0, 45.0)
        self._cpu = self._level
        self._memory = chance.uniform(35.0, 60.0)
        self._disk_used = chance.uniform(0.2, 0.7)

    def facts(self) -> Host:
        """What does not change; for `hello`."""
        return {"simulated": True, "os": "signwatch simulator", "cpu_count": 4, "memory_total_bytes": 2 * 2**30}

    def figures(self, up_ms: int, *, playing: bool) -> Host:
        """What changes; for each heartbeat."""
        goal = self._level if playing else self._level * _IDLE_SHARE
        self._cpu += (goal - self._cpu) * _PULL + self._chance.uniform(-2.0, 2.0)
        cpu = min(100.0, max(0.5, self._cpu))
        return {
            "simulated": True,
            "cpu_percent": round(cpu, 1),
            "memory_used_percent": round(self._memory + self._chance.uniform(-1.0, 1.0), 1),
            "load_1m": round(cpu / 25, 2),
            "uptime_s": up_ms // 1000,
            "temperature_c": round(38 + cpu * _CELSIUS_PER_PERCENT, 1),
            "disk_used_percent": round(self._disk_used * 100, 1),
            "disk_free_bytes": round(_DISK_BYTES * (1 - self._disk_used)),
        }
