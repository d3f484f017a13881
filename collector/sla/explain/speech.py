"""PURE. Numbers, times, lists and calendars as a native writes them in English and in Spanish."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from collector.sla.calendar import Calendar, Hours, MonthDay, Rule
from collector.sla.clock import Target
from collector.sla.explain.texts import DAYS, MONTHS, TEXTS
from collector.sla.instants import HOUR_MS, MINUTE_MS
from collector.sla.service import Language, Phrase, SupportHours

_SECOND_MS: Final = 1000
_DAY_MINUTES: Final = 24 * 60
_WEEK: Final = frozenset(range(7))
_FEWEST_FOR_A_RANGE: Final = 3
_E_NOT_Y: Final = ("i", "hi", "í", "hí")  # "y" becomes "e" before that sound


@dataclass(frozen=True, slots=True)
class Speech:
    """One language."""

    language: Language

    def say(self, key: str, **values: object) -> str:
        """The text of a key, its names filled in; KeyError for one that does not exist."""
        return TEXTS[key][self._column].format(**values)

    def phrase(self, phrase: Phrase) -> str:
        """A text of the contract file."""
        return phrase.said_in(self.language)

    def many(self, key: str, number: int) -> str:
        """A number with its noun: `1 month`, `6 months`."""
        return self.say(f"{key}_one" if number == 1 else f"{key}_many", n=self.whole(number))

    def whole(self, number: int) -> str:
        """An integer, thousands set apart; in Spanish by a space, from five digits on, as its academy asks."""
        if self.language == "es":
            return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}") if abs(number) >= 10**4 else str(number)
        return f"{number:,}"

    def number(self, number: Fraction, decimals: int = 0) -> str:
        """An exact decimal with at least so many decimals."""
        digits = decimals
        while (number * 10**digits).denominator != 1:
            digits += 1
        whole, rest = divmod(int(number * 10**digits), 10**digits)
        point = "," if self.language == "es" else "."
        return f"{self.whole(whole)}{point}{rest:0{digits}d}" if digits else self.whole(whole)

    def percent(self, percent: Fraction, decimals: int = 0) -> str:
        """A percentage: `99.00%`, `99,00 %`."""
        return f"{self.number(percent, decimals)}{self._percent_sign}"

    def span(self, highest: Fraction, lowest: Fraction, decimals: int) -> str:
        """Figures from one share to another: `98.99 to 98.71%`."""
        first, last = self.number(highest * 100, decimals), self.percent(lowest * 100, decimals)
        return last if highest == lowest else self.say("span_figures", first=first, last=last)

    def duration(self, duration_ms: int) -> str:
        """Hours, minutes and seconds to the millisecond, without the parts that are nought."""
        hours, rest = divmod(duration_ms, HOUR_MS)
        minutes, rest_ms = divmod(rest, MINUTE_MS)
        parts = [f"{self.whole(hours)} h"] if hours else []
        if minutes:
            parts.append(f"{minutes} min")
        if rest_ms or not parts:
            parts.append(f"{self.number(Fraction(rest_ms, _SECOND_MS), 3 if rest_ms % _SECOND_MS else 0)} s")
        return " ".join(parts)

    def target(self, target: Target) -> str:
        """A promised time: `24 hours`, `7 working days`."""
        return self.many(f"unit_{target.unit}", target.amount)

    def listing(self, items: Sequence[str], last: str = "and_last") -> str:
        """`a, b and c`; Spanish `y` is `e` before an i."""
        if len(items) < 2:  # noqa: PLR2004  # a list begins with two
            return "".join(items)
        word = self.say(last)
        if word == "y" and items[-1].lower().startswith(_E_NOT_Y):
            word = "e"
        return f"{', '.join(items[:-1])} {word} {items[-1]}"

    def hours(self, hours: SupportHours) -> str:
        """When a clock runs, in one sentence without its full stop."""
        calendar = hours.calendar
        if calendar is None:
            return self.say("always")
        text = "; ".join(self._rules(calendar)) or self.say("never")
        if (holidays := self._holidays(hours, calendar)) is not None:
            text = self.say("but_holidays", hours=text, holidays=holidays)
        if calendar.closed:
            text = self.say("closed_dates", hours=text, dates=self._dates(calendar.closed))
        if calendar.open:
            text = self.say("open_dates", hours=text, dates=self._dates(calendar.open))
        key = f"zone_of_{hours.zone_of}" if hours.zone_of else "in_zone"
        return self.say(key, hours=text, zone=calendar.timezone.key)

    def _holidays(self, hours: SupportHours, calendar: Calendar) -> str | None:
        if hours.holidays_of is not None:
            return self.say(f"holidays_of_{hours.holidays_of}")
        if calendar.holidays is None:
            return None
        country, part = calendar.holidays.country, calendar.holidays.subdiv
        return self.say("holidays_of_region", region=f"{country}-{part}" if part else country)

    def _rules(self, calendar: Calendar) -> list[str]:
        """Each rule that says something: a last one without hours only repeats that the rest is closed."""
        rules = [rule for rule in calendar.rules if rule.hours or calendar.rules[-1] is not rule]
        return [self._rule(rule, first=number == 0) for number, rule in enumerate(rules)]

    def _rule(self, rule: Rule, *, first: bool) -> str:
        text = self._rule_hours(rule)
        if rule.span is not None:
            begin, end = (self._month_day(day) for day in rule.span)
            return self.say("rule_span", first=begin, last=end, hours=text)
        if rule.dates is not None:
            dates = self.listing([self._month_day(day) for day in sorted(rule.dates)])
            return self.say("rule_dates", dates=dates, hours=text)
        return text if first else self.say("rule_other", hours=text)

    def _rule_hours(self, rule: Rule) -> str:
        days = self._days(rule.days)
        if not rule.hours:
            return self.say("day_closed", days=days)
        if rule.hours == ((0, _DAY_MINUTES),):
            return self.say("day_whole", days=days)
        return self.say("day_hours", days=days, hours=self._ranges(rule.hours))

    def _ranges(self, hours: Hours) -> str:
        return self.listing(
            [self.say("hours_range", start=_clock(start), end=_clock(end, end=True)) for start, end in hours]
        )

    def _days(self, days: Collection[int]) -> str:
        """Weekdays, three or more in a row as a range."""
        if frozenset(days) == _WEEK:
            return self.say("every_day")
        parts: list[str] = []
        for run in _rows(sorted(days)):
            names = [DAYS[day][self._column] for day in run]
            if len(run) >= _FEWEST_FOR_A_RANGE:
                parts.append(self.say("day_range", first=names[0], last=names[-1]))
            else:
                parts += names
        return self.listing(parts)

    def _month_day(self, day: MonthDay) -> str:
        return self.say("month_day", month=MONTHS[day[0] - 1][self._column], day=day[1])

    def _dates(self, days: Iterable[date]) -> str:
        return self.listing([day.isoformat() for day in sorted(days)])

    @property
    def _column(self) -> int:
        return 1 if self.language == "es" else 0

    @property
    def _percent_sign(self) -> str:
        return "\N{NO-BREAK SPACE}%" if self.language == "es" else "%"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _clock(minutes: int, *, end: bool = False) -> str:
    if end and minutes == _DAY_MINUTES:
        return "24:00"
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _rows(days: Sequence[int]) -> Iterable[list[int]]:
    """Days in a row, together."""
    for _, group in itertools.groupby(enumerate(days), lambda pair: pair[1] - pair[0]):
        yield [day for _, day in group]
