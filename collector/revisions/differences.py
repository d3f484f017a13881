"""PURE. What changed between two revisions of a month, as facts: which inputs, what they did to the figure.

Each `Difference` has a kind and facts that are numbers, names and words of the wire; `wording.py` says them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from collector.revisions.inputs import FrozenRun, FrozenWindow, Inputs, SubjectEntry
from collector.revisions.recompute import Judged
from collector.revisions.seal import Difference, Trigger, outcome_of
from collector.sla.intervals import Interval, clip, total
from collector.sla.tally import active_interval, counted_time
from collector.sla.timeline import Evidence, paint

# Which differences make a revision, and what it is then said to be triggered by; the first that is there.
_TRIGGERS: tuple[tuple[Trigger, frozenset[str]], ...] = (
    ("evidence", frozenset({"evidence"})),
    ("decisions", frozenset({"ruling", "window", "window_changed", "window_gone"})),
    ("registry", frozenset({"joined", "left", "subject", "calendar"})),
    ("months", frozenset({"month_known", "month_revised"})),
)


def trigger_of(differences: Iterable[Difference]) -> Trigger:
    """What a revision that nobody ordered was made for."""
    kinds = {each.kind for each in differences}
    return next((trigger for trigger, held in _TRIGGERS if kinds & held), "operator")


def find_differences(before: Inputs, after: Inputs, judged: tuple[Judged, Judged]) -> tuple[Difference, ...]:
    """Everything, the outcome first. `judged`: both inputs as they come out."""
    return (
        *_outcome(*judged),
        *_evidence(before, after, judged[1]),
        *_rulings(before, after),
        *_windows(before.windows, after.windows),
        *_subjects(before, after),
        *_calendars(before, after),
        *_contract(before, after),
        *_months(before, after),
    )


def _outcome(before: Judged, after: Judged) -> Iterator[Difference]:
    was, now = outcome_of(before.result), outcome_of(after.result)
    numbers = {
        "before": was.percent,
        "after": now.percent,
        "players_downtime_ms": after.report.figure.players_downtime_ms - before.report.figure.players_downtime_ms,
        "platform_downtime_ms": after.report.figure.platform_downtime_ms - before.report.figure.platform_downtime_ms,
    }
    yield Difference("figure" if was.percent != now.percent else "figure_same", numbers)
    told = {
        "before": _text(was.discount_percent),
        "reason_before": was.discount_reason,
        "after": _text(now.discount_percent),
        "reason_after": now.discount_reason,
    }
    same = (was.discount_percent, was.discount_reason) == (now.discount_percent, now.discount_reason)
    yield Difference("discount_same" if same else "discount", told)
    rights = before.report.termination_right, after.report.termination_right
    if rights[0] != rights[1]:
        yield Difference("termination_gained" if rights[1] else "termination_lost", {})


def _text(percent: int | str | None) -> str | None:
    return None if percent is None else str(percent)


def _evidence(before: Inputs, after: Inputs, judged: Judged) -> Iterator[Difference]:
    members = {each.member.subject.id: each for each in (*judged.report.platforms, *judged.report.players)}
    known = {entry.subject for entry in before.subjects}
    for entry in after.subjects:
        was, now = before.evidence.get(entry.subject, ()), after.evidence.get(entry.subject, ())
        if entry.subject not in known or _judging(was) == _judging(now):
            continue
        subject, span = members[entry.subject].member.subject, judged.span
        counted = counted_time(span, subject, *active_interval(span, subject))
        names, old = _named(was), _named(now).keys() & _named(was).keys()
        changed = sum(names[name] != _named(now)[name] for name in old)
        became = [[*states, length_ms] for states, length_ms in _became(was, now, counted)]
        counts = {"late": len(now) - len(old), "changed": changed, "gone": len(was) - len(old)}
        yield Difference("evidence", {"subject": entry.subject, "name": entry.name, **counts, "became": became})


def _judging(runs: Sequence[FrozenRun]) -> list[tuple[object, ...]]:
    return [(run.start_ms, run.end_ms, run.state, run.cause, run.clock) for run in runs]


def _named(runs: Sequence[FrozenRun]) -> dict[tuple[str, int], tuple[object, ...]]:
    return {(run.spool, run.seq): judging for run, judging in zip(runs, _judging(runs), strict=True)}


def _became(
    was: Sequence[FrozenRun], now: Sequence[FrozenRun], counted: Sequence[Interval]
) -> list[tuple[tuple[str, str], int]]:
    """Counted time by (state before, state after), where they differ; the most first."""
    sums: Counter[tuple[str, str]] = Counter()
    if not counted:
        return []
    start_ms, end_ms = counted[0][0], counted[-1][1]
    first, second = (paint([Evidence(*run[2:6]) for run in runs], start_ms, end_ms) for runs in (was, now))
    at = 0
    for begin, stop, state, _ in first:
        while at < len(second) and second[at][1] <= begin:
            at += 1
        place = at
        while place < len(second) and second[place][0] < stop:
            other = second[place]
            if other[2] != state:
                sums[state, other[2]] += total(clip(counted, max(begin, other[0]), min(stop, other[1])))
            place += 1
    return sorted(((pair, length) for pair, length in sums.items() if length), key=lambda each: (-each[1], each[0]))


def _rulings(before: Inputs, after: Inputs) -> Iterator[Difference]:
    known = {ruling.id for ruling in before.rulings}
    names = {entry.subject: entry.name for entry in after.subjects}
    for ruling in after.rulings:
        if ruling.id not in known:
            facts = {"id": ruling.id, "name": names[ruling.subject], "who": ruling.who, "why": ruling.why}
            said = {"state": ruling.state, "cause": ruling.cause, "start_ms": ruling.start_ms, "end_ms": ruling.end_ms}
            yield Difference("ruling", {**facts, **said})


def _windows(before: Sequence[FrozenWindow], after: Sequence[FrozenWindow]) -> Iterator[Difference]:
    was = {each.window.id: each for each in before}
    for each in after:
        record, old = each.window, was.pop(each.window.id, None)
        if old is not None and old == each:
            continue
        cancelled = record.is_cancelled and (old is None or not old.window.is_cancelled)
        who, why = (record.cancelled_by, record.cancelled_why) if cancelled else (record.announced_by, record.why)
        times = {"start_ms": record.start_ms, "end_ms": record.end_ms}
        kind = "window_cancelled" if cancelled and old is not None else "window" if old is None else "window_changed"
        yield Difference(kind, {"id": record.id, "window": record.kind, "who": who, "why": why, **times})
    for number in was:
        yield Difference("window_gone", {"id": number})


def _subjects(before: Inputs, after: Inputs) -> Iterator[Difference]:
    was = {entry.subject: entry for entry in before.subjects}
    for entry in after.subjects:
        old = was.pop(entry.subject, None)
        facts: dict[str, object] = {"subject": entry.subject, "name": entry.name}
        if old is None:
            yield Difference("joined", facts)
        elif _terms(old) != _terms(entry):
            yield Difference("subject", {**facts, "before": _terms(old), "after": _terms(entry)})
    for old in was.values():
        yield Difference("left", {"subject": old.subject, "name": old.name})


def _terms(entry: SubjectEntry) -> dict[str, object]:
    return {
        "kind": entry.kind,
        "emission": entry.emission,
        "active_from_ms": entry.active_from_ms,
        "active_until_ms": entry.active_until_ms,
    }


def _calendars(before: Inputs, after: Inputs) -> Iterator[Difference]:
    for name, entry in after.calendars.items():
        old = before.calendars.get(name)
        if old is None:
            continue  # whoever goes by it now is told of already
        if old.rules != entry.rules:
            yield Difference("calendar", {"calendar": name})
        elif old.holidays.keys() != entry.holidays.keys():
            days = {"added": _new(old.holidays, entry.holidays), "removed": _new(entry.holidays, old.holidays)}
            yield Difference("holidays", {"calendar": name, **days})


def _new(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(after.keys() - before.keys())


def _contract(before: Inputs, after: Inputs) -> Iterator[Difference]:
    if before.contract_text != after.contract_text:
        yield Difference("contract", {})


def _months(before: Inputs, after: Inputs) -> Iterator[Difference]:
    was = {known.month: known for known in before.months}
    for known in after.months:
        old = was.get(known.month)
        if old is None:
            yield Difference("month_known", {"month": known.month, "revision": known.revision})
        elif old.numbers != known.numbers:
            yield Difference("month_revised", {"month": known.month, "revision": known.revision})
