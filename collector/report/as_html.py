"""A report as one self-contained HTML file, on the screen and on A4: no script, nothing loaded from elsewhere.

Everything is escaped, and the page's own policy forbids scripts and foreign resources whatever a name may hold.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.report import drawing
from collector.report.edition_view import tell_edition
from collector.report.figures_view import cards, formula, notes
from collector.report.model import Report, counts
from collector.report.story_view import (
    MOST_INCIDENTS,
    MOST_LEFT_OUT,
    cause_rows,
    ruling_rows,
    subject_row,
    tell_incidents,
    window_rows,
    worst_first,
)
from collector.report.verdict_view import band, conditions, decision, month_rows, silence, termination
from collector.report.words import Words
from collector.sla.explain.speech import sentence
from collector.sla.service import Language
from signwatch import __version__

_TEMPLATES: Final = Path(__file__).parent / "templates"
_CHART_HEIGHT: Final = 220
_TICK_DAYS: Final = 7


@cache
def environment(folder: Path = _TEMPLATES) -> Environment:
    """Templates of a folder, those of the report beside them; whatever they print is escaped."""
    return Environment(
        loader=FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def as_html(report: Report, language: Language) -> str:
    """The whole document."""
    words = Words(language, report.contract.timezone)
    values = {**_head(report, words), **_verdict(report, words), **_story(report, words), **_subjects(report, words)}
    return environment().get_template("report.html").render(report=report, lang=language, say=words.say, **values)


def _head(report: Report, words: Words) -> dict[str, object]:
    span, service = report.figure.span, report.contract.service
    when = words.moment(report.computed_at_ms if report.status == "in_progress" else report.settles_ms)
    period = words.say("period_times", start=words.moment(span.start_ms), end=words.moment(span.end_ms))
    return {
        "month": sentence(words.month(span.month)),
        "customer": service.customer.name or report.tenant_name,
        "provider": service.provider.name,
        "period": f"{period} ({report.contract.timezone.key})",
        "computed": words.moment(report.computed_at_ms),
        "provisional": words.say(f"provisional_{report.status}", when=when) if report.provisional else "",
        "edition": tell_edition(report, words),
        "version": __version__,
        "readings": [words.phrase(reading) for reading in service.readings],
    }


def _verdict(report: Report, words: Words) -> dict[str, object]:
    return {
        "cards": cards(report, words),
        "formula": formula(report, words),
        "notes": list(notes(report, words)),
        "conditions": conditions(report, words),
        "decision": decision(report, words),
        "band": band(report, words),
        "termination": termination(report, words),
        "months": month_rows(report, words),
        "silent": silence(report, words),
    }


def _story(report: Report, words: Words) -> dict[str, object]:
    columns, highest_ms = drawing.columns(report.days, _CHART_HEIGHT)
    return {
        "chart": {"columns": columns, "height": _CHART_HEIGHT},
        "chart_scale": words.say("days_scale", length=words.length(highest_ms)),
        "incidents": tell_incidents(report, words, report.incidents, MOST_INCIDENTS),
        "left_out": tell_incidents(report, words, report.left_out, MOST_LEFT_OUT),
        "causes": cause_rows(report, words),
        "windows": window_rows(report, words),
        "rulings": ruling_rows(report, words),
    }


def _subjects(report: Report, words: Words) -> dict[str, object]:
    terms, span = report.contract.eligibility, report.figure.span
    note = words.say("players_plain_note")
    if terms is not None:
        note = words.say("players_note", own=words.level(terms.player_downtime_over))
    counted = [each.tally for each in report.players if counts(each)]
    sums = {
        "counted": words.length(sum(tally.counted_ms for tally in counted)),
        "down": words.length(sum(tally.down_ms for tally in counted)),
        "accountable": words.length(report.figure.players_downtime_ms),
    }
    length = words.exactly(drawing.shortest_ms(span.end_ms - span.start_ms) // 60_000 * 60_000)
    return {
        "platforms": [subject_row(report, words, each) for each in report.platforms],
        "players": [subject_row(report, words, each) for each in worst_first(report.players)],
        "players_note": note,
        "sums": words.say("sum", **sums),
        "ticks": drawing.ticks(report.days, _TICK_DAYS),
        "legend_width": words.say("legend_width", length=length),
    }
