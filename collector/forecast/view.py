"""PURE. A forecast as a table for people, in English or Spanish, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from collector.alerts.wording import percent_text, span_text, times_text
from collector.forecast.texts import TEXTS
from collector.sla.availability import MonthFigure
from collector.sla.bands import Band
from collector.sla.bands import percent_text as figure_text
from collector.sla.burn import BurnRate
from collector.sla.forecast import Forecast, Outcome
from collector.sla.instants import HOUR_MS, MINUTE_MS, format_instant, format_month
from collector.sla.outlook import Outlook
from common.clock import to_datetime

Json = dict[str, object]
Rows = list[list[str]]

_GAP: Final = "  "


def as_json(found: Forecast, tenant: str, contract: str, first: str = "") -> Json:
    """Exact shares as `[numerator, denominator]`, milliseconds as integers, instants in UTC, days as local dates."""
    span = found.best.span
    return {
        "tenant": tenant,
        "contract": contract,
        "title": found.contract.name,
        "month": span.month,
        "timezone": found.contract.timezone.key,
        "start": format_instant(span.start_ms),
        "end": format_instant(span.end_ms),
        "computed_at": format_instant(found.computed_ms),
        "players": found.best.players,
        "affected": {"players": found.best.affected_players, "needed": found.affected_needed},
        "to_date": {**_figure(found.to_date), "coverage": _coverage(found.to_date)},
        "best": _figure(found.best),
        "expected": _outcome(found.expected),
        "expected_blank": found.expected_blank,
        "pace": {"platform": _pair(found.pace.platform_rate), "players": _pair(found.pace.players_rate)},
        "range": None
        if found.range is None
        else {
            "worst": _outcome(found.range.worst),
            "best": _outcome(found.range.best),
            "days": found.range.days,
            "stretch_days": found.range.length,
            "stretches": found.range.count,
        },
        "range_blank": found.range_blank,
        "open": {"platform_ms": found.open_platform_ms, "players_ms": found.open_players_ms},
        "levels": [_level(each) for each in found.outlooks],
        "burn": [_burn(rate) for rate in found.burn],
        "unwatched": unwatched(found, first),
    }


def unwatched(found: Forecast, first: str) -> list[str]:
    """Months that a level needs and that lie before `first`, the first of which anything is known ("": not said)."""
    return sorted({month for each in found.outlooks for month in each.missing if month < first})


def _figure(figure: MonthFigure) -> Json:
    return {"availability": _pair(figure.availability), "percent": figure.percent, "band": _band(figure.band)}


def _outcome(outcome: Outcome | None) -> Json | None:
    if outcome is None:
        return None
    return {"availability": _pair(outcome.availability), "percent": outcome.percent, "band": _band(outcome.band)}


def _band(band: Band | None) -> Json | None:
    return None if band is None else {"percent": _pair(band.percent), "literal": band.literal}


def _coverage(figure: MonthFigure) -> Json:
    return {"players": _pair(figure.players_coverage), "platform": _pair(figure.platform_coverage)}


def _level(each: Outlook) -> Json:
    level = each.level
    return {
        "kind": level.kind,
        "level": _pair(level.level),
        "from": format_month(level.first),
        "to": format_month(level.last),
        "discount_percent": _pair(level.discount),
        "missing": list(each.missing),
        "under_now": each.under_now,
        "lost": each.lost,
        "left": _pair(each.left),
        "platform_ms": each.platform_ms,
        "platform_safe": each.platform_safe,
        "players_ms": each.players_ms,
        "players_safe": each.players_safe,
        "crews": [{"players": crew.players, "each_ms": crew.each_ms} for crew in each.crews],
        "falls_on": None if each.falls_on is None else each.falls_on.isoformat(),
    }


def _burn(rate: BurnRate) -> Json:
    return {
        "severity": rate.severity,
        "long_ms": rate.long_ms,
        "short_ms": rate.short_ms,
        "long_rate": _pair(rate.long_rate),
        "short_rate": _pair(rate.short_rate),
        "limit": _pair(rate.limit),
        "capped": rate.capped,
        "over": rate.over,
    }


def _pair(number: Fraction | None) -> list[int] | None:
    return None if number is None else [number.numerator, number.denominator]


def as_table(found: Forecast, tenant: str, language: str, first: str = "") -> str:
    """The forecast for a person, lines of text. Time that may still fail is rounded down to the minute."""
    spanish = language == "es"
    page = _Page(found, TEXTS[language], "," if spanish else ".", "\N{NO-BREAK SPACE}" if spanish else "", first)
    return "\n".join(page.lines(tenant)) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    found: Forecast
    texts: Mapping[str, str]
    point: str
    before_percent: str
    first: str

    def say(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def lines(self, tenant: str) -> Iterator[str]:
        found, zone = self.found, self.found.contract.timezone
        stamp = to_datetime(found.computed_ms).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        month = found.best.span.month
        yield self.say("title", name=found.contract.name, tenant=tenant, month=month, stamp=stamp, zone=zone.key)
        yield self.say("players", players=found.best.players)
        if found.affected_needed is not None:
            yield self.say("affected", affected=found.best.affected_players, needed=found.affected_needed)
        yield ""
        yield from _aligned(self._outcomes())
        yield ""
        if not found.outlooks:
            yield self.say("no_levels")
        else:
            yield f"{self.say('levels')}:"
            yield from _aligned(self._levels())
            yield self.say("safe_note")
            if unwatched(found, self.first):
                yield self.say("unwatched_note", first=self.first)
        if found.burn:
            yield ""
            yield f"{self.say('burn')}:"
            yield from _aligned(self._burns())

    def _outcomes(self) -> Rows:
        found, to_date = self.found, self.found.to_date
        known = {"players": to_date.players_coverage, "platform": to_date.platform_coverage}
        coverage = {name: self.say("no_coverage") if part is None else self.rough(part) for name, part in known.items()}
        return [
            [self.say("to_date"), self.percent(to_date.percent), self.say("coverage", **coverage)],
            [self.say("best"), self.percent(found.best.percent), ""],
            [self.say("expected"), *self._expected()],
            [self.say("range"), *self._range()],
        ]

    def _expected(self) -> list[str]:
        expected, pace = self.found.expected, self.found.pace
        if expected is None:
            return ["–", self.say(f"blank_{self.found.expected_blank}")]
        rates = {"players": pace.players_rate, "platform": pace.platform_rate}
        parts = {name: self.rough(rate) if rate else self.say("no_part") for name, rate in rates.items()}
        return [self.percent(expected.percent), self.say("pace", **parts)]

    def _range(self) -> list[str]:
        seen = self.found.range
        if seen is None:
            return ["–", self.say(f"blank_{self.found.range_blank}")]
        ends = self.say("from_to", worst=self.percent(seen.worst.percent), best=self.percent(seen.best.percent))
        return [ends, self.say("range_how", count=seen.count, length=seen.length, days=seen.days)]

    def _levels(self) -> Rows:
        crews = next((each.crews for each in self.found.outlooks if each.crews), ())
        sizes = [crew.players for crew in crews]
        heads = [self.say(f"crew_{'one' if size == 1 else 'many'}", n=size) for size in sizes]
        rows = [["", *map(self.say, ("level", "discount", "platform", "sum")), *heads, self.say("falls_on")]]
        return rows + [self._level(each, sizes) for each in self.found.outlooks]

    def _level(self, each: Outlook, sizes: Sequence[int]) -> list[str]:
        level, months = each.level, each.level.last - each.level.first + 1
        row = [
            self.say(f"kind_{level.kind}", months=months),
            self.percent(figure_text(level.level, self.found.contract.rounding)),
            "" if level.discount is None else self.rough(level.discount / 100),
        ]
        if each.missing:
            return [*row, self.say("missing", months=", ".join(each.missing))]
        if each.lost:
            return [*row, *[self.say("lost")] * (2 + len(sizes)), self._falls(each)]
        allowed = {crew.players: crew.each_ms for crew in each.crews}
        row.append(self._time(each.platform_ms, safe=each.platform_safe))
        row.append(self._time(each.players_ms, safe=each.players_safe))
        row += [self._crew(allowed, size) for size in sizes]
        return [*row, self._falls(each)]

    def _crew(self, allowed: Mapping[int, int | None], size: int) -> str:
        if size not in allowed:
            return self.say("no_cost")
        each_ms = allowed[size]
        return self.say("safe") if each_ms is None else duration(each_ms)

    def _time(self, allowed_ms: int | None, *, safe: bool) -> str:
        if allowed_ms is None:
            return self.say("no_cost")
        return self.say("safe") if safe else duration(allowed_ms)

    def _falls(self, each: Outlook) -> str:
        if each.falls_on is not None:
            return each.falls_on.isoformat()
        blank = self.found.expected_blank
        return self.say("never" if blank is None or blank == "over" or each.safe else "unknown")

    def _burns(self) -> Rows:
        rows = [[self.say(name) for name in ("windows", "long", "short", "limit", "alarm", "rings")]]
        for rate in self.found.burn:
            limit = self.number(times_text(rate.limit))
            rows.append(
                [
                    f"{span_text(rate.long_ms)} / {span_text(rate.short_ms)}",
                    self.number(times_text(rate.long_rate)),
                    self.number(times_text(rate.short_rate)),
                    self.say("capped", limit=limit) if rate.capped else limit,
                    self.say(f"severity_{rate.severity}"),
                    self.say("yes" if rate.over else "no"),
                ]
            )
        return rows

    def number(self, text: str) -> str:
        return text.replace(".", self.point)

    def percent(self, text: str | None) -> str:
        return self.say("none") if text is None else f"{self.number(text)}{self.before_percent}%"

    def rough(self, share: Fraction) -> str:
        """A share that no contract compares with anything, to a hundredth of a percent."""
        return self.percent(percent_text(share))


def duration(length_ms: int) -> str:
    """Hours and minutes, rounded down: `37 h 09 min`."""
    return f"{length_ms // HOUR_MS} h {length_ms % HOUR_MS // MINUTE_MS:02d} min"


def _aligned(rows: Rows) -> Iterator[str]:
    """Rows with their columns one under the other; a shorter row ends early, its last cell as long as it likes."""
    columns = max(map(len, rows))
    widths = [0] * columns
    for row in rows:
        for number, cell in enumerate(row if len(row) == columns else row[:-1]):
            widths[number] = max(widths[number], len(cell))
    for row in rows:
        yield "  " + _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
