"""PURE. A dossier judged: the contract core's figures of the month, and everything that they are made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from collector.decisions.effect import not_applied, touches_subject
from collector.decisions.model import RulingRecord, to_ruling
from collector.report.dossier import Announced, Dossier, Member, Run
from collector.report.incidents import Outage, find_outages, group
from collector.report.model import (
    BandFrom,
    BandSource,
    Day,
    LeftOut,
    Report,
    Status,
    SubjectMonth,
    WindowUse,
    counts,
)
from collector.report.stretches import find_stretches
from collector.sla.availability import MonthFigure, judge_month
from collector.sla.bands import round_share
from collector.sla.discounts import discount_due
from collector.sla.instants import local_date, local_ms, parse_month
from collector.sla.intervals import Interval, clip, normalise, total, union
from collector.sla.tally import MonthSpan, month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence
from collector.sla.windows import guarantee_breached, guarantee_windows, termination_windows


def make_report(dossier: Dossier, judging: Callable[[int, int], None] = lambda _done, _whole: None) -> Report:
    """Judge the month, and tell what it is made of. `judging` is told how many of how many subjects are judged."""
    contract = dossier.contract
    span = month_span(contract, dossier.month, dossier.computed_at_ms)
    standing = [each for each in dossier.windows if not each.record.is_cancelled]
    subjects = []
    for number, member in enumerate(dossier.members):
        judging(number, len(dossier.members))
        subjects.append(_judge_subject(contract, span, member, standing))
    figure = judge_month(contract, span, [each.tally for each in subjects])
    months = sorted([*dossier.others.values(), figure], key=lambda each: each.span.month)
    known = guarantee_windows(contract, months)
    breached = guarantee_breached(contract, parse_month(dossier.month), known)
    outages = [outage for each in subjects if counts(each) for outage in _outages(each)]
    settles_ms = span.end_ms + contract.service.finalise_after_ms
    return Report(
        tenant=dossier.tenant,
        tenant_name=dossier.tenant_name,
        contract_id=dossier.contract_id,
        contract=contract,
        computed_at_ms=dossier.computed_at_ms,
        status="complete" if dossier.closed else _status(span, settles_ms),
        settles_ms=settles_ms,
        figure=figure,
        months=months,
        guarantee=list(known.values()),
        termination=list(termination_windows(contract, months).values()),
        guarantee_window=breached,
        discount=discount_due(contract, figure, guarantee_window=breached),
        band=find_source(contract, figure),
        platforms=[each for each in subjects if each.tally.kind == "platform"],
        players=[each for each in subjects if each.tally.kind == "player"],
        incidents=group(outage for outage in outages if outage.standing == "down"),
        left_out=group(outage for outage in outages if outage.standing != "down"),
        causes=_causes(outages),
        windows=_window_uses(contract, span, dossier, outages),
        rulings=_rulings(dossier.members, span),
        days=_days(contract, span, subjects),
        unknown_ms=_unknown(subjects),
        silent=dossier.silent,
    )


def find_source(contract: Contract, figure: MonthFigure) -> BandSource | None:
    """Which row of the table gave the month's band, as `bands.find_band` chose it; None where there is no band."""
    if figure.band is None or figure.availability is None:
        return None
    rounded = round_share(figure.availability, contract.rounding)
    rows = contract.discounts
    holding = next((row for row in rows if row.lowest <= rounded <= row.highest), None)
    if holding is not None:
        return BandSource(holding, "literal")
    above = [row for row in rows if row.lowest > rounded]
    below = [row for row in rows if row.highest < rounded]
    source: BandFrom = "gap" if below else "below"
    rule = contract.discount_rules.gap if below else contract.discount_rules.below
    chosen = {"milder": above[-1:], "last": above[-1:], "harsher": below[:1], "none": []}[rule]
    return BandSource(chosen[0] if chosen else None, source)


def _status(span: MonthSpan, settles_ms: int) -> Status:
    if span.provisional:
        return "in_progress"
    return "settling" if span.computed_at_ms < settles_ms else "complete"


def _judge_subject(contract: Contract, span: MonthSpan, member: Member, windows: Sequence[Announced]) -> SubjectMonth:
    evidence = (Evidence(run.start_ms, run.end_ms, run.state, run.cause) for run in member.runs)
    rulings = [to_ruling(ruling) for ruling in member.rulings]
    applied = [each.window for each in windows]
    tally = tally_subject(contract, span, member.subject, evidence, applied, rulings)
    stretches = find_stretches(contract, span, member, windows)
    return SubjectMonth(
        member=member,
        tally=tally,
        stretches=stretches,
        left_out_ms=tally.down_ms - tally.accountable_ms,
        estimated_ms=sum(stretch.length_ms for stretch in stretches if stretch.estimated),
        off_ms=_off_ms(span, member),
    )


