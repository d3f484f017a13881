"""PURE. Whether a tenant's term is over: what speaks against erasing it now, one sentence each.

Over is: no subject is active any more, no contract's life goes on, the last month that counts is final, and nothing can
be claimed for it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from collector.registry.model import Subject
from collector.sla.claims import claim_due_ms
from collector.sla.contract import Contract
from collector.sla.instants import first_day, format_month, local_date, local_ms
from common.clock import iso

_SHOWN: Final = 3


def obstacles(subjects: Iterable[Subject], contracts: Mapping[str, Contract] | None, now_ms: int) -> list[str]:
    """What speaks against it; `subjects` are the tenant's own, `contracts` None: not known here."""
    counted = [each for each in subjects if not _never_counted(each)]
    active = sorted(each.key for each in counted if each.active_until_ms is None or each.active_until_ms > now_ms)
    found = [_still_active(active)] if active else []
    by_contract: dict[str, list[Subject]] = {}
    for each in counted:
        if each.contract is not None:
            by_contract.setdefault(each.contract, []).append(each)
    for name, members in sorted(by_contract.items()):
        contract = (contracts or {}).get(name)
        if contract is None:
            found.append(f"the terms of contract {name} are not known here: name the collector's file with --config")
        else:
            found += _running(name, contract, _last_instant(members, now_ms), now_ms)
    return found


def _never_counted(subject: Subject) -> bool:
    start, end = subject.active_from_ms, subject.active_until_ms
    return start is not None and end is not None and end <= start


def _still_active(active: Sequence[str]) -> str:
    names = ", ".join(active[:_SHOWN]) + (", …" if len(active) > _SHOWN else "")
    return f"{len(active)} of its subjects are active ({names}): give them an active_until in the registry"


def _last_instant(members: Iterable[Subject], now_ms: int) -> int:
    return max(now_ms if each.active_until_ms is None else each.active_until_ms for each in members)


def _running(name: str, contract: Contract, last_ms: int, now_ms: int) -> Iterator[str]:
    life_end = contract.life.last
    if life_end is not None and _month_end_ms(contract, life_end) > now_ms:
        yield f"contract {name} runs until the end of {format_month(life_end)}"
    day = local_date(contract.timezone, last_ms - 1)
    month = day.year * 12 + day.month - 1
    end_ms = _month_end_ms(contract, month)
    final_ms = end_ms + contract.service.finalise_after_ms
    if final_ms > now_ms:
        yield f"the last month under contract {name}, {format_month(month)}, is final only at {iso(final_ms)}"
    claims = contract.service.claims
    deadlines = [each for each in (claims.report, claims.claim) if each is not None] if claims else []
    due_ms = max((claim_due_ms(each, (last_ms, last_ms), end_ms) for each in deadlines), default=now_ms)
    if due_ms > now_ms:
        yield f"a discount under contract {name} may be claimed until {iso(due_ms)}"


def _month_end_ms(contract: Contract, month: int) -> int:
    return local_ms(contract.timezone, first_day(month + 1))
