"""PURE. When a month may be closed. Until then it is provisional.

| reason | when |
|---|---|
| `settled` | `finalise_after` has passed since the month's end |
| `all_reported` | earlier: nobody whose time counts can still fill a gap (below) |
| `operator` | a person closes it, with a reason |

Nobody can still fill a gap when each subject that counts (players that belong to N, every part of the platform)

1. has evidence that reaches to the month's end (or to the end of its own active time within it),
2. has evidence of synchronised clocks alone: a boot whose clock becomes known later would move it,
3. and has no unknown counted time but what lies between two runs of one spool all of whose numbers between them are in
   the ledger. A number names a run for ever, so nothing can come between them any more.

Otherwise the month waits for `finalise_after`. An agreement without any such subject always waits.

Whether the month is over at all is told by the collector's clock, which may be ahead. So neither of the first two
reasons holds while agents are heard whose own synchronised clocks have not reached the month's end
(`is_contradicted` in collector/ledger/revision_store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from collector.report.dossier import Run
from collector.report.model import Report, SubjectMonth, counts

Reason = Literal["settled", "all_reported", "operator"]
# (subject, spool, first, last): whether every number of `[first, last]` is in the ledger
Complete = Callable[[str, str, int, int], bool]


def may_close(report: Report, now_ms: int, complete: Complete) -> Reason | None:
    """Why the month may be closed by itself; None: it may not yet. `report` is of the ledger as it is."""
    if now_ms < report.figure.span.end_ms:
        return None
    if now_ms >= report.settles_ms:
        return "settled"
    counted = [each for each in (*report.platforms, *report.players) if counts(each)]
    told_out = bool(counted) and all(_has_reported(each, report.figure.span.end_ms, complete) for each in counted)
    return "all_reported" if told_out else None


def _has_reported(each: SubjectMonth, end_ms: int, complete: Complete) -> bool:
    runs, until_ms = each.member.runs, each.member.subject.active_until_ms
    end_ms = end_ms if until_ms is None else min(end_ms, until_ms)
    if not any(run.end_ms >= end_ms for run in runs) or any(run.clock != "synced" for run in runs):
        return False
    gaps = ((stretch.start_ms, stretch.end_ms) for stretch in each.stretches if stretch.state == "unknown")
    return all(_is_final(gap, runs, each.member.subject.id, complete) for gap in _joined(gaps))


def _is_final(gap: tuple[int, int], runs: Sequence[Run], subject: str, complete: Complete) -> bool:
    """Whether no run can come any more that lies in the gap."""
    before = max((run for run in runs if run.end_ms <= gap[0]), key=lambda run: (run.end_ms, run.seq), default=None)
    after = min((run for run in runs if run.start_ms >= gap[1]), key=lambda run: (run.start_ms, run.seq), default=None)
    if before is None or after is None or before.spool != after.spool or before.seq >= after.seq:
        return False
    return complete(subject, before.spool, before.seq, after.seq)


def _joined(gaps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Gaps in order; those that touch are one (windows and days may have cut them)."""
    found: list[tuple[int, int]] = []
    for start, end in gaps:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found
