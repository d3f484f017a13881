"""PURE. When this player is meant to show something, if it was told: so that a dark screen at night is no alarm.

The emission hours that money depends on are the collector's. These are the same hours without public holidays (their
tables are too heavy for a player), read as SPEC part 3 says: `closed` dates, `open` dates, then the first rule that
fits; nothing fits: closed. Hours belong to the date on which they open. A local time that occurs twice is the first,
one that is skipped takes the offset before the gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from agent.probes.base import Complaint, Reading
from common.config import Section
from wire.states import PlayerState

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Hours = tuple[tuple[int, int], ...]  # minutes after the midnight that begins the date; an end may pass 24:00

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = "|".join(_DAYS)
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"
_DAY_MINUTES: Final = 24 * 60
_AROUND: Final = range(-2, 3)  # dates whose hours may hold an instant, whatever the zone did to its days

HoursText = Annotated[str, msgspec.Meta(pattern=rf"^({_TIME})-({_TIME})$")]
DaysText = Annotated[str, msgspec.Meta(pattern=rf"^(all|({_DAY})(-({_DAY}))?(,({_DAY})(-({_DAY}))?)*)$")]
MonthDay = Annotated[str, msgspec.Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]

DARK: Final[frozenset[PlayerState]] = frozenset({"stopped", "off", "black", "idle"})
"""What a player that is meant to be dark may look like. One that plays, or has an error, is told as it is."""


class RuleTable(Section, frozen=True):
    """`[[schedule.rules]]`: hours of the days that fit."""

    hours: list[HoursText]
    days: DaysText = "all"
    from_: MonthDay | None = msgspec.field(default=None, name="from")
    to: MonthDay | None = None

    def fits(self, day: date) -> bool:
        """Whether this rule says what the hours of `day` are."""
        if day.weekday() not in _weekdays(self.days):
            return False
        if self.from_ is None or self.to is None:
            return True
        month_day = f"{day:%m-%d}"
        if self.from_ <= self.to:
            return self.from_ <= month_day <= self.to
        return month_day >= self.from_ or month_day <= self.to  # wraps the year


class ScheduleTable(Section, frozen=True):
    """`[schedule]`: the hours in which this player is meant to play."""

    timezone: str
    rules: tuple[RuleTable, ...] = ()
    closed: tuple[date, ...] = ()
    open: dict[date, list[HoursText]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours of every date, in one zone."""

    zone: ZoneInfo
    rules: tuple[RuleTable, ...]
    closed: frozenset[date]
    open: Mapping[date, Hours]

    def hours(self, day: date) -> Hours:
        """The hours that open on `day`; none: closed."""
        if day in self.closed:
            return ()
        if day in self.open:
            return self.open[day]
        return next((_minutes(rule.hours) for rule in self.rules if rule.fits(day)), ())

    def is_open(self, wall_ms: int) -> bool:
        """Whether something is meant to play at that instant."""
        now = datetime.fromtimestamp(wall_ms / 1000, UTC)
        today = now.astimezone(self.zone).date()
        return any(
            _instant(self.zone, day, start) <= now < _instant(self.zone, day, end)
            for day in (today + timedelta(days=offset) for offset in _AROUND)
            for start, end in self.hours(day)
        )

    def judge(self, reading: Reading, wall_ms: int, *, synced: bool) -> Reading:
        """What a reading means at that instant: a player that is dark when it is meant to be is off by schedule.

        A clock that is not synchronised knows no hour, so nothing is excused by it.
        """
        if not synced or reading.state not in DARK or self.is_open(wall_ms):
            return reading
        return Reading("off", "schedule", f"outside its hours ({reading.detail or reading.state})")


def schedule_of(table: ScheduleTable) -> Schedule:
    """The schedule of a table that has no complaints."""
    zone = _zone(table.timezone)
    opened = {day: _minutes(hours) for day, hours in table.open.items()}
    return Schedule(zone, table.rules, frozenset(table.closed), opened)


def schedule_complaints(table: ScheduleTable) -> Iterable[Complaint]:
    """What is wrong although every key has the right form."""
    try:
        _zone(table.timezone)
    except (LookupError, ValueError, OSError):
        remedy = "write an IANA name such as 'Europe/Madrid'; if that is one, install tzdata"
        yield Complaint("agent.schedule_zone", "timezone", f"{table.timezone!r} is not known on this machine", remedy)
    for place, rule in enumerate(table.rules):
        if (rule.from_ is None) != (rule.to is None):
            message = "has only one of from and to"
            yield Complaint("agent.schedule_half", f"rules[{place}]", message, "give both, or neither")


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # most players have no schedule, and each megabyte counts

    return ZoneInfo(name)


def _weekdays(text: str) -> set[int]:
    if text == "all":
        return set(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin = _DAYS.index(first)
        days.update((begin + offset) % 7 for offset in range((_DAYS.index(last or first) - begin) % 7 + 1))
    return days


def _minutes(texts: Iterable[str]) -> Hours:
    found: list[tuple[int, int]] = []
    for text in texts:
        start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        found.append((start, end if end > start else end + _DAY_MINUTES))
    return tuple(found)


def _instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    days, rest = divmod(minutes, _DAY_MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)  # fold 0: the first, or …
    return local.astimezone(UTC)  # … the offset before the gap
