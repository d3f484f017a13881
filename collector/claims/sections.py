"""PURE. What stands around the letter: the amounts, the rules with their deadlines, the clocks, what backs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collector.claims.clocks import is_exact
from collector.claims.draft import claimed_percent
from collector.claims.letter import is_written
from collector.claims.model import ClaimIncident, ClassReading, ClockReading, Draft, DueBy, Gap, RightReading
from collector.claims.voice import Voice
from collector.report.figures_view import Formula, formula, notes
from collector.report.verdict_view import band, decision, termination
from collector.sla.explain.sections import Grid, Section
from collector.sla.explain.speech import sentence
from collector.sla.explain.support import claim_rules, right_gives

Part = str | Grid


def title(draft: Draft, voice: Voice) -> str:
    """The heading: what it is, whose, and of which month."""
    report = draft.report
    what = voice.say("title" if draft.side == "customer" else "title_provider")
    customer = report.contract.service.customer.name or report.tenant_name
    return f"{what}: {customer}, {voice.words.month(report.figure.span.month)}"


def head(draft: Draft, voice: Voice) -> list[str]:
    """What stands under the heading: when it was asked, and between whom it is."""
    report, service = draft.report, draft.report.contract.service
    lines = [voice.say("as_of", when=voice.words.moment(draft.asked_ms), zone=report.contract.timezone.key)]
    lines.append(voice.say("agreement", name=report.contract.name))
    if service.provider.name is not None:
        lines.append(voice.say("provider", name=service.provider.name))
    return lines


def sections(draft: Draft, voice: Voice) -> list[Section]:
    """Everything but the letter, in reading order; nothing empty."""
    found = [
        Section(voice.say("head_short"), list(_short(draft, voice))),
        Section(voice.say("head_gaps"), [_gap(draft, gap, voice) for gap in draft.gaps] or [voice.say("gaps_none")]),
        Section(voice.say("head_deadlines"), list(_deadlines(draft, voice))),
        Section(voice.say("head_incidents"), list(_incidents(draft, voice))),
        Section(voice.say("head_clocks"), list(_clocks(draft, voice))),
        Section(voice.say("head_figure"), [formula_text(formula(draft.report, voice.words), voice)]),
        Section(voice.say("head_evidence"), list(_evidence(draft, voice))),
        Section(voice.say("head_conditions"), list(_conditions(draft, voice))),
        Section(
            voice.say("head_readings"), [voice.words.phrase(each) for each in draft.report.contract.service.readings]
        ),
    ]
    return [section for section in found if section.parts]


def _short(draft: Draft, voice: Voice) -> Iterator[str]:
    report, words = draft.report, voice.words
    rounding, level = report.contract.rounding, report.contract.guarantee.committed
    share = report.figure.availability
    told = {
        "month": words.month(report.figure.span.month),
        "figure": voice.say("no_figure") if share is None else words.figure(share, rounding),
    }
    if level is None:
        yield sentence(voice.say("figure_no_level", **told))
    else:
        yield sentence(voice.say("figure", level=words.level(level, rounding.decimals), **told))
    yield voice.say("no_amount") if report.discount.reason == "no_table" else decision(report, words)
    if told_band := band(report, words):
        yield told_band
    yield from _money(draft, voice)
    if leave := termination(report, words):
        yield leave
    if not is_written(draft):
        yield voice.say("nothing" if draft.outcome == "nothing" else "too_early")


def _money(draft: Draft, voice: Voice) -> Iterator[str]:
    credit, percent = draft.credit, claimed_percent(draft.report)
    if credit is None or percent is None:
        return
    yield voice.say(
        "credit_open" if draft.credit_is_open else "credit",
        percent=voice.words.speech.percent(percent),
        fee=voice.money(credit.fee.amount, credit.fee),
        amount=voice.money(credit.rounded, credit.fee),
    )
    if credit.was_rounded:
        yield voice.say("rounded", exact=voice.money(credit.exact, credit.fee), currency=credit.fee.currency)
    of = draft.report.contract.service.credit
    if of is not None and of.of is not None:
        yield voice.say("fee_of", what=voice.words.speech.say(f"credit_{of.of}"))


def _gap(draft: Draft, gap: Gap, voice: Voice) -> str:
    words, report = voice.words, draft.report
    values: dict[str, object] = {
        name.removesuffix("_ms"): words.moment(value) for name, value in gap.values.items() if name.endswith("_ms")
    }
    if gap.id == "unknown_time":
        values = {"players": words.exactly(gap.values["player"]), "platform": words.exactly(gap.values["platform"])}
    if gap.id == "estimated":
        values = {"length": words.exactly(gap.values["length_ms"])}
    if gap.numbers:
        values["incidents"] = voice.numbers(gap.numbers)
    return voice.say(f"gap_{gap.id}", months=words.months(report.silent), **values)


def _deadlines(draft: Draft, voice: Voice) -> Iterator[Part]:
    claims = draft.report.contract.service.claims
    if claims is None:
        yield voice.say("rules_none")
        return
    yield from claim_rules(claims, voice.words.speech)
    month = draft.month_claim_by
    if month is not None and month.due_ms is not None:
        yield voice.say("month_past" if month.past else "month_open", when=voice.words.moment(month.due_ms))
    named = [(name, [getattr(each, f"{name}_by") for each in draft.incidents]) for name in ("report", "claim")]
    columns = [(name, dues) for name, dues in named if any(dues)]
    if columns:
        heads = [voice.say("column_number"), voice.say("column_start"), *(voice.say(f"column_{n}") for n, _ in columns)]
        rows = [
            [str(each.number), voice.words.stamp(each.start_ms), *(_due_by(dues[place], voice) for _, dues in columns)]
            for place, each in enumerate(draft.incidents)
        ]
        yield Grid(voice.say("caption_deadlines"), [heads, *rows])


def _due_by(due: DueBy | None, voice: Voice) -> str:
    if due is None:
        return voice.say("by_none")
    if due.due_ms is None:
        return voice.say("by_not_ended")
    return voice.say("by_past" if due.past else "by_open", when=voice.words.stamp(due.due_ms))


def _incidents(draft: Draft, voice: Voice) -> Iterator[Part]:
    if not draft.incidents:
        yield voice.say("incidents_none")
        return
    heads = [voice.say(f"column_{name}") for name in ("number", "start", "end", "length", "cause", "affected", "class")]
    rows = [_incident_row(each, voice) for each in draft.incidents]
    yield Grid(voice.say("caption_incidents"), [heads, *rows])


def _incident_row(each: ClaimIncident, voice: Voice) -> list[str]:
    words = voice.words
    affected = voice.say("affected_platform")
    if each.incident.first.kind == "player":
        numbers = {"affected": words.speech.whole(each.affected), "players": words.speech.whole(each.players)}
        affected = voice.say("affected_of", **numbers)
    kind = voice.say("class_open" if each.classes else "class_none")
    if len(each.classes) == 1:
        kind = words.phrase(each.classes[0].severity.name)
    return [
        str(each.number),
        words.stamp(each.start_ms),
        words.stamp(each.incident.end_ms),
        words.length(each.incident.sum_ms),
        words.cause(each.incident.first.cause),
        affected,
        kind,
    ]


def _clocks(draft: Draft, voice: Voice) -> Iterator[Part]:
    service = draft.report.contract.service
    if not draft.incidents:
        return
    if not service.severities:
        yield voice.say("clocks_none")
        return
    classes = [found for each in draft.incidents for found in each.classes]
    if all(clock.verdict == "no_number" for found in classes for clock in found.clocks) and not service.rights:
        names = voice.listing(dict.fromkeys(voice.words.phrase(found.severity.name) for found in classes))
        yield voice.say("clocks_no_number", classes=names)
        return
    rows = [row for each in draft.incidents for found in each.classes for row in _class_rows(draft, each, found, voice)]
    heads = [voice.say(f"column_{name}") for name in ("number", "class", "promise", "due", "verdict")]
    yield Grid(voice.say("clocks_exact" if is_exact(service) else "clocks_note"), [heads, *rows])


def _class_rows(draft: Draft, each: ClaimIncident, found: ClassReading, voice: Voice) -> Iterator[Sequence[str]]:
    name = voice.words.phrase(found.severity.name)
    pauses = "_pauses" if draft.report.contract.service.incidents.pauses else ""
    for clock in found.clocks:
        verdict = voice.say(f"verdict_{clock.verdict}{pauses if clock.verdict == 'depends' else ''}")
        yield str(each.number), name, _promise(clock, voice), _instant(clock.due_ms, voice), verdict
    for right in found.rights:
        verdict = voice.say(f"verdict_right_{right.verdict}")
        yield str(each.number), name, _right(draft, right, voice), _instant(right.due_ms, voice), verdict


def _promise(clock: ClockReading, voice: Voice) -> str:
    if clock.term.within is None:
        return voice.say(f"promise_{clock.term.kind}_blank")
    return voice.say(f"promise_{clock.term.kind}", time=voice.words.speech.target(clock.term.within))


def _right(draft: Draft, right: RightReading, voice: Voice) -> str:
    terms = draft.report.contract.service.rights[right.index]
    speech = voice.words.speech
    return voice.say("promise_right", time=speech.target(terms.after), gives=right_gives(terms, speech))


def _instant(instant_ms: int | None, voice: Voice) -> str:
    return voice.say("by_none") if instant_ms is None else voice.words.stamp(instant_ms)


def formula_text(told: Formula, voice: Voice) -> str:
    """The formula with its numbers filled in, on one line."""
    text = f"{voice.words.say('formula_name')} = 1"
    for term in told.terms:
        text += f" − {term.weight} × " + ("0" if term.whole is None else f"{term.part} ÷ ({term.whole})")
    return text if told.value is None else f"{text} = {told.exact}; {told.rounding}: {told.value}"


def _evidence(draft: Draft, voice: Voice) -> Iterator[str]:
    report, words = draft.report, voice.words
    shares = {"players": report.figure.players_coverage, "platform": report.figure.platform_coverage}
    told = {
        name: voice.say("coverage_none") if share is None else words.percent(share) for name, share in shares.items()
    }
    if report.edition is not None:
        when = words.moment(report.edition.at_ms)
        yield voice.say("edition", n=report.edition.number, when=when, seal=report.edition.seal)
    yield voice.say("coverage", **told)
    yield from notes(report, words)
    if not report.estimated_ms:
        yield voice.say("clocks_true")
    if report.left_out:
        length = words.exactly(sum(each.sum_ms for each in report.left_out))
        yield voice.many("left_out", len(report.left_out), length=length)
    whose = f"--contract {report.contract_id} --tenant {report.tenant} --month {report.figure.span.month}"
    yield voice.say("full_report", command=f"signwatch sla report {whose} --format html --lang {words.language}")


def _conditions(draft: Draft, voice: Voice) -> Iterator[str]:
    conditions = draft.report.contract.service.conditions
    if conditions:
        yield from (voice.words.phrase(each) for each in conditions)
        yield voice.say("conditions_note")
