"""PURE. Strict reading of plain data (decoded TOML or JSON): every complaint is kept, with its key and its remedy.

A reader never stops at the first mistake: it notes a finding and goes on with a stand-in, and `Report.settle` raises
all of them together at the end. Numbers stay exact: a binary float is refused, decimals come as `Decimal` or as text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from collector.sla.instants import parse_zone
from common.config import ConfigError, Finding

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_BIGGEST: Final = 2**53
_MOST_DIGITS: Final = 20
_SHOWN: Final = 60
_MOST_LISTED: Final = 50


class ContractError(ConfigError):
    """A contract, calendar or case cannot be used; `findings` says why, one line each with its remedy."""


@dataclass(slots=True)
class Report:
    """Collects the findings about one file."""

    file: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, identity: str, key: str, message: str, remedy: str) -> None:
        """Note what makes the file unusable."""
        self.findings.append(Finding(identity, self.file, key, message, remedy))

    def warning(self, identity: str, key: str, message: str, remedy: str) -> None:
        """Note what a person should look at; the file is used all the same."""
        self.findings.append(Finding(identity, self.file, key, message, remedy, "warning"))

    @property
    def failed(self) -> bool:
        """Whether one of the findings is an error."""
        return any(finding.level == "error" for finding in self.findings)

    def settle(self) -> None:
        """ContractError with every finding if one of them is an error."""
        if self.failed:
            raise ContractError(*self.findings)


def shown(value: object) -> str:
    """A value as a message may quote it: short, on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list without bottom
        return f"this {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def exact_decimal(text: str) -> Decimal:
    """For the `parse_float` of a decoder: the number as it stands there; NaN (refused later) where none can be."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("NaN")


def nearest(name: str, known: Collection[str]) -> str:
    """The remedy for a word that is not among the known ones."""
    if len(known) > _MOST_LISTED:
        return "use one that the file declares"
    if not known:
        return "declare it first"
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(sorted(known))}"


class Value:
    """One value of the file, the key path that leads to it, and the report that hears about it.

    `scope` begins the id of its findings: `contract`, `calendar`, `case`.
    """

    __slots__ = ("data", "key", "report", "scope")

    def __init__(self, data: object, report: Report, key: str, scope: str) -> None:
        self.data = data
        self.report = report
        self.key = key
        self.scope = scope

    def refuse(self, what: str, message: str, remedy: str) -> None:
        """Note that this value cannot be used; `what` ends the finding's id."""
        self.report.error(f"{self.scope}.{what}", self.key, message, remedy)

    def text(self) -> str | None:
        """A text with something in it."""
        if isinstance(self.data, str) and self.data.strip():
            return self.data
        self.refuse("value.type", f"{shown(self.data)} is no text", 'write it as "…"')
        return None

    def choice(self, known: Collection[str], what: str = "choice.unknown", noun: str = "word known here") -> str | None:
        """One of the known words; `noun` says in the message what it is not."""
        word = self.text()
        if word is None or word in known:
            return word
        self.refuse(what, f"{shown(word)} is no {noun}", nearest(word, known))
        return None

    def boolean(self) -> bool | None:
        """`true` or `false`."""
        if isinstance(self.data, bool):
            return self.data
        self.refuse("value.type", f"{shown(self.data)} is neither true nor false", "write true or false without quotes")
        return None

    def integer(self, low: int, high: int = _BIGGEST) -> int | None:
        """An integer in `[low, high]`."""
        if not isinstance(self.data, int) or isinstance(self.data, bool):
            self.refuse("value.type", f"{shown(self.data)} is no integer", "write a whole number without quotes")
        elif not low <= self.data <= high:
            self.refuse("value.range", f"{shown(self.data)} is out of range", f"choose {low} to {high}")
        else:
            return self.data
        return None

    def fraction(self, high: int, hint: str) -> Fraction | None:
        """An exact decimal in `[0, high]`, as a number or as text."""
        number = _exact(self.data)
        if isinstance(self.data, float):
            remedy = "decode with parse_float=Decimal, or write it as text"
            self.refuse("value.inexact", f"{shown(self.data)} came as a binary float", remedy)
        elif number is None:
            self.refuse("value.type", f"{shown(self.data)} is no decimal number", f"write {hint}")
        elif not 0 <= number <= high:
            self.refuse("value.range", f"{shown(self.data)} is not between 0 and {high}", f"write {hint}")
        else:
            return number
        return None

    def items(self) -> Iterator[Value]:
        """The members of a list; none, and a finding, where it is no list."""
        if not isinstance(self.data, Sequence) or isinstance(self.data, str):
            self.refuse("value.type", f"{shown(self.data)} is no list", "write it as [ … ]")
            return
        for number, member in enumerate(self.data):
            yield Value(member, self.report, f"{self.key}[{number}]", self.scope)

    def entries(self) -> Iterator[tuple[str, Value]]:
        """The names and values of a table whose names are free; none, and a finding, where it is no table."""
        if not isinstance(self.data, Mapping):
            self.refuse("value.type", f"{shown(self.data)} is no table", "write it as { … }")
            return
        for name, member in self.data.items():
            yield str(name), Value(member, self.report, f"{self.key}.{name}".lstrip("."), self.scope)

    def table(self, required: Collection[str], optional: Collection[str] = ()) -> Table:
        """A table with known keys only; what is unknown or missing is noted."""
        members = dict(self.entries())
        for name in sorted(members.keys() - set(required) - set(optional)):
            members[name].refuse("key.unknown", "unknown key", nearest(name, [*required, *optional]))
        if isinstance(self.data, Mapping):
            for name in sorted(set(required) - members.keys()):
                where = Value(None, self.report, f"{self.key}.{name}".lstrip("."), self.scope)
                where.refuse("key.missing", "is missing", f"add {name}")
        return Table(members)


class Table:
    """The members of a table that was read with `Value.table`."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Value]) -> None:
        self._members = members

    def get(self, name: str) -> Value | None:
        """The member of that name, None where it is absent."""
        return self._members.get(name)

    def maybe(self, name: str) -> Value | None:
        """The member of that name, None where it is absent or null."""
        member = self._members.get(name)
        return None if member is None or member.data is None else member


def read_zone(value: Value | None) -> ZoneInfo:
    """A time zone by its IANA name; UTC stands in for an absent or wrong one."""
    name = value.text() if value else None
    if value is None or name is None:
        return ZoneInfo("UTC")
    try:
        return parse_zone(name)
    except ValueError as error:
        value.refuse("timezone.unknown", str(error), "use an IANA name such as 'Europe/Madrid'")
        return ZoneInfo("UTC")


def _exact(data: object) -> Fraction | None:
    """The exact value of an integer, a Decimal or a decimal's text."""
    if isinstance(data, Decimal):
        data = format(data, "f") if data.is_finite() and abs(data.adjusted()) < _MOST_DIGITS else None
    if isinstance(data, int) and not isinstance(data, bool) and abs(data) <= _BIGGEST:
        return Fraction(data)
    return Fraction(data) if isinstance(data, str) and _DECIMAL.fullmatch(data) else None
