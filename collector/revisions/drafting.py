"""PURE. What is to be frozen next of a month: the next revision, or nothing because nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from collector.revisions.differences import find_differences, trigger_of
from collector.revisions.inputs import Inputs, KnownMonth
from collector.revisions.papers import OPENING, from_papers, opening_paper, to_papers
from collector.revisions.recompute import recompute, to_figure, to_numbers
from collector.revisions.seal import (
    FORMAT,
    Difference,
    Frozen,
    Manifest,
    Trigger,
    outcome_of,
    result_bytes,
    sha256,
)
from collector.revisions.substance import fingerprint, substance
from collector.sla.contract import parse_contract_toml
from collector.sla.tally import MonthSpan, month_span
from collector.sla.verdict import Result, judge_figures

BY_ITSELF: Final = "signwatch"
_WHY: Final[Mapping[Trigger, str]] = {
    "settled": "the time for late evidence is over",
    "all_reported": "everybody who counts has reported",
    "evidence": "evidence came late",
    "decisions": "windows or rulings changed",
    "registry": "the registry changed",
    "months": "months that are judged with this one became known or were revised",
    "operator": "ordered",
}


class Order(NamedTuple):
    """By whom and why. `trigger` None: as the differences tell. `why` "": the trigger's own words."""

    who: str = BY_ITSELF
    why: str = ""
    trigger: Trigger | None = None


def draft(inputs: Inputs, last: Frozen | None, order: Order, versions: Mapping[str, str]) -> Frozen | None:
    """The next revision; None where nothing changed since `last` that could change what the month costs."""
    inputs = from_papers(to_papers(inputs))  # what is frozen is what is judged
    parts = fingerprint(substance(inputs, _span(inputs)))
    if last is not None and not _must_revise(inputs, parts, last):
        return None
    after = recompute(inputs)
    differences: tuple[Difference, ...] = ()
    if last is not None:
        before = from_papers(last.papers)
        differences = find_differences(before, inputs, (recompute(before), after))
    trigger = order.trigger or trigger_of(differences)
    number = 1 if last is None else last.manifest.number + 1
    papers, result = {**to_papers(inputs), OPENING: opening_paper(after.opening)}, result_bytes(after.result)
    report = after.report
    manifest = Manifest(
        format=FORMAT,
        tenant=inputs.tenant,
        tenant_name=inputs.tenant_name,
        contract=inputs.contract_id,
        contract_name=report.contract.name,
        month=inputs.month,
        timezone=report.contract.timezone.key,
        start_ms=after.span.start_ms,
        end_ms=after.span.end_ms,
        number=number,
        at_ms=inputs.closed_at_ms,
        who=order.who,
        why=order.why or _WHY[trigger],
        trigger=trigger,
        previous=None if last is None else last.seal,
        outcome=outcome_of(after.result),
        numbers=to_numbers(report.figure),
        differences=differences,
        substance=parts,
        versions=dict(sorted(versions.items())),
        files={name: sha256(data) for name, data in sorted(papers.items())},
        result=sha256(result),
    )
    return Frozen(manifest, papers, result)


def has_changed(inputs: Inputs, last: Frozen) -> bool:
    """Whether what judges the month is another than `last` had, or other months change its discount."""
    return _must_revise(inputs, fingerprint(substance(inputs, _span(inputs))), last)


def state_of(inputs: Inputs) -> str:
    """One hash over everything that may make a revision: whether a change still goes on."""
    parts = fingerprint(substance(inputs, _span(inputs)))
    return fingerprint({"substance": parts, **{known.month: known.seal for known in inputs.months}})


def _must_revise(inputs: Inputs, parts: str, last: Frozen) -> bool:
    if parts != last.manifest.substance:
        return True
    before = from_papers(last.papers)
    if (inputs.contract_text, inputs.calendars) != (before.contract_text, before.calendars):
        return True
    return inputs.months != before.months and _discount(inputs, last) != _told(last)


def _told(last: Frozen) -> tuple[object, object]:
    return last.manifest.outcome.discount_percent, last.manifest.outcome.discount_reason


def _discount(inputs: Inputs, last: Frozen) -> tuple[object, object]:
    """What the month costs with the other months as they are known now, its own numbers standing."""
    contract = parse_contract_toml(inputs.contract_text, f"{inputs.contract_id}.toml")
    own = KnownMonth(inputs.month, last.manifest.number, "", last.manifest.numbers)
    known = sorted([*inputs.months, own], key=lambda each: each.month)
    figures = [to_figure(contract, each.month, each.numbers, inputs.closed_at_ms) for each in known]
    judged = cast("list[Result]", judge_figures(contract, figures)["months"])
    told = next(month for month in judged if month["month"] == inputs.month)
    return told["discount_percent"], told["discount_reason"]


def _span(inputs: Inputs) -> MonthSpan:
    contract = parse_contract_toml(inputs.contract_text, f"{inputs.contract_id}.toml")
    return month_span(contract, inputs.month, inputs.closed_at_ms)
