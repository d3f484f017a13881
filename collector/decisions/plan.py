"""PURE. What an order means for the windows there are: new records, cancelled ones, findings and warnings.

Rules of an import (docs/decisions.md):

- it touches only windows of the file's own events that have not begun: what has begun is history;
- an occurrence that is announced already, with the same times, kind and subjects, keeps its announcement;
- one that changed is cancelled and announced anew: the old announcement never was about the new time;
- one that is gone from its event, or whose status is CANCELLED, is cancelled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from collector.decisions.model import USUAL_KINDS, RulingRecord, WindowRecord
from collector.decisions.orders import Announce, Cancel, DecisionRequest, Import, Rule
from collector.decisions.selectors import UnknownSubjectError, canonical, expand, subject_key
from collector.registry.model import Registry
from collector.sla.instants import FIRST_YEAR, LAST_YEAR, format_instant, parse_instant
from collector.sla.reading import nearest
from collector.sla.terms import PLANNED
from common.config import ConfigError, Finding
from wire.states import CAUSES, states_of

LONGEST_WHY: Final = 1000
MOST_WINDOWS: Final = 5000
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_EARLIEST_MS: Final = parse_instant(f"{FIRST_YEAR}-01-02T00:00:00Z")
_LATEST_MS: Final = parse_instant(f"{LAST_YEAR}-12-30T00:00:00Z")


@dataclass(slots=True)
class Plan:
    """What an order changes. New records have the id 0; `cancelled` hold their cancellation."""

    announced: list[WindowRecord] = field(default_factory=list)
    cancelled: list[WindowRecord] = field(default_factory=list)
    ruled: list[RulingRecord] = field(default_factory=list)
    unchanged: int = 0
    warnings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Desk:
    """What an order is judged by; complaints about it are collected in `findings`."""

    registry: Registry
    windows: Sequence[WindowRecord]
    who: str
    now_ms: int
    place: str  # as a person knows it: the command, or the file
    plan: Plan = field(default_factory=Plan)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, identity: str, key: str, message: str, remedy: str) -> None:
        self.findings.append(Finding(identity, self.place, key, message, remedy))

    def warn(self, identity: str, key: str, message: str, remedy: str) -> None:
        self.plan.warnings.append(Finding(identity, self.place, key, message, remedy, "warning"))


def make_plan(request: DecisionRequest, registry: Registry, windows: Sequence[WindowRecord], now_ms: int) -> Plan:
    """Plan an order as of `now_ms`, the collector's clock; ConfigError with every finding where it cannot be."""
    order = request.order
    place = order.file if isinstance(order, Import) else _PLACES[type(order)]
    desk = _Desk(registry, windows, request.who, now_ms, place)
    if isinstance(order, Announce):
        _announce(desk, order)
    elif isinstance(order, Cancel):
        _cancel(desk, order)
    elif isinstance(order, Rule):
        _rule(desk, order)
    else:
        _import(desk, order)
    if desk.findings:
        raise ConfigError(*desk.findings)
    return desk.plan


_PLACES: Final[dict[type, str]] = {Announce: "window add", Cancel: "window cancel", Rule: "ruling add"}


def _announce(desk: _Desk, order: Announce) -> None:
    tenant = _tenant(desk, order.tenant)
    kind = _kind(desk, order.kind)
    subjects = _subjects(desk, order.subjects, tenant)
    _interval(desk, order.start_ms, order.end_ms)
    why = _why(desk, order.why)
    late = kind == PLANNED and order.start_ms <= desk.now_ms
    if late:
        message = f"begins at {format_instant(order.start_ms)}, which is not after its announcement"
        remedy = "no contract leaves it out as planned work; an unplanned one is --kind emergency"
        desk.warn("window.late", "--start", message, remedy)
    desk.plan.announced.append(_window(desk, tenant, kind, subjects, order.start_ms, order.end_ms, why))


