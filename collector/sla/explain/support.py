"""PURE. Claims, desks, failures and their clocks, other periods, equipment, conditions, and when a month is closed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from collector.sla.clock import Target
from collector.sla.explain.sections import Section
from collector.sla.explain.speech import Speech, sentence
from collector.sla.instants import HOUR_MS
from collector.sla.service import (
    ALWAYS,
    PROJECT,
    Claims,
    Deadline,
    Desk,
    Period,
    Right,
    Service,
    Severity,
    SupportHours,
    TargetTerm,
)


def sections(service: Service, speech: Speech, players: int) -> Iterator[Section]:
    """The sections about everything beside the figure."""
    claims = list(claim_rules(service.claims, speech)) if service.claims else []
    yield Section(speech.say("head_claims"), claims)
    yield Section(speech.say("head_support"), list(_desks(service, speech)))
    yield Section(speech.say("head_incidents"), list(_incidents(service, speech, players)))
    periods = [_period(period, speech) for period in service.periods]
    yield Section(speech.say("head_periods"), periods)
    equipment = [
        speech.say(
            "counts" if each.counted else "counts_not",
            owner=speech.say(f"owner_{each.owner}"),
            what=speech.phrase(each.what),
        )
        for each in service.equipment
    ]
    yield Section(speech.say("head_equipment"), equipment)
    yield Section(speech.say("head_conditions"), [speech.phrase(each) for each in service.conditions])
    yield Section(speech.say("head_closing"), [_closing(service, speech)])


def claim_rules(claims: Claims, speech: Speech) -> Iterator[str]:
    """What the agreement asks of a claim, a sentence a rule."""
    if claims.report is not None:
        yield speech.say("report_by", deadline=_deadline(claims.report, speech))
    if claims.claim is not None:
        yield speech.say("claim_by", deadline=_deadline(claims.claim, speech))
    if claims.to is not None:
        yield speech.say("claim_to", address=claims.to)
    if claims.subject is not None:
        yield speech.say("claim_subject", subject=claims.subject.replace(PROJECT, speech.say("project_blank")))
    if claims.names:
        items = [speech.say(f"item_{item}") for item in claims.names]
        yield speech.say("claim_names", items=speech.listing(items))
    if claims.decided_by is not None:
        yield speech.say(f"decided_{claims.decided_by}")


def _deadline(deadline: Deadline, speech: Speech) -> str:
    return speech.say(f"after_{deadline.after}", time=speech.target(deadline.within))


def _desks(service: Service, speech: Speech) -> Iterator[str]:
    for desk in service.desks:
        yield from _desk(service, desk, speech)
    if service.customer.tier is not None:
        yield speech.say("tier_chosen", tier=service.customer.tier)
    elif service.default_tier is not None:
        yield speech.say("tier_default", tier=service.default_tier)


def _desk(service: Service, desk: Desk, speech: Speech) -> Iterator[str]:
    name = speech.phrase(desk.name)
    if desk.everyone is not None:
        yield speech.say("desk_all", desk=name, hours=speech.hours(desk.everyone))
        return
    for tier in service.tiers:
        if (hours := desk.hours(tier)) is not None:
            yield speech.say("desk_tier", desk=name, tier=tier, hours=speech.hours(hours))
    unserved = [tier for tier in service.tiers if desk.hours(tier) is None]
    if unserved:
        yield speech.say("desk_none", desk=name, tiers=speech.listing(unserved, "or_last"))


def _incidents(service: Service, speech: Speech, players: int) -> Iterator[str]:
    rules = service.incidents
    if rules.clock_starts is not None:
        yield speech.say(f"starts_{rules.clock_starts}")
    if rules.pauses:
        reasons = [speech.say(f"pause_{reason}") for reason in rules.pauses]
        yield speech.say("pauses", reasons=speech.listing(reasons, "or_last"))
    if rules.classified_by is not None:
        yield speech.say(f"classified_{rules.classified_by}")
    for severity in service.severities:
        yield _severity(service, severity, speech, players)
    for right in service.rights:
        yield _right(service, right, speech)


def _severity(service: Service, severity: Severity, speech: Speech, players: int) -> str:
    name = speech.phrase(severity.name)
    meaning = "; ".join(_meaning(severity, speech, players))
    told = speech.say("severity", name=name, meaning=meaning) if meaning else speech.say("severity_plain", name=name)
    targets = [f"{sentence(_target(service, target, speech))}." for target in severity.targets]
    return " ".join([told, *targets])


def _meaning(severity: Severity, speech: Speech, players: int) -> Iterator[str]:
    if severity.means is not None:
        yield speech.phrase(severity.means)
    count = speech.many("players", players)
    if (over := severity.players_over) is not None:
        least = speech.whole(math.floor(over * players) + 1)
        yield speech.say("share_over", share=speech.percent(over * 100), players=count, least=least)
    if (start := severity.players_from) is not None:
        least = speech.whole(math.ceil(start * players))
        yield speech.say("share_from", share=speech.percent(start * 100), players=count, least=least)


def _target(service: Service, target: TargetTerm, speech: Speech) -> str:
    if target.within is None:
        told = speech.say(f"unsaid_{target.kind}")
    else:
        told = speech.say(f"target_{target.kind}", time=speech.target(target.within))
    if target.binding is not None:
        told = speech.say(f"bound_{target.binding}", target=told)
    desk = None if target.desk is None else service.desk(target.desk)
    hours = desk.everyone if desk is not None else target.hours or ALWAYS
    if hours is not None and hours.calendar is None:
        return speech.say("clock_always", target=told)
    clock = speech.phrase(desk.name) if desk is not None else speech.hours(hours or ALWAYS)
    return speech.say("clock_desk", target=told, hours=clock)


def _right(service: Service, right: Right, speech: Speech) -> str:
    told = {
        "name": speech.phrase(service.severity(right.severity).name),
        "time": speech.target(right.after),
        "gives": right_gives(right, speech),
    }
    return _with_clock(speech.say("right", **told), right.hours, speech)


def right_gives(right: Right, speech: Speech) -> str:
    """What a right gives the customer."""
    gives = [speech.say("gives_terminate")] if right.terminate else []
    if right.fee_percent is not None:
        gives.append(speech.say("gives_fee", percent=speech.percent(right.fee_percent)))
    return speech.listing(gives)


def _period(period: Period, speech: Speech) -> str:
    what = speech.phrase(period.what)
    if period.within is None:
        return speech.say("period_unsaid", what=what)
    told = speech.say(f"period_{period.kind}", what=what, time=speech.target(period.within))
    return _with_clock(told, period.hours, speech)


def _with_clock(told: str, hours: SupportHours | None, speech: Speech) -> str:
    return told if hours is None else f"{told} {speech.say('clock_hours', hours=speech.hours(hours))}"


def _closing(service: Service, speech: Speech) -> str:
    hours, rest = divmod(service.finalise_after_ms, HOUR_MS)
    time = speech.duration(service.finalise_after_ms) if rest else speech.target(Target(hours, "hours"))
    return speech.say("closing", time=time)
