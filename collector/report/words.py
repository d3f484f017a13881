"""PURE. A report's numbers, times and names as a native writes them in English and in Spanish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from collector.report.texts import TEXTS
from collector.sla.bands import percent_text
from collector.sla.explain.speech import Speech
from collector.sla.explain.texts import MONTHS
from collector.sla.explain.texts import TEXTS as TERMS
from collector.sla.instants import HOUR_MS, MINUTE_MS, parse_month
from collector.sla.service import Language, Phrase
from collector.sla.terms import Rounding
from common.clock import to_datetime

_SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Words:
    """One language, and the zone in which times are told."""

    language: Language
    zone: ZoneInfo

    @property
    def speech(self) -> Speech:
        """Give the language's numbers and lists."""
        return Speech(self.language)

    def say(self, key: str, **values: object) -> str:
        """The text of a key, its names filled in; KeyError for one that does not exist."""
        return TEXTS[key][self._column].format(**values)

    def many(self, key: str, number: int, **values: object) -> str:
        """A text with a number: `1 month`, `6 months`."""
        return self.say(f"{key}_one" if number == 1 else f"{key}_many", n=self.speech.whole(number), **values)

    def phrase(self, phrase: Phrase) -> str:
        """A text of the contract file."""
        return phrase.said_in(self.language)

    def cause(self, cause: str) -> str:
        """A cause by its name."""
        return self.speech.say(f"cause_{cause}")

    def state(self, state: str) -> str:
        """A state by its name."""
        return self.say(f"state_{state}")

    def window_kind(self, kind: str) -> str:
        """A kind of window by its name; one that only its contract knows, as it is written there."""
        key = f"window_{kind}"
        if key in TERMS:
            return self.speech.say(key)
        return self.say(key) if key in TEXTS else kind

    def figure(self, share: Fraction, rounding: Rounding) -> str:
        """A share as the contract rounds it: `98.71%`, `98,71 %`."""
        return self.speech.percent(Fraction(percent_text(share, rounding)), rounding.decimals)

    def percent(self, share: Fraction, decimals: int = 2) -> str:
        """A share of 1 cut to so many decimals: 100 % is written only where it is true."""
        return self.figure(share, Rounding(decimals, "floor"))

    def level(self, share: Fraction, decimals: int = 0) -> str:
        """A level or threshold of the contract, exactly."""
        return self.speech.percent(share * 100, decimals)

    def length(self, length_ms: int) -> str:
        """A length to the second for tables: `3:05:09`."""
        hours, rest = divmod(length_ms, HOUR_MS)
        minutes, rest_ms = divmod(rest, MINUTE_MS)
        return f"{self.speech.whole(hours)}:{minutes:02d}:{rest_ms // _SECOND_MS:02d}"

    def exactly(self, length_ms: int | Fraction) -> str:
        """A length to the millisecond for the formula: `3 h 5 min 9.25 s`; with ≈ where it is no whole millisecond."""
        whole_ms = int(length_ms)
        text = self.speech.duration(whole_ms)
        return text if whole_ms == length_ms else f"≈ {text}"

    def local(self, instant_ms: int) -> datetime:
        """The aware local datetime of an instant."""
        return to_datetime(instant_ms).astimezone(self.zone)

    def stamp(self, instant_ms: int) -> str:
        """An instant to the second: `2026-03-14 02:00:00`, `14/03/2026 02:00:00`; with offset in a repeated hour."""
        local = self.local(instant_ms)
        form = "%d/%m/%Y %H:%M:%S" if self.language == "es" else "%Y-%m-%d %H:%M:%S"
        repeated = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
        return local.strftime(form) + (_offset(local) if repeated else "")

    def until(self, start_ms: int, end_ms: int) -> str:
        """The end of an interval: the time of day alone where it ends on the day of its start."""
        stamp = self.stamp(end_ms)
        return stamp.partition(" ")[2] if self.local(start_ms).date() == self.local(end_ms).date() else stamp

    def moment(self, instant_ms: int) -> str:
        """An instant to the minute, in words: `14 March 2026, 02:00`."""
        local = self.local(instant_ms)
        return f"{self.day(local.date())}, {local:%H:%M}"

    def day(self, day: date) -> str:
        """A date in words: `14 March 2026`, `14 de marzo de 2026`."""
        name = MONTHS[day.month - 1][self._column]
        return f"{day.day} de {name} de {day.year}" if self.language == "es" else f"{day.day} {name} {day.year}"

    def month(self, month: str) -> str:
        """`2026-03` → `March 2026`, `marzo de 2026`."""
        year, _, number = month.partition("-")
        name = MONTHS[int(number) - 1][self._column]
        return f"{name} de {year}" if self.language == "es" else f"{name} {year}"

    def months(self, months: Sequence[str]) -> str:
        """Months in their order, those in a row as a range: `October 2025 to January 2026 and May 2026`."""
        rows: list[list[str]] = []
        for month in months:
            if rows and parse_month(month) == parse_month(rows[-1][-1]) + 1:
                rows[-1].append(month)
            else:
                rows.append([month])
        told = [
            self.month(row[0])
            if len(row) == 1
            else self.say("months_range", first=self.month(row[0]), last=self.month(row[-1]))
            for row in rows
        ]
        return self.speech.listing(told)

    @property
    def _column(self) -> int:
        return 1 if self.language == "es" else 0


def _offset(local: datetime) -> str:
    """` (+01:00)`."""
    text = local.strftime("%z")
    return f" ({text[:3]}:{text[3:5]})"
