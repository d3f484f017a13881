"""PURE. The letter itself: what a person puts into a mail, with blanks in brackets for what nobody has said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from collector.claims.draft import claimed_percent
from collector.claims.model import ClaimIncident, Draft
from collector.claims.voice import Voice
from collector.report.story_view import names_of
from collector.sla.service import PROJECT

_WRITTEN_FOR: Final = frozenset({"due", "window_open", "no_table"})


def is_written(draft: Draft) -> bool:
    """Whether there is something to write about: a level missed in a month that is over and can be assessed."""
    return draft.report.discount.reason in _WRITTEN_FOR and draft.report.figure.met is False


def letter(draft: Draft, voice: Voice) -> list[str]:
    """The letter's paragraphs, the address and the subject first; none where it would be about nothing."""
    if not is_written(draft):
        return []
    return [*_head(draft, voice), *_body(draft, voice), *_incidents(draft, voice), *_end(voice)]


def subject_line(draft: Draft, voice: Voice) -> str:
    """The subject as the agreement wants it; one of ours where it wants none, or where the provider writes."""
    claims = draft.report.contract.service.claims
    if draft.side == "customer" and claims is not None and claims.subject is not None:
        return claims.subject.replace(PROJECT, draft.project or voice.say("project_blank"))
    key = "subject_claim" if draft.side == "customer" else "subject_provider"
    month = voice.words.month(draft.report.figure.span.month)
    return voice.say(key, agreement=draft.report.contract.name, month=month)


def _head(draft: Draft, voice: Voice) -> Iterator[str]:
    claims = draft.report.contract.service.claims
    known = claims.to if claims is not None and draft.side == "customer" else None
    yield voice.say("to", address=known or voice.say("address_blank"))
    yield voice.say("subject", subject=subject_line(draft, voice))
    yield voice.say("greeting")


def _body(draft: Draft, voice: Voice) -> Iterator[str]:
    contract, words = draft.report.contract, voice.words
    figure, level = draft.report.figure.availability, contract.guarantee.committed
    if figure is not None and level is not None:
        yield voice.say(
            f"body_{draft.side}",
            agreement=contract.name,
            month=words.month(draft.report.figure.span.month),
            figure=words.figure(figure, contract.rounding),
            level=words.level(level, contract.rounding.decimals),
        )
    yield _ask(draft, voice)
    claims = contract.service.claims
    if claims is not None and "project" in (claims.names or ()):
        yield voice.say("project", project=draft.project or voice.say("project_blank"))


def _ask(draft: Draft, voice: Voice) -> str:
    percent = claimed_percent(draft.report)
    if percent is None:
        return voice.say(f"ask_table_{draft.side}")
    credit = draft.report.contract.service.credit
    of = voice.words.speech.say(f"credit_{credit.of}") if credit is not None and credit.of is not None else ""
    said = {"percent": voice.words.speech.percent(percent), "of": voice.say("ask_of", what=of) if of else ""}
    asked = voice.say(f"ask_open_{draft.side}" if draft.credit_is_open else f"ask_{draft.side}", **said)
    if draft.credit is None or draft.credit_is_open:
        return asked
    return f"{asked} {voice.say('ask_amount', amount=voice.money(draft.credit.rounded, draft.credit.fee))}"


def _incidents(draft: Draft, voice: Voice) -> Iterator[str]:
    if not draft.incidents:
        yield voice.say("listed_none")
        return
    yield voice.say("listed", zone=draft.report.contract.timezone.key)
    for each in draft.incidents:
        yield _incident(draft, each, voice)


def _incident(draft: Draft, each: ClaimIncident, voice: Voice) -> str:
    """One incident with everybody in it: a claim must name them all."""
    words, incident = voice.words, each.incident
    start, end = words.stamp(each.start_ms), words.stamp(incident.end_ms)
    return voice.say(
        "incident_line",
        n=each.number,
        start=voice.say("before", start=start) if each.began_before else start,
        end=voice.say("still", end=end) if each.lasts else end,
        length=words.exactly(incident.sum_ms),
        cause=words.cause(incident.first.cause),
        who=_who(draft, each, voice),
    )


def _who(draft: Draft, each: ClaimIncident, voice: Voice) -> str:
    names = names_of(draft.report)
    own = list(dict.fromkeys(outage.subject for outage in each.incident.outages))
    listed = voice.listing(names[subject] for subject in own)
    if each.incident.first.kind == "platform":
        return voice.say("who_platform", names=listed)
    told = voice.many("who_player", len(own), names=listed)
    sites = {one.member.subject.id: one.member.site for one in draft.report.players}
    known = dict.fromkeys(sites[subject] for subject in own if sites[subject])
    return f"{told} {voice.say('sites', names=voice.listing(known))}" if known else told


def _end(voice: Voice) -> Iterator[str]:
    yield voice.say("attached")
    yield voice.say("closing")
    yield voice.say("name_blank")
