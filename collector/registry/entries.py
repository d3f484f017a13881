"""PURE. What a registry file says: entries that name a thing and only those of its fields that the file mentions.

The readers here are shared by TOML and CSV. Each notes what is wrong in the value's report, with key and remedy, and
gives a stand-in, so that one run shows every mistake of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final
from urllib.parse import urlsplit

import msgspec

from collector.registry.model import ALWAYS, PortalCheck, VoteRule
from collector.registry.records import Kind, Ref
from collector.sla.instants import parse_instant
from collector.sla.reading import Table, Value, shown
from common.clock import to_ms
from wire.topics import is_id

SCOPE: Final = "registry"
LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999
ROLES: Final = ("player", "server")

_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 1000
_LONGEST_WAIT_S: Final = 86_400
_LONGEST_PATIENCE_S: Final = 3600
_MOST_VOTES: Final = 100_000
_QUORUM: Final = re.compile(r"(0|[1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)
_MICROSECONDS: Final = 1000
_ID_REMEDY: Final = "use lower-case letters, digits, '.', '_', '-', beginning with a letter or digit, at most 63"
_INSTANT_REMEDY: Final = "write it with its offset, such as 2026-03-01T00:00:00Z or 2026-03-01T00:00:00+01:00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing as a file mentions it. `ids` name it, `values` are record fields; what is absent stays as it is."""

    kind: Kind
    key: str
    ids: Mapping[str, str]
    values: Mapping[str, object]
    file: str
    where: str  # the key in the file, e.g. devices[3].outputs[0]

    @property
    def ref(self) -> Ref:
        """What it is about."""
        return Ref(self.kind, self.key)

    def at(self, field: str) -> str:
        """The key of one of its fields in the file."""
        return f"{self.where}.{field}" if self.where else field


def read_id(value: Value) -> str:
    """An id of the wire's form; a stand-in where it is none."""
    text = value.text()
    if text is not None and not is_id(text):
        value.refuse("id.invalid", f"{shown(text)} cannot be an id", _ID_REMEDY)
    return text if text is not None and is_id(text) else "?"


def read_optional_id(value: Value) -> str | None:
    """An id, or "" for none."""
    return None if value.data == "" else read_id(value)


def read_name(value: Value) -> str | None:
    """A name for people, on one line; "" stands for the id."""
    if value.data == "":
        return None
    text = value.text()
    if text is None:
        return None
    text = text.strip()
    if not text.isprintable():
        value.refuse("name.unprintable", f"{shown(text)} has characters that cannot be shown", "remove them")
    elif len(text) > _LONGEST_NAME:
        value.refuse("name.long", f"has {len(text)} characters", f"use at most {_LONGEST_NAME}")
    return text


def read_instant(value: Value) -> int | None:
    """An instant in milliseconds since 1970, or "" for none."""
    data = value.data
    if data == "":
        return None
    try:
        instant = _instant(data)
    except ValueError as error:
        value.refuse("instant.invalid", f"{_as_written(data)} {error}", _INSTANT_REMEDY)
        return None
    if not 0 <= instant <= LATEST_MS:
        value.refuse("instant.range", f"{_as_written(data)} is not between 1970 and 9999", "correct the year")
        return None
    return instant


def read_role(value: Value) -> str:
    """`player` or `server`; "" stands for a player."""
    return "player" if value.data == "" else value.choice(ROLES) or "player"


def read_emission(value: Value) -> str:
    """A calendar's id, or `always`, for which "" stands as well."""
    return ALWAYS if value.data == "" else read_id(value)


def read_check(value: Value) -> Mapping[str, object] | None:
    """How a platform is checked; an empty `url` without `votes` means: not at all."""
    table = value.table([], PortalCheck.__struct_fields__)
    url, votes = table.get("url"), table.get("votes")
    if votes is None and (url is None or url.data == ""):
        if url is None:
            value.refuse("key.missing", "has neither url nor votes", 'add url = "https://…", or votes = {points = […]}')
        return None
    given = {
        "url": None if url is None or url.data == "" else _url(url),
        "expect_status": _with(table, "expect_status", lambda member: member.integer(100, 599)),
        "expect_text": _with(table, "expect_text", _any_text),
        "timeout_s": _with(table, "timeout_s", _seconds),
        "interval_s": _with(table, "interval_s", _seconds),
        "failures": _with(table, "failures", lambda member: member.integer(1, 100)),
        "votes": _with(table, "votes", _votes),
    }
    check = PortalCheck(**{name: data for name, data in given.items() if data is not None})  # type: ignore[arg-type]
    plain: dict[str, object] = msgspec.to_builtins(check)
    return plain


