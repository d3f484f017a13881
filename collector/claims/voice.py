"""PURE. One language of a draft: its own sentences, and the report's numbers, times and names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from collector.claims.model import Draft
from collector.claims.money import Fee
from collector.claims.texts import TEXTS
from collector.report.words import Words
from collector.sla.service import Language


@dataclass(frozen=True, slots=True)
class Voice:
    """What a draft is said with."""

    words: Words

    @classmethod
    def of(cls, draft: Draft, language: Language) -> Voice:
        """The voice of a draft: times are local to its contract."""
        return cls(Words(language, draft.report.contract.timezone))

    def say(self, key: str, **values: object) -> str:
        """A sentence of the draft's own; KeyError for one that does not exist."""
        return TEXTS[key][1 if self.words.language == "es" else 0].format(**values)

    def many(self, key: str, number: int, **values: object) -> str:
        """A sentence with a number."""
        return self.say(f"{key}_one" if number == 1 else f"{key}_many", n=self.words.speech.whole(number), **values)

    def money(self, amount: Decimal | Fraction, fee: Fee) -> str:
        """An amount with its currency: `1,234.56 EUR`, `1234,56 EUR`; an endless one is cut and marked."""
        exact, digits = Fraction(amount), fee.decimals + 4
        cut = Fraction(exact * 10**digits // 1, 10**digits)
        text = self.say("money", amount=self.words.speech.number(cut, fee.decimals), currency=fee.currency)
        return text if cut == exact else f"≈ {text}"

    def numbers(self, numbers: Sequence[int]) -> str:
        """Incidents by their numbers, those in a row as a range: `Nos. 1–4, 7 and 9`."""
        rows: list[list[int]] = []
        for number in sorted(numbers):
            if rows and number == rows[-1][-1] + 1:
                rows[-1].append(number)
            else:
                rows.append([number])
        told = self.words.speech.listing([_row(row) for row in rows])
        return self.say("incident_one" if len(numbers) == 1 else "incident_many", n=told)

    def listing(self, items: Iterable[str]) -> str:
        """`a, b and c`."""
        return self.words.speech.listing(list(items))


def _row(row: Sequence[int]) -> str:
    return str(row[0]) if len(row) == 1 else f"{row[0]}\N{EN DASH}{row[-1]}"
