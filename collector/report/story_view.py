"""PURE. What happened, in words: incidents, what was left out and why, and every subject's row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from collector.decisions.model import WindowRecord
from collector.decisions.selectors import DEVICE, EVERYTHING, KINDS, SITE
from collector.report.drawing import Layer, layers
from collector.report.incidents import Incident
from collector.report.model import Report, SubjectMonth, WindowUse, counts
from collector.report.words import Words
from collector.vantage import is_old_proof, read_proof

MOST_INCIDENTS: Final = 200
MOST_LEFT_OUT: Final = 100
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident. `more`: what else is known of it, a line each."""

    number: str
    start: str
    end: str
    length: str
    who: str
    seen: str
    cause: str
    more: Sequence[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Told:
    """Incidents, by start; `rest` says how many shorter ones are not shown."""

    rows: Sequence[IncidentRow]
    rest: str | None


@dataclass(frozen=True, slots=True)
class WindowRow:
    """An announced window and its effect."""

    number: str
    kind: str
    start: str
    end: str
    whom: str
    why: str
    announced: str
    effect: str
    applied: bool


@dataclass(frozen=True, slots=True)
class RulingRow:
    """A ruling and who made it."""

    number: str
    who: str
    start: str
    end: str
    ruled: str
    why: str
    decided: str


@dataclass(frozen=True, slots=True)
class CauseRow:
    """What an excluded cause took out."""

    cause: str
    subjects: str
    platform: str
    players: str


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """One subject's month. `out`: it does not count; `estimated`: some of it rests on a clock without the true time."""

    name: str
    site: str
    layers: Sequence[Layer]
    counted: str
    known: str
    down: str
    accountable: str
    share: str
    affected: bool
    out: bool
    estimated: bool


def names_of(report: Report) -> dict[str, str]:
    """How people call each subject, by its key."""
    return {each.member.subject.id: each.member.name for each in (*report.platforms, *report.players)}


def tell_incidents(report: Report, words: Words, incidents: Sequence[Incident], most: int) -> Told:
    """Incidents in the order of their start; where there are too many, the longest of them."""
    names = names_of(report)
    kinds = {use.record.id: use.record.kind for use in report.windows}
    numbered = list(enumerate(incidents, 1))
    by_length = sorted(numbered, key=lambda pair: -pair[1].sum_ms)
    shown = sorted(by_length[:most], key=lambda pair: pair[0])
    hidden = by_length[most:]
    rest = None
    if hidden:
        length = words.length(sum(incident.sum_ms for _, incident in hidden))
        rest = words.say("incidents_more", n=words.speech.whole(len(hidden)), length=length)
    return Told([_incident(words, number, incident, names, kinds) for number, incident in shown], rest)


def _incident(
    words: Words, number: int, incident: Incident, names: Mapping[str, str], kinds: Mapping[int, str]
) -> IncidentRow:
    first = incident.first
    cause = words.cause(first.cause)
    if first.window is not None:
        kind = words.window_kind(kinds.get(first.window, ""))
        cause = f"{words.say('window_ref', n=first.window, kind=kind)} ({cause})"
    return IncidentRow(
        number=str(number),
        start=words.stamp(incident.start_ms),
        end=words.until(incident.start_ms, incident.end_ms),
        length=words.length(incident.sum_ms),
        who=_who(words, [names[outage.subject] for outage in incident.outages]),
        seen=", ".join(words.state(state) for state in incident.states),
        cause=cause,
        more=list(_more(words, incident)),
        kind=first.kind,
    )


def _who(words: Words, names: Sequence[str]) -> str:
    """The names, the first few and a count where there are many."""
    own = list(dict.fromkeys(names))
    if len(own) <= _NAMED:
        return words.speech.listing(own)
    shown = ", ".join(own[: _NAMED - 1])
    count = words.many("players", len(own))
    return f"{count}: {shown} {words.say('and_more', n=len(own) - _NAMED + 1)}"


def _established(words: Words, incident: Incident) -> Iterator[str]:
    """By whom a platform part was found to be down; nothing where no evidence speaks of it (a person ruled so)."""
    if incident.first.kind != "platform":
        return
    for detail in dict.fromkeys(outage.detail for outage in incident.outages if outage.detail):
        tally = read_proof(detail)
        if tally is not None:
            yield words.say("established_votes", down=tally.down, votes=tally.votes, needed=tally.needed)
        elif not is_old_proof(detail):
            yield words.say("established_alone")


def _more(words: Words, incident: Incident) -> Iterator[str]:
    yield from dict.fromkeys(_established(words, incident))
    details = dict.fromkeys(outage.detail for outage in incident.outages if outage.detail)
    if len(details) == 1:
        yield next(iter(details))
    if incident.rulings:
        yield ", ".join(words.say("by_ruling", n=number) for number in incident.rulings)
    if incident.estimated:
        yield words.say("estimated_mark")


def cause_rows(report: Report, words: Words) -> list[CauseRow]:
    """What each excluded cause took out."""
    return [
        CauseRow(
            words.cause(each.cause),
            words.speech.whole(each.subjects),
            words.length(each.platform_ms),
            words.length(each.players_ms),
        )
        for each in report.causes
    ]


def window_rows(report: Report, words: Words) -> list[WindowRow]:
    """The announced windows of the month, each with what it did."""
    names = names_of(report)
    return [
        WindowRow(
            number=str(use.record.id),
            kind=words.window_kind(use.record.kind),
            start=words.stamp(use.record.start_ms),
            end=words.until(use.record.start_ms, use.record.end_ms),
            whom=words.speech.listing([_selected(words, use.record, each, names) for each in use.record.subjects]),
            why=use.record.why,
            announced=words.say("by", when=words.stamp(use.record.announced_at_ms), who=use.record.announced_by),
            effect=_effect(report, words, use),
            applied=use.not_applied is None,
        )
        for use in report.windows
    ]


def _selected(words: Words, record: WindowRecord, selector: str, names: Mapping[str, str]) -> str:
    if selector == EVERYTHING:
        return words.say("everyone")
    if selector in KINDS:
        return words.say("every_player" if selector == "kind:player" else "every_platform")
    if selector.startswith(SITE):
        return words.say("at_site", name=selector.removeprefix(SITE))
    if selector.startswith(DEVICE):
        return words.say("at_device", name=selector.removeprefix(DEVICE))
    return names.get(selector, selector.removeprefix(f"{record.tenant}/"))


def _effect(report: Report, words: Words, use: WindowUse) -> str:
    record = use.record
    if use.not_applied is None:
        taken = use.platform_ms + use.players_ms
        return words.say("applied", length=words.length(taken)) if taken else words.say("applied_nothing")
    if use.not_applied == "cancelled":
        when = words.stamp(record.cancelled_at_ms or 0)
        return words.say("not_applied_cancelled", when=when, who=record.cancelled_by, why=record.cancelled_why)
    notice = words.exactly(report.contract.availability.min_notice_ms)
    return words.say(f"not_applied_{use.not_applied}", notice=notice)


def ruling_rows(report: Report, words: Words) -> list[RulingRow]:
    """The rulings of the month, with who, when and why."""
    names = names_of(report)
    return [
        RulingRow(
            number=str(ruling.id),
            who=names.get(ruling.subject, ruling.subject),
            start=words.stamp(ruling.start_ms),
            end=words.until(ruling.start_ms, ruling.end_ms),
            ruled=", ".join(_ruled(words, ruling.state, ruling.cause)),
            why=ruling.why,
            decided=words.say("by", when=words.stamp(ruling.at_ms), who=ruling.who),
        )
        for ruling in report.rulings
    ]


def _ruled(words: Words, state: str | None, cause: str | None) -> Iterator[str]:
    if state is not None:
        yield words.say("ruled_state", state=words.state(state))
    if cause is not None:
        yield words.say("ruled_cause", cause=words.cause(cause))


def worst_first(subjects: Iterable[SubjectMonth]) -> list[SubjectMonth]:
    """Those that count before the others, the most accountable down time first, then by site and name."""
    return sorted(
        subjects,
        key=lambda each: (not counts(each), -each.tally.accountable_ms, each.member.site, each.member.name),
    )


def subject_row(report: Report, words: Words, each: SubjectMonth) -> SubjectRow:
    """One subject's row, its timeline included."""
    tally, span = each.tally, report.figure.span
    known = words.percent(Fraction(tally.known_ms, tally.counted_ms)) if tally.counted_ms else "–"
    return SubjectRow(
        name=each.member.name,
        site=each.member.site,
        layers=layers(each.stretches, span.start_ms, span.end_ms),
        counted=words.length(tally.counted_ms),
        known=known,
        down=words.length(tally.down_ms),
        accountable=words.length(tally.accountable_ms),
        share="–" if each.share is None else words.percent(each.share, 3),
        affected=tally.affected and counts(each),
        out=not counts(each),
        estimated=each.estimated_ms > 0,
    )