def read_quorum(quorum: object) -> tuple[Fraction, int | None]:
    """A share of the votes, or a number of them: the share (not looked at beside a number), and the number.

    ValueError where it is neither.
    """
    if isinstance(quorum, int) and not isinstance(quorum, bool):
        if not 0 < quorum <= _MOST_VOTES:
            raise ValueError("is no number of votes")
        return Fraction(1, 2), quorum
    numbers = _QUORUM.fullmatch(quorum) if isinstance(quorum, str) else None
    if numbers is None or not int(numbers[1]) < int(numbers[2]):
        raise ValueError("is no fraction under 1")
    return Fraction(int(numbers[1]), int(numbers[2])), None


def _votes(value: Value) -> VoteRule | None:
    table = value.table(["points"], [name for name in VoteRule.__struct_fields__ if name != "points"])
    given = {
        "points": _with(table, "points", _points),
        "quorum": _with(table, "quorum", _quorum),
        "min_votes": _with(table, "min_votes", lambda member: member.integer(1, _MOST_VOTES)),
        "patience_s": _with(table, "patience_s", _patience),
    }
    if given["points"] is None:
        return None
    return VoteRule(**{name: data for name, data in given.items() if data is not None})  # type: ignore[arg-type]


def _points(value: Value) -> list[str]:
    points = ["*" if member.data == "*" else read_id(member) for member in value.items()]
    if not points or ("*" in points and len(points) > 1) or len(set(points)) < len(points):
        value.refuse(
            "votes.points", 'must name devices, each once, or "*" alone', 'write ["shop-1", "shop-2"] or ["*"]'
        )
    return points


def _quorum(value: Value) -> str | int | None:
    data = value.data
    try:
        read_quorum(data)
    except ValueError as error:
        value.refuse("votes.quorum", f"{shown(data)} {error}", 'write "1/2" for more than half of the votes, or 2')
        return None
    return data if isinstance(data, int) else str(data)


def _patience(value: Value) -> float | None:
    number = value.fraction(_LONGEST_PATIENCE_S, "seconds, such as 60")
    return None if number is None else float(number)


# What a file calls a field → the record's field, and its reader.
FIELDS: Final[Mapping[str, tuple[str, Callable[[Value], object]]]] = {
    "name": ("name", read_name),
    "site": ("site", read_optional_id),
    "role": ("role", read_role),
    "contract": ("contract", read_optional_id),
    "emission": ("emission", read_emission),
    "active_from": ("active_from_ms", read_instant),
    "active_until": ("active_until_ms", read_instant),
    "check": ("check", read_check),
}


def read_fields(members: Mapping[str, Value | None]) -> dict[str, object]:
    """The record fields of the members that the file mentions."""
    values: dict[str, object] = {}
    for name, member in members.items():
        if member is not None:
            field, read = FIELDS[name]
            values[field] = read(member)
    return values


def _instant(data: object) -> int:
    if isinstance(data, str):
        return parse_instant(data)
    if isinstance(data, datetime):
        if data.tzinfo is None:
            raise ValueError("has no offset from UTC")
        if data.microsecond % _MICROSECONDS:
            raise ValueError("is finer than a millisecond")
        return to_ms(data)
    what = "is a date: at which moment, and in which zone?" if isinstance(data, date) else "is no instant"
    raise ValueError(what)


def _as_written(data: object) -> str:
    return data.isoformat() if isinstance(data, date) else shown(data)


def _url(value: Value) -> str | None:
    text = value.text()
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        value.refuse("url.invalid", f"{shown(text)} is no address", "write https://host/path")
    return text


def _any_text(value: Value) -> str | None:
    if not isinstance(value.data, str) or len(value.data) > _LONGEST_TEXT:
        value.refuse("value.type", f"{shown(value.data)} is no text", f'write it as "…", at most {_LONGEST_TEXT}')
        return None
    return value.data


def _seconds(value: Value) -> float | None:
    number = value.fraction(_LONGEST_WAIT_S, "seconds, such as 30 or 2.5")
    if number is not None and number * 10 < 1:
        value.refuse("value.range", f"{shown(value.data)} is too short", "write at least 0.1 seconds")
    return None if number is None else float(number)


def _with(table: Table, name: str, read: Callable[[Value], object]) -> object:
    member = table.get(name)
    return None if member is None else read(member)
