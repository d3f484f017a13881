"""PURE. When a player that does not play is given first aid. Off unless an output has a table `first_aid`.

The first line that fits decides:

    it is                                                  then
    -----------------------------------------------------  ----------------------------
    nothing believed, or not in one of the states named    nothing: there is no harm
    announced maintenance (the file is there)              nothing: somebody is at work
    being treated                                          wait for the outcome
    bad for less than `after_s`                            wait: it may recover by itself
    treated `at_most_per_hour` times within the last hour  wait: it does not help
    treated less than `pause_s` ago                        wait; doubled with each attempt of the last hour
    anything else                                          treat

`off`, `idle` and `unknown` can not be named: a screen that is off by schedule has no harm, a player without content
needs none, and who could not be asked may be playing. What is done is told in the run's detail: a run of which a remedy
was tried says so, and ends when the player plays, no earlier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from agent.probes.base import Reading
from common.config import Section

Treatable = Literal["stopped", "frozen", "black", "error"]
HOUR_MS: Final = 3_600_000
MAINTENANCE: Final = "/run/signwatch/maintenance"


class FirstAidTable(Section, frozen=True):
    """`[outputs.first_aid]`: one remedy (`command`, `unit` or `probe`), and when it is tried."""

    command: tuple[str, ...] = ()
    unit: str = ""
    probe: str = ""
    states: tuple[Treatable, ...] = ("stopped", "frozen")
    after_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    pause_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 120.0
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 30.0
    at_most_per_hour: Annotated[int, msgspec.Meta(ge=1, le=60)] = 3
    unless_file: str = MAINTENANCE

    @property
    def remedies(self) -> list[str]:
        """Names of the remedies that are set; it takes exactly one."""
        return [name for name in ("command", "unit", "probe") if getattr(self, name)]


class Decision(NamedTuple):
    """Whether to treat, and why (not)."""

    treat: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What is known of one patient. `bad_since_ms`: since when it has been in a bad state; `treated_ms`: attempts."""

    bad_since_ms: int | None = None
    treated_ms: tuple[int, ...] = ()
    ended_ms: int = 0
    under_treatment: bool = False

    def seen(self, reading: Reading | None, since_ms: int, table: FirstAidTable) -> Chart:
        """Take in what is believed, and since when; None: nothing."""
        if reading is None or reading.state not in table.states:
            return replace(self, bad_since_ms=None)
        return self if self.bad_since_ms is not None else replace(self, bad_since_ms=since_ms)

    def begun(self, now_ms: int) -> Chart:
        """An attempt begins."""
        recent = tuple(at_ms for at_ms in self.treated_ms if now_ms - at_ms < HOUR_MS)
        return replace(self, treated_ms=(*recent, now_ms), under_treatment=True)

    def ended(self, now_ms: int) -> Chart:
        """It has ended, however."""
        return replace(self, ended_ms=now_ms, under_treatment=False)


def decide(chart: Chart, now_ms: int, table: FirstAidTable, *, maintenance: bool) -> Decision:  # noqa: PLR0911 - a table
    """The table above."""
    if chart.bad_since_ms is None:
        return Decision(treat=False, reason="there is no harm")
    if maintenance:
        return Decision(treat=False, reason="maintenance is announced")
    if chart.under_treatment:
        return Decision(treat=False, reason="an attempt is on its way")
    if now_ms - chart.bad_since_ms < round(table.after_s * 1000):
        return Decision(treat=False, reason="it may recover by itself")
    recent = sum(1 for at_ms in chart.treated_ms if now_ms - at_ms < HOUR_MS)
    if recent >= table.at_most_per_hour:
        return Decision(treat=False, reason=f"{recent} attempts within the hour are enough")
    if recent and now_ms - chart.ended_ms < round(table.pause_s * 1000) * 2 ** (recent - 1):
        return Decision(treat=False, reason="the last attempt has its time")
    return Decision(treat=True, reason=f"attempt {recent + 1} of {table.at_most_per_hour} within the hour")
