"""PURE. When late evidence makes a revision: once it has come to rest. A draining backlog makes one and not 500.

| | |
|---|---|
| the same change has stood for `QUIET_MS` | revise |
| it goes on changing | wait, |
| but not longer than `LONGEST_MS` since the first change | revise all the same |
"""

from __future__ import annotations

from typing import Final, NamedTuple

from collector.sla.instants import DAY_MS, HOUR_MS

QUIET_MS: Final = HOUR_MS
LONGEST_MS: Final = DAY_MS


class Pending(NamedTuple):
    """A change that was seen: as what, when first, and since when it is as it is."""

    fingerprint: str
    first_ms: int
    since_ms: int


def note(pending: Pending | None, fingerprint: str, now_ms: int) -> Pending:
    """What is known of the change after another look."""
    if pending is None:
        return Pending(fingerprint, now_ms, now_ms)
    if pending.fingerprint != fingerprint:
        return pending._replace(fingerprint=fingerprint, since_ms=now_ms)
    return pending


def is_ripe(pending: Pending, now_ms: int, quiet_ms: int = QUIET_MS, longest_ms: int = LONGEST_MS) -> bool:
    """Whether the revision is to be made now."""
    return now_ms - pending.since_ms >= quiet_ms or now_ms - pending.first_ms >= longest_ms
