"""PURE. A report as one CSV file: a summary of `key,value` rows, an empty line, then one row a subject.

Keys, dots and instants are for programs, in every language alike. A cell that a spreadsheet would take for a formula
gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, cast

from collector.report.as_json import as_json
from collector.report.model import Report, SubjectMonth
from collector.report.story_view import worst_first
from collector.sla.bands import percent_text
from collector.sla.terms import Rounding

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_SHARE: Final = Rounding(6, "floor")
_SUMMARY: Final = (
    *("tenant", "tenant_name", "contract", "contract_name", "month", "timezone", "start", "end"),
    *("computed_at", "status", "provisional", "total_ms", "players"),
    *("platform_downtime_ms", "players_downtime_ms", "affected_players"),
)
_VERDICT: Final = ("assessable", "percent", "met", "discount_percent", "discount_reason", "termination_right")
_COLUMNS: Final = (
    *("kind", "subject", "name", "site", "counted", "active_ms", "counted_ms", "known_ms", "downtime_ms"),
    *("left_out_ms", "accountable_ms", "share_percent", "affected", "estimated_clock_ms", "estimated_clock_off_ms"),
)


def as_csv(report: Report) -> str:
    """The whole file; lines end as RFC 4180 asks."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("key", "value"))
    writer.writerows(_safe(row) for row in _summary(report))
    writer.writerow(())
    writer.writerow(_COLUMNS)
    for each in (*report.platforms, *worst_first(report.players)):
        writer.writerow(_safe(_subject(each)))
    return text.getvalue()


def _summary(report: Report) -> Iterable[tuple[str, object]]:
    found, figure = as_json(report), report.figure
    eligible = cast("Mapping[str, object]", found["eligible"])
    yield from ((key, found[key]) for key in _SUMMARY)
    edition = cast("Mapping[str, object]", found["revision"] or {})
    yield from ((f"revision_{name}", edition.get(name)) for name in ("number", "at", "seal"))
    yield "coverage_players_percent", _percent(figure.players_coverage)
    yield "coverage_platform_percent", _percent(figure.platform_coverage)
    yield "availability_percent", _percent(figure.availability)
    yield from ((key, found[key]) for key in _VERDICT)
    yield "eligible_players", eligible["players"]
    yield "eligible_guarantee_window", eligible["guarantee_window"]


def _subject(each: SubjectMonth) -> Iterable[object]:
    tally, member = each.tally, each.member
    return (
        tally.kind,
        member.subject.id,
        member.name,
        member.site,
        tally.counted or tally.kind == "platform",
        tally.active_ms,
        tally.counted_ms,
        tally.known_ms,
        tally.down_ms,
        each.left_out_ms,
        tally.accountable_ms,
        _percent(each.share),
        tally.affected,
        each.estimated_ms,
        each.off_ms if each.estimated_ms else None,
    )


def _percent(share: Fraction | None) -> str:
    """A share as a percentage, cut to six decimals."""
    return "" if share is None else percent_text(share, _SHARE)


def _safe(row: Iterable[object]) -> list[str]:
    return [_cell(value) for value in row]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