def _off_ms(span: MonthSpan, member: Member) -> int | None:
    """By how much the month's estimated times may be off; None: nobody can say, or there are none."""
    adrift = [run.off_ms for run in member.runs if run.clock == "estimated" and _touches(run, span)]
    known = [off_ms for off_ms in adrift if off_ms is not None]
    return max(known) if known and len(known) == len(adrift) else None


def _touches(run: Run, span: MonthSpan) -> bool:
    return run.start_ms < span.counted_until_ms and run.end_ms > span.start_ms


def _outages(each: SubjectMonth) -> Iterable[Outage]:
    return find_outages(each.member.subject.id, each.tally.kind, each.stretches)


def _causes(outages: Iterable[Outage]) -> list[LeftOut]:
    """What each excluded cause took out, the most first."""
    by_cause: dict[str, list[Outage]] = {}
    for outage in outages:
        if outage.standing == "cause":
            by_cause.setdefault(outage.cause, []).append(outage)
    found = [LeftOut(cause, len({outage.subject for outage in held}), *_sums(held)) for cause, held in by_cause.items()]
    return sorted(found, key=lambda each: (-each.players_ms - each.platform_ms, each.cause))


def _sums(outages: Sequence[Outage]) -> tuple[int, int]:
    """Time of the platform (any one part is the whole) and of the players (added up)."""
    platform = normalise((outage.start_ms, outage.end_ms) for outage in outages if outage.kind == "platform")
    return total(platform), sum(outage.length_ms for outage in outages if outage.kind == "player")


def _window_uses(contract: Contract, span: MonthSpan, dossier: Dossier, outages: Sequence[Outage]) -> list[WindowUse]:
    """The windows that touch the counted month and name somebody of this agreement, by their start."""
    subjects = [member.subject for member in dossier.members]
    uses = []
    for each in sorted(dossier.windows, key=lambda found: (found.record.start_ms, found.record.id)):
        window = each.window
        touches = window.start_ms < span.counted_until_ms and window.end_ms > span.start_ms
        if touches and any(touches_subject(window, subject.id, subject.kind) for subject in subjects):
            taken = [outage for outage in outages if outage.window == each.record.id]
            uses.append(WindowUse(each.record, not_applied(contract, each.record, window, subjects), *_sums(taken)))
    return uses


def _rulings(members: Sequence[Member], span: MonthSpan) -> list[RulingRecord]:
    """Those that touch the counted month and were made by then, in the order of their making."""
    made = (ruling for member in members for ruling in member.rulings)
    touching = (
        ruling
        for ruling in made
        if ruling.start_ms < span.counted_until_ms and ruling.end_ms > span.start_ms
        if ruling.at_ms <= span.computed_at_ms
    )
    return sorted(touching, key=lambda ruling: (ruling.at_ms, ruling.id))


def _days(contract: Contract, span: MonthSpan, subjects: Sequence[SubjectMonth]) -> list[Day]:
    """Accountable time by local day, of the whole month."""
    platform = union(each.tally.accountable for each in subjects if each.tally.kind == "platform")
    players = [interval for each in subjects if each.tally.counted for interval in each.tally.accountable]
    zone = contract.timezone
    first, last = local_date(zone, span.start_ms), local_date(zone, span.end_ms - 1)
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    edges = [*(local_ms(zone, day) for day in dates), span.end_ms]
    by_day = _sum_by_slot(players, edges)
    return [
        Day(day, start, end, total(clip(platform, start, end)), by_day[number])
        for number, (day, (start, end)) in enumerate(zip(dates, pairwise(edges), strict=True))
    ]


def _sum_by_slot(intervals: Iterable[Interval], edges: Sequence[int]) -> list[int]:
    """How much of the intervals, added up, lies between each edge and the next."""
    sums = [0] * (len(edges) - 1)
    for start, end in intervals:
        slot = bisect_right(edges, start) - 1
        while slot < len(sums) and edges[slot] < end:
            sums[slot] += min(end, edges[slot + 1]) - max(start, edges[slot])
            slot += 1
    return sums


def _unknown(subjects: Iterable[SubjectMonth]) -> dict[str, int]:
    """Counted time of which nothing is known, by kind, of the subjects that count."""
    sums = {"platform": 0, "player": 0}
    for each in subjects:
        if counts(each):
            sums[each.tally.kind] += each.tally.counted_ms - each.tally.known_ms
    return sums
