"""PURE. What the next revision of a closed month already waits for: told in a sentence, without judging anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from collector.revisions.drafting import has_changed
from collector.revisions.inputs import Inputs
from collector.revisions.papers import from_papers
from collector.revisions.seal import Frozen
from collector.revisions.substance import substance
from collector.revisions.texts import TEXTS
from collector.sla.contract import parse_contract_toml
from collector.sla.explain.speech import Speech
from collector.sla.service import Language, Phrase
from collector.sla.tally import month_span


class Waiting(NamedTuple):
    """What changed since `revision`, the month's latest.

    Of how many players and platform parts the evidence, how many windows and rulings; `registry`: who is judged, or
    when; `months`: only other months, which are judged with it.
    """

    revision: int
    players: int = 0
    platforms: int = 0
    decisions: int = 0
    registry: bool = False
    months: bool = False


def what_waits(inputs: Inputs, last: Frozen) -> Waiting | None:
    """What a revision would be made for if it were made now; None: nothing."""
    if not has_changed(inputs, last):
        return None
    before = from_papers(last.papers)
    was, now = _substance(before), _substance(inputs)
    moved = [name.partition(":") for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    in_both = {entry.subject: entry.kind for entry in before.subjects if f"subject:{entry.subject}" in now}
    kinds = [in_both[name] for part, _, name in moved if part == "evidence" and name in in_both]
    return Waiting(
        revision=last.manifest.number,
        players=kinds.count("player"),
        platforms=kinds.count("platform"),
        decisions=sum(part in {"window", "ruling"} for part, _, _ in moved),
        registry=any(part in {"subject", "calendar"} for part, _, _ in moved),
        months=not moved,
    )


def _substance(inputs: Inputs) -> Mapping[str, str]:
    contract = parse_contract_toml(inputs.contract_text, f"{inputs.contract_id}.toml")
    return substance(inputs, month_span(contract, inputs.month, inputs.closed_at_ms))


def tell_waiting(waiting: Waiting) -> Phrase:
    """The sentence, in both languages."""
    return Phrase(_tell(waiting, "en"), _tell(waiting, "es"))


def _tell(waiting: Waiting, language: Language) -> str:
    column, speech = 1 if language == "es" else 0, Speech(language)
    told = [TEXTS[key][column].format(n=speech.whole(number)) for key, number in _parts(waiting)]
    return TEXTS["waits"][column].format(revision=waiting.revision, what=speech.listing(told))


def _parts(waiting: Waiting) -> Iterator[tuple[str, int]]:
    counts = {"players": waiting.players, "platforms": waiting.platforms, "decisions": waiting.decisions}
    for name, number in counts.items():
        if number:
            yield f"waits_{name}_{'one' if number == 1 else 'many'}", number
    if waiting.registry:
        yield "trigger_registry", 0
    if waiting.months:
        yield "trigger_months", 0