def _cancel(desk: _Desk, order: Cancel) -> None:
    why = _why(desk, order.why)
    found = next((window for window in desk.windows if window.id == order.id), None)
    if found is None:
        desk.refuse("window.unknown", "ID", f"there is no window {order.id}", "look it up with `signwatch window list`")
        return
    if found.is_cancelled:
        by, at = found.cancelled_by, format_instant(found.cancelled_at_ms or 0)
        desk.refuse("window.cancelled", "ID", f"{by} cancelled window {order.id} at {at}", "leave it as it is")
        return
    if found.start_ms <= desk.now_ms:
        message = "has begun: figures that left something out because of it will be worse"
        desk.warn("window.begun", f"window {found.id}", message, "announce a new one if that was a mistake")
    desk.plan.cancelled.append(_cancelled(desk, found, why))


def _rule(desk: _Desk, order: Rule) -> None:
    tenant = _tenant(desk, order.tenant)
    key = None
    try:
        key = subject_key(order.subject, tenant, desk.registry) if tenant else None
    except UnknownSubjectError as error:
        desk.refuse("subject.unknown", "--subject", str(error), error.remedy)
    if order.state is None and order.cause is None:
        desk.refuse("ruling.empty", "--state", "is missing, and so is --cause", "give one of them, or both")
    if key is not None and order.state is not None:
        kind = desk.registry.subjects[key].kind
        if order.state not in states_of(kind):
            message = f"{order.state!r} is no state of a {kind}"
            desk.refuse("state.unknown", "--state", message, nearest(order.state, states_of(kind)))
    if order.cause is not None and order.cause not in CAUSES:
        desk.refuse("cause.unknown", "--cause", f"{order.cause!r} is no cause", nearest(order.cause, CAUSES))
    _interval(desk, order.start_ms, order.end_ms)
    if order.end_ms > desk.now_ms:
        remedy = "rule on what has passed; what is to come is announced with `signwatch window add`"
        desk.refuse("ruling.future", "--end", f"{format_instant(order.end_ms)} has not come yet", remedy)
    why = _why(desk, order.why)
    times = (order.start_ms, order.end_ms)
    record = RulingRecord(0, tenant, key or "", *times, order.state, order.cause, desk.now_ms, desk.who, why)
    desk.plan.ruled.append(record)


def _import(desk: _Desk, order: Import) -> None:
    tenant = _tenant(desk, order.tenant)
    kind = _kind(desk, order.kind)
    subjects = _subjects(desk, order.subjects, tenant)
    if len(order.occurrences) > MOST_WINDOWS:
        message = f"holds {len(order.occurrences)} occurrences until then, more than {MOST_WINDOWS}"
        desk.refuse("ical.many", "--until", message, "import a shorter time at once")
        return
    standing = _standing(desk, order, tenant)
    for found in order.occurrences:
        if found.cancelled or found.start_ms <= desk.now_ms or not order.from_ms <= found.start_ms < order.until_ms:
            continue
        why = _why(desk, found.why, f"event {found.uid}")
        _interval(desk, found.start_ms, found.end_ms, f"event {found.uid}")
        wanted = _window(desk, tenant, kind, subjects, found.start_ms, found.end_ms, why)
        wanted = replace(wanted, uid=found.uid, occurrence=found.occurrence)
        known = standing.get((found.uid, found.occurrence))
        if known is not None and _same(known, wanted):
            del standing[found.uid, found.occurrence]
            desk.plan.unchanged += 1
        else:
            desk.plan.announced.append(wanted)
    replaced = {(window.uid, window.occurrence) for window in desk.plan.announced}
    for name, window in standing.items():
        reason = f"changed in {order.file}" if name in replaced else f"no longer in {order.file}"
        desk.plan.cancelled.append(_cancelled(desk, window, reason))


def _standing(desk: _Desk, order: Import, tenant: str) -> dict[tuple[str, str], WindowRecord]:
    """The windows that this import may touch: of the file's events, yet to begin, not cancelled."""
    uids = {found.uid for found in order.occurrences}
    first_ms = max(order.from_ms, desk.now_ms + 1)
    return {
        (window.uid, window.occurrence or ""): window
        for window in desk.windows
        if window.uid is not None and window.uid in uids and window.tenant == tenant
        if first_ms <= window.start_ms < order.until_ms and not window.is_cancelled
    }


