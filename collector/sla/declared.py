"""PURE. What a contract file declares and refers to: its parties, calendars and tiers; words, phrases and targets.

A calendar may say `customer` or `provider` for its time zone and holidays: agreements promise hours "at the customer's
place", and that place is known only once there is a customer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args
from zoneinfo import ZoneInfo

from collector.sla.calendar import read_calendar, read_holidays
from collector.sla.clock import Target, parse_target
from collector.sla.reading import Table, Value, read_zone
from collector.sla.service import ALWAYS, Desk, Party, Phrase, Side, SupportHours

_SIDES: Final[tuple[Side, ...]] = get_args(Side)
_WRITE_TARGET: Final = (
    "write '90 minutes', '48 hours', '7 business days' (with a calendar) or '3 days' (around the clock)"
)


@dataclass(slots=True)
class Declared:
    """What the file has declared so far, for the tables that refer to it."""

    zone: ZoneInfo
    parties: dict[str, Party] = field(default_factory=dict)
    places: dict[str, Table] = field(default_factory=dict)
    calendars: dict[str, SupportHours] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    tiers: tuple[str, ...] = ()
    desks: dict[str, Desk] = field(default_factory=dict)
    severities: set[str] = field(default_factory=set)


def members(value: Value | None) -> list[Value]:
    """The members of a list that may be absent."""
    return list(value.items()) if value else []


def read_texts(value: Value | None) -> tuple[str, ...]:
    """A list of texts, each once."""
    texts: list[str] = []
    for member in members(value):
        text = member.text()
        if text in texts:
            member.refuse("id.duplicate", f"{text!r} is in the list already", "name each once")
        elif text is not None:
            texts.append(text)
    return tuple(texts)


def word(table: Table, name: str, kind: object) -> str | None:
    """One of the words of a Literal type; None where it is absent or wrong."""
    value = table.get(name)
    return value.choice(get_args(kind)) if value else None


def text_of(table: Table, name: str) -> str | None:
    """A text; None where it is absent or wrong."""
    value = table.get(name)
    return value.text() if value else None


def words(value: Value | None, kind: object) -> tuple[str, ...]:
    """A list of words of a Literal type."""
    chosen = [member.choice(get_args(kind)) for member in members(value)]
    return tuple(each for each in chosen if each is not None)


def read_phrase(value: Value | None) -> Phrase:
    """A text in both languages."""
    if value is None:
        return Phrase("", "")
    table = value.table(required=["en", "es"])
    return Phrase(text_of(table, "en") or "", text_of(table, "es") or "")


def read_phrases(value: Value | None) -> tuple[Phrase, ...]:
    """A list of texts in both languages."""
    return tuple(read_phrase(member) for member in members(value))


def read_identity(value: Value, table: Table, known: Collection[str]) -> str:
    """An id of its own among its kind."""
    identity = text_of(table, "id") or ""
    if identity in known:
        value.refuse("id.duplicate", f"{identity!r} is in the list already", "give each its own id")
    return identity


def declare(table: Table, zone: ZoneInfo) -> Declared:
    """Read what the file declares: tiers, parties, calendars. `zone` stands in for a place that nobody named."""
    names = Declared(zone, tiers=read_texts(table.get("tiers")))
    for side in _SIDES:
        names.parties[side] = _party(table.get(side), side, names)
    calendars = table.get("calendars")
    for name, member in calendars.entries() if calendars else ():
        if name == ALWAYS.name:
            member.refuse("calendar.reserved", f"{name!r} means around the clock", "choose another name")
        names.calendars[name] = _calendar(member, names, name)
    return names


def _party(value: Value | None, side: str, names: Declared) -> Party:
    if value is None:
        return Party()
    optional = ["name", "timezone", "holidays", *(["tier"] if side == "customer" else [])]
    table = names.places[side] = value.table(required=[], optional=optional)
    zone, tier, region = table.get("timezone"), table.get("tier"), table.get("holidays")
    known = read_holidays(region)
    return Party(
        name=text_of(table, "name"),
        timezone=read_zone(zone) if zone else None,
        holidays=str(region.data) if region and known is not None else None,
        tier=tier.choice(names.tiers, "tier.unknown", "tier of this file") if tier else None,
    )


def _calendar(value: Value, names: Declared, name: str) -> SupportHours:
    """A calendar whose `timezone` and `holidays` may be those of a party: `customer`, `provider`."""
    if not isinstance(value.data, Mapping):
        return SupportHours(name, read_calendar(Value(value.data, value.report, value.key, "calendar")))
    data, unplaced = dict(value.data), dict[str, Side]()
    for side in _SIDES:
        party = names.parties[side]
        if data.get("timezone") == side:
            data["timezone"] = (party.timezone or names.zone).key
            unplaced |= _must_be_placed(value, names, side, "timezone", f"{names.zone.key} stands in")
        if data.get("holidays") == side:
            data["holidays"] = party.holidays
            unplaced |= _must_be_placed(value, names, side, "holidays", "it is open on them")
    calendar = read_calendar(Value(data, value.report, value.key, "calendar"))
    return SupportHours(name, calendar, unplaced.get("timezone"), unplaced.get("holidays"))


def _must_be_placed(value: Value, names: Declared, side: Side, key: str, instead: str) -> dict[str, Side]:
    """Warn where a calendar goes by a place that the file does not name: the key and whose it is, or nothing."""
    if side in names.places and names.places[side].get(key):
        return {}
    what = {"timezone": "time zone", "holidays": "public holidays"}[key]
    message = f"goes by the {side}'s {what}, which the file does not name: {instead}"
    value.report.warning("contract.place.missing", f"{value.key}.{key}", message, f"add {side}.{key}")
    return {key: side}


def read_hours(value: Value | None, names: Declared) -> SupportHours | None:
    """`always`, the name of a calendar of the file, or a calendar in place."""
    if value is None:
        return None
    if isinstance(value.data, Mapping):
        return _calendar(value, names, "")
    name = value.choice([ALWAYS.name, *names.calendars], "calendar.unknown", "calendar of this file")
    if name is None or name == ALWAYS.name:
        return ALWAYS
    names.used.add(name)
    return names.calendars[name]


def warn_of_unused(value: Value | None, names: Declared) -> None:
    """Warn of calendars that nothing goes by; to be asked at the end, and of a file without errors."""
    for name, member in value.entries() if value and not value.report.failed else ():
        if name not in names.used:
            member.report.warning("contract.calendar.unused", member.key, "nothing goes by it", "remove it, or name it")


def read_target(value: Value | None, clocks: Sequence[SupportHours | None]) -> Target | None:
    """A time that can be judged on every one of these clocks (None: around the clock)."""
    text = value.text() if value else None
    if value is None or text is None:
        return None
    target = None
    for has_calendar in sorted({clock is not None and clock.calendar is not None for clock in clocks or [None]}):
        try:
            target = parse_target(text, has_calendar=has_calendar)
        except ValueError as error:
            value.refuse("target.invalid", str(error), _WRITE_TARGET)
            return None
    return target
