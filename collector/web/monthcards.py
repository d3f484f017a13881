"""PURE. An agreement's months in words: views → what the page of months draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from collector.web.cards import coverage_text, months_href
from collector.web.format import Times, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from collector.month_views import MonthView, RevisionView
    from collector.web.texts import Texts

_LANGUAGES: Final = {"en": "English", "es": "español"}  # each by its own name
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about a month; `exact` text may be broken anywhere."""

    name: str
    text: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One thing to open; `lang`: that of what it leads to."""

    href: str
    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class RevisionCard:
    """One revision, ready to be drawn."""

    title: str
    outcome: str
    made: str
    changes_title: str
    changes: tuple[str, ...]
    seal: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class MonthCard:
    """One month, ready to be drawn; its revisions the newest first."""

    name: str
    title: str
    status: str
    state: str
    percent: str | None
    note: str
    facts: tuple[Fact, ...]
    waiting: str
    revisions: tuple[RevisionCard, ...]


def month_card(view: MonthView, agreement: str, times: Times, now_ms: int, t: Texts) -> MonthCard:
    """One month of `tenant/contract`."""
    latest = view.revisions[-1] if view.revisions else None
    revised = len(view.revisions) > 1
    return MonthCard(
        name=view.month,
        title=t.month(view.month),
        status=view.status,
        state=t.month_revised if revised else t.named("month", view.status),
        percent=_percent(latest.percent if latest else view.figure.percent if view.figure else None),
        note=_note(view, times, t),
        facts=tuple(_open_facts(view, times, now_ms, t) if latest is None else _closed_facts(latest, times, t)),
        waiting=_waiting(view, times, t),
        revisions=tuple(_revision(each, view.month, agreement, times, t) for each in reversed(view.revisions)),
    )


def _percent(text: str | None) -> str | None:
    return None if text is None else f"{text} %"


def _note(view: MonthView, times: Times, t: Texts) -> str:
    """That a figure is provisional, and when it was computed."""
    if view.revisions:
        return ""
    if view.figure is None:
        return t.month_unjudged
    return f"{t.month_provisional}, {t.month_provisional_at.format(when=times.stamp(view.figure.computed_ms))}"


def _open_facts(view: MonthView, times: Times, now_ms: int, t: Texts) -> Iterator[Fact]:
    if view.figure is not None:
        shares = {"players": view.figure.coverage_players, "platform": view.figure.coverage_platform}
        said = {name: _coverage(share, t) for name, share in shares.items()}
        yield Fact(t.coverage, t.month_coverage.format(**said))
    if view.settles_ms is not None:
        due = view.settles_ms <= now_ms
        when = times.stamp(view.settles_ms)
        yield Fact(t.month_closes, t.month_closes_due if due else t.month_closes_settling.format(when=when))


def _coverage(share: Fraction | None, t: Texts) -> str:
    return _percent(coverage_text(share)) or t.coverage_none


def _closed_facts(latest: RevisionView, times: Times, t: Texts) -> Iterator[Fact]:
    yield Fact(t.discount, latest.discount.en)
    yield Fact(t.closed, f"{times.stamp(latest.at_ms)}, {t.revision.format(number=latest.number)}")


def _waiting(view: MonthView, times: Times, t: Texts) -> str:
    if view.waiting is None:
        return ""
    return f"{view.waiting.told.en} {t.month_waiting.format(when=times.stamp(view.waiting.latest_ms))}"


def _revision(view: RevisionView, month: str, agreement: str, times: Times, t: Texts) -> RevisionCard:
    outcome = f"{_percent(view.percent) or t.no_figure} · {t.discount}: {view.discount.en}"
    when, who, why = times.stamp(view.at_ms), plain(view.who, 100), plain(view.why.en, _LONGEST)
    return RevisionCard(
        title=t.revision.format(number=view.number),
        outcome=outcome,
        made=t.revision_by.format(when=when, who=who, why=why),
        changes_title=t.revision_changes.format(number=view.number - 1),
        changes=tuple(plain(change.en, _LONGEST) for change in view.changes),
        seal=view.seal,
        links=tuple(_links(view.number, month, agreement, t)),
    )


def _links(number: int, month: str, agreement: str, t: Texts) -> Iterator[Link]:
    base = f"{months_href(agreement)}/{quote(month)}"
    for form, name in (("report", t.paper_report), ("claim", t.paper_claim)):
        for lang, called in _LANGUAGES.items():
            yield Link(f"{base}/{form}?revision={number}&lang={lang}", f"{name}, {called}", lang)
    yield Link(f"{base}/bundle?revision={number}", t.paper_bundle)
    for form in ("csv", "json"):
        yield Link(f"{base}/{form}?revision={number}", form.upper())