def _same(known: WindowRecord, wanted: WindowRecord) -> bool:
    """Whether the announcement that stands is about just this. Its wording may differ."""
    return (known.kind, known.subjects, known.start_ms, known.end_ms) == (
        *(wanted.kind, wanted.subjects, wanted.start_ms, wanted.end_ms),
    )


def _window(
    desk: _Desk, tenant: str, kind: str, subjects: tuple[str, ...], start_ms: int, end_ms: int, why: str
) -> WindowRecord:
    return WindowRecord(0, tenant, kind, subjects, start_ms, end_ms, desk.now_ms, desk.who, why)


def _cancelled(desk: _Desk, window: WindowRecord, why: str) -> WindowRecord:
    return replace(window, cancelled_at_ms=desk.now_ms, cancelled_by=desk.who, cancelled_why=why)


def _tenant(desk: _Desk, named: str) -> str:
    """The tenant of that name, or the only one; "" and a finding otherwise."""
    tenants = desk.registry.tenants
    if named in tenants:
        return named
    if not named and len(tenants) == 1:
        return next(iter(tenants))
    if not tenants:
        remedy = "register one first: signwatch registry apply"
        desk.refuse("tenant.none", "--tenant", "the registry has no tenant yet", remedy)
    elif named:
        desk.refuse("tenant.unknown", "--tenant", f"there is no tenant {named!r}", nearest(named, tenants))
    else:
        desk.refuse("tenant.missing", "--tenant", "is missing, and there are several", nearest("", tenants))
    return ""


def _kind(desk: _Desk, kind: str) -> str:
    if not _KIND.fullmatch(kind):
        remedy = f"use one of: {', '.join(USUAL_KINDS)}"
        desk.refuse("window.kind", "--kind", f"{kind!r} is no kind of window", remedy)
    elif kind not in USUAL_KINDS:
        message = f"{kind!r} is no usual kind ({', '.join(USUAL_KINDS)})"
        desk.warn("window.kind.unusual", "--kind", message, "see that a contract's excluded_windows names it")
    return kind


def _subjects(desk: _Desk, subjects: Iterable[str], tenant: str) -> tuple[str, ...]:
    """Selectors as the ledger keeps them, each once, in their order."""
    if not tenant:
        return ()
    kept: list[str] = []
    for text in subjects:
        try:
            selector = canonical(text, tenant, desk.registry)
        except UnknownSubjectError as error:
            desk.refuse("subject.unknown", "--subject", str(error), error.remedy)
            continue
        if not expand(selector, tenant, desk.registry):
            desk.warn("subject.nobody", "--subject", f"{selector} holds no player yet", "check it")
        if selector not in kept:
            kept.append(selector)
    if not kept and not desk.findings:
        desk.refuse("subject.missing", "--subject", "names nobody", "write '*' for everything")
    return tuple(kept)


def _interval(desk: _Desk, start_ms: int, end_ms: int, key: str = "--end") -> None:
    if end_ms <= start_ms:
        message = f"{format_instant(end_ms)} is not after its start, {format_instant(start_ms)}"
        desk.refuse("interval.empty", key, message, "let it end after it starts")
    elif start_ms < _EARLIEST_MS or end_ms > _LATEST_MS:
        remedy = f"choose years from {FIRST_YEAR} to {LAST_YEAR}"
        desk.refuse("interval.range", key, "lies too far from our times", remedy)


def _why(desk: _Desk, text: str, key: str = "--why") -> str:
    """A reason on one line."""
    why = " ".join(text.split())
    if not why:
        desk.refuse(
            "why.missing", key, "gives no reason", "say in a sentence why: it is kept, and shown to the customer"
        )
    elif len(why) > LONGEST_WHY or not why.isprintable():
        remedy = f"use at most {LONGEST_WHY} printable characters"
        desk.refuse("why.invalid", key, "is no reason that a journal can keep", remedy)
    return why
