"""PURE. Certificates that end soon: what vantage points saw goes in, openings and closings of warnings come out.

    warning   the certificate that ends first, of those seen    then
    -------   ------------------------------------------------  --------------------------------------------------
    closed    ends within the limit                             it opens
    open      is the one it names                               it stays
    open      is another one, which ends within the limit       it closes, and another opens
    open      ends beyond the limit                             it closes: the certificate was renewed
    open      nobody has seen any yet (a restart)               it stays: silence renews nothing
    open      nobody checks the part any more                   it closes

One certificate a platform part: of several (redirects, servers behind one name, vantage points that see different ones)
the one that ends first. A limit of 0 days wants no warning.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from collector.alerts.wording import length_text
from common.clock import iso, to_datetime

KIND: Final = "certificate"
_DAY_MS: Final = 86_400_000
_NAMED: Final = 3  # vantage points that a reason names


class Certificate(NamedTuple):
    """What one vantage point saw last: whose certificate, when it ends, and when that was said (collector's clock)."""

    host: str
    ends_ms: int
    said_ms: int


class Part(NamedTuple):
    """A platform part with what each vantage point saw of its certificate, by name. `key`: tenant/part."""

    key: str
    name: str
    agreement: str  # tenant/contract; tenant/ where the part has none
    seen: Mapping[str, Certificate]

    @property
    def first(self) -> Certificate | None:
        """The certificate that ends first; None where nobody has seen one."""
        return min(self.seen.values(), key=lambda one: (one.ends_ms, one.host), default=None)


class OpenWarning(NamedTuple):
    """What a decision needs to know of a warning that is open."""

    opened_ms: int
    host: str
    ends_ms: int


class Ends(NamedTuple):
    """A warning begins."""

    part: Part
    summary: str
    reason: str
    facts: Mapping[str, int | str | None]


class Renewed(NamedTuple):
    """A warning ends. `key`: the part's."""

    key: str
    reason: str


def decide(
    parts: Collection[Part], open_warnings: Mapping[str, OpenWarning], limit_days: Callable[[str], int], now_ms: int
) -> list[Ends | Renewed]:
    """Judge every part that anybody checks. `open_warnings` and `limit_days` go by the part's key."""
    changes: list[Ends | Renewed] = []
    for part in parts:
        changes += _of_part(part, open_warnings.get(part.key), limit_days(part.key), now_ms)
    for key in open_warnings.keys() - {part.key for part in parts}:
        changes.append(Renewed(key, "nobody checks it any more"))
    return changes


def _of_part(part: Part, warning: OpenWarning | None, days: int, now_ms: int) -> list[Ends | Renewed]:
    first = part.first
    if first is None:
        return []
    soon = days > 0 and first.ends_ms - now_ms <= days * _DAY_MS
    same = warning is not None and (warning.host, warning.ends_ms) == (first.host, first.ends_ms)
    if soon and same:
        return []
    closing: list[Ends | Renewed] = (
        [] if warning is None else [Renewed(part.key, _why_over(first, warning, days, now_ms))]
    )
    return [*closing, _ends(part, first, days, now_ms)] if soon else closing


def _ends(part: Part, first: Certificate, days: int, now_ms: int) -> Ends:
    ended = first.ends_ms <= now_ms
    what = f"the certificate of {first.host} {'ended' if ended else 'ends'} on {_day(first.ends_ms)}"
    left_days = (first.ends_ms - now_ms) // _DAY_MS
    when = f"{-left_days} days ago" if ended else f"in {left_days} days"
    witnesses = sorted(point for point, seen in part.seen.items() if seen[:2] == first[:2])
    more = f" and {len(witnesses) - _NAMED} more" if len(witnesses) > _NAMED else ""
    reason = f"{what} at {iso(first.ends_ms)[11:19]}Z, {when}; limit {days} days; seen by "
    return Ends(
        part,
        summary=f"{part.name} ({part.key.partition('/')[0]}): {what}",
        reason=reason + ", ".join(witnesses[:_NAMED]) + more,
        facts={
            "check": part.key.partition("/")[2],
            "certificate_host": first.host,
            "certificate_ends_ms": first.ends_ms,
            "days_left": left_days,
            "limit_days": days,
        },
    )


def _why_over(first: Certificate, warning: OpenWarning, days: int, now_ms: int) -> str:
    lasted = f"the warning was open for {length_text(now_ms - warning.opened_ms)}"
    if (first.host, first.ends_ms) == (warning.host, warning.ends_ms):
        return f"the limit is {days} days now; {lasted}"
    if first.host == warning.host and first.ends_ms > warning.ends_ms:
        return f"renewed: the certificate of {first.host} now ends on {_day(first.ends_ms)}; {lasted}"
    return f"the certificate that ends first is now that of {first.host}, on {_day(first.ends_ms)}; {lasted}"


def _day(instant_ms: int) -> str:
    return to_datetime(instant_ms).strftime("%Y-%m-%d")
