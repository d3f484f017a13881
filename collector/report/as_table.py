"""PURE. A report for a terminal: the figure, what it hangs on, what happened; its words are those of the HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from collector.report.edition_view import tell_edition
from collector.report.figures_view import cards, formula, notes
from collector.report.model import Report
from collector.report.story_view import (
    IncidentRow,
    SubjectRow,
    cause_rows,
    ruling_rows,
    subject_row,
    tell_incidents,
    window_rows,
    worst_first,
)
from collector.report.verdict_view import band, conditions, decision, month_rows, silence, termination
from collector.report.words import Words
from collector.sla.service import Language

_WIDTH: Final = 110
_MOST_INCIDENTS: Final = 40
_MOST_PLAYERS: Final = 40


def as_table(report: Report, language: Language) -> str:
    """The whole text. Long lists are cut, and say by how much; the other renderings have all."""
    words = Words(language, report.contract.timezone)
    lines = [*_head(report, words), *_figure(report, words), *_verdict(report, words), *_story(report, words)]
    return "\n".join([*lines, *_players(report, words)]) + "\n"


def _head(report: Report, words: Words) -> Iterator[str]:
    title = f"{words.say('title')}: {report.tenant_name}, {words.month(report.figure.span.month)}"
    yield title
    yield "=" * len(title)
    yield report.contract.name
    if report.provisional:
        when = words.moment(report.computed_at_ms if report.status == "in_progress" else report.settles_ms)
        yield from _paragraph(f"{words.say('provisional')}: {words.say(f'provisional_{report.status}', when=when)}")
    told = tell_edition(report, words)
    if told is None:
        yield from _paragraph("" if report.provisional else words.say("not_closed"))
        return
    yield from _paragraph(f"{told.title}: {' '.join(told.sentences)}")
    if told.changes:
        yield f"{told.changes_title}:"
        for change in told.changes:
            yield from _paragraph(f"- {change}")
    yield f"{words.say('seal')}: {told.seal}"


def _figure(report: Report, words: Words) -> Iterator[str]:
    yield ""
    for card in cards(report, words):
        yield from _paragraph(f"{card.label:<22} {card.value:<12} {'; '.join(card.notes)}")
    yield from _heading(words.say("head_figure"))
    told = formula(report, words)
    text = f"{words.say('formula_name')} = 1"
    for term in told.terms:
        text += f" − {term.weight} × "
        text += "0" if term.whole is None else f"{term.part} ÷ ({term.whole})"
    if told.value is not None:
        text += f" = {told.exact}; {told.rounding}: {told.value}"
    yield from _paragraph(text)
    for note in notes(report, words):
        yield from _paragraph(f"- {note}")


def _verdict(report: Report, words: Words) -> Iterator[str]:
    yield from _heading(words.say("head_conditions"))
    yield from _grid([(each.text, each.found, each.answer) for each in conditions(report, words)])
    for sentence in (decision(report, words), band(report, words), termination(report, words)):
        if sentence is not None:
            yield from _paragraph(sentence)
    if rows := month_rows(report, words):
        yield from _heading(words.say("head_months"))
        yield from _grid([(("> " if row.here else "  ") + row.month, row.figure, row.coverage) for row in rows])
    if sentence := silence(report, words):
        yield from _paragraph(sentence)


def _story(report: Report, words: Words) -> Iterator[str]:
    yield from _heading(words.say("head_incidents"))
    told = tell_incidents(report, words, report.incidents, _MOST_INCIDENTS)
    yield from _incidents(told.rows) if told.rows else [words.say("incidents_none")]
    if told.rest:
        yield from _paragraph(told.rest)
    yield from _heading(words.say("head_left_out"))
    left_out = [
        *((each.cause, each.platform, each.players) for each in cause_rows(report, words)),
        *((f"{each.start} – {each.end}", each.kind, each.effect) for each in window_rows(report, words)),
        *((f"{each.start} – {each.end}", each.who, each.ruled) for each in ruling_rows(report, words)),
    ]
    yield from _grid(left_out) if left_out else [words.say("left_out_none")]


def _incidents(rows: Iterable[IncidentRow]) -> Iterator[str]:
    return _grid([(row.number, row.start, row.end, row.length, f"{row.cause}: {row.seen}", row.who) for row in rows])


def _players(report: Report, words: Words) -> Iterator[str]:
    yield from _heading(words.say("head_players"))
    rows = [subject_row(report, words, each) for each in worst_first(report.players)]
    titles = ("player", "counted", "known", "down", "accountable", "share")
    shown: list[tuple[str, ...]] = [(*(words.say(f"column_{name}") for name in titles), "")]
    shown += [_subject(row, words) for row in rows[:_MOST_PLAYERS]]
    yield from _grid(shown)
    if len(rows) > _MOST_PLAYERS:
        yield f"… {words.say('and_more', n=len(rows) - _MOST_PLAYERS)}"


def _subject(row: SubjectRow, words: Words) -> tuple[str, ...]:
    name = f"{row.name} ({row.site})" if row.site else row.name
    mark = words.say("not_counted") if row.out else words.say("affected") if row.affected else ""
    return (name, row.counted, row.known, row.down, row.accountable, row.share, mark)


def _heading(text: str) -> Iterator[str]:
    yield from ("", text, "-" * len(text))


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _grid(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
