"""PURE. What a contract leaves open: how it is read, what another reading would give, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from collector.sla.cautions import favoured
from collector.sla.explain.sections import Section
from collector.sla.explain.speech import Speech
from collector.sla.service import Service
from collector.sla.table import discount_rows
from collector.sla.terms import Contract


def sections(contract: Contract, speech: Speech) -> Iterator[Section]:
    """The last two sections."""
    readings = [*_table_readings(contract, speech), *map(speech.phrase, contract.service.readings)]
    yield Section(speech.say("head_readings"), readings)
    unsaid = [*_unsaid_of_money(contract, speech), *_unsaid_of_service(contract, speech)]
    yield Section(speech.say("head_unsaid"), [*unsaid, *map(speech.phrase, contract.service.unsaid)])


def _table_readings(contract: Contract, speech: Speech) -> Iterator[str]:
    """Holes and ends of the table, with the amounts of every reading."""
    decimals = contract.rounding.decimals
    for row in discount_rows(contract):
        others = sorted(set(row.readings.values()) - {row.percent}, reverse=True)
        if not others:
            continue
        span = speech.span(row.highest, row.lowest, decimals)
        if row.kind == "end":
            span = speech.say("row_or_less", level=speech.percent(row.highest * 100, decimals))
        amounts = speech.listing([_amount(each, speech) for each in others], "or_last")
        side = speech.say(f"side_{favoured(row)}")
        percent = _amount(row.percent, speech)
        yield speech.say(f"reading_{row.kind}", span=span, percent=percent, others=amounts, side=side)


def _amount(percent: Fraction, speech: Speech) -> str:
    return speech.say("amount", percent=speech.percent(percent))


def _unsaid_of_money(contract: Contract, speech: Speech) -> Iterator[str]:
    service, claims = contract.service, contract.service.claims
    if not service.guaranteed:
        return
    if contract.guarantee.committed is None:
        yield speech.say("unsaid_level")
        return
    if not contract.discounts:
        yield speech.say("unsaid_table")
    if service.credit is None or service.credit.of is None:
        yield speech.say("unsaid_credit")
    if claims is None:
        yield speech.say("unsaid_claims")
        return
    if claims.claim is None:
        yield speech.say("unsaid_claim_by")
    if claims.names is None:
        yield speech.say("unsaid_names")


def _unsaid_of_service(contract: Contract, speech: Speech) -> Iterator[str]:
    service = contract.service
    if not service.severities and service.guaranteed:
        yield speech.say("unsaid_severities")
    if names := _without_targets(service, speech):
        yield speech.say("unsaid_targets", names=speech.listing(names))
    for period in service.periods:
        if period.within is None:
            yield speech.say(f"unsaid_{period.kind}", what=speech.phrase(period.what))
    calendars = service.calendars.values()
    for side in dict.fromkeys(each.zone_of for each in calendars if each.zone_of):
        yield speech.say("unsaid_place_timezone", side=speech.say(f"side_{side}"), zone=contract.timezone.key)
    for side in dict.fromkeys(each.holidays_of for each in calendars if each.holidays_of):
        yield speech.say("unsaid_place_holidays", side=speech.say(f"side_{side}"))


def _without_targets(service: Service, speech: Speech) -> list[str]:
    """Failure classes that have a target without a number."""
    return [
        speech.phrase(severity.name)
        for severity in service.severities
        if not severity.targets or any(target.within is None for target in severity.targets)
    ]
