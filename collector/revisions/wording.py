"""PURE. Differences and revisions in words, English and Spanish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from collector.report.texts import TEXTS as REPORT_TEXTS
from collector.report.words import Words
from collector.revisions.seal import Difference, Manifest, Outcome
from collector.revisions.texts import TEXTS
from collector.sla.service import Language, Phrase

_MOST_STATES: Final = 3
_MOST_PLAYERS: Final = 30


def tell(manifest: Manifest, most: int = _MOST_PLAYERS) -> list[Phrase]:
    """What changed since the revision before, a sentence a thing; many players are cut, and the cut is told."""
    zone = ZoneInfo(manifest.timezone)
    shown: list[Difference] = []
    rest = 0
    for each in manifest.differences:
        if each.kind == "evidence" and sum(other.kind == "evidence" for other in shown) >= most:
            rest += 1
        else:
            shown.append(each)
    phrases = [_both(zone, each) for each in shown]
    if rest:
        phrases.append(_both(zone, Difference("more", {"n": rest})))
    return phrases


def trigger_text(manifest: Manifest, language: Language) -> str:
    """Why it was made, in a few words: an operator's own, or the trigger's."""
    return manifest.why if manifest.trigger == "operator" else _say(language, f"trigger_{manifest.trigger}")


def _both(zone: ZoneInfo, each: Difference) -> Phrase:
    return Phrase(_tell(Words("en", zone), each), _tell(Words("es", zone), each))


def _tell(words: Words, each: Difference) -> str:
    facts = dict(each.facts)
    make = {
        "figure": _figure,
        "figure_same": _figure,
        "discount": _discount,
        "discount_same": _discount,
        "evidence": _evidence,
        "ruling": _ruling,
        "holidays": _holidays,
        "month_known": _month,
        "month_revised": _month,
    }.get(each.kind)
    values = make(words, facts) if make else facts
    if each.kind.startswith("window") and "start_ms" in facts:
        values = {**facts, "times": _times(words, facts), "window": words.window_kind(str(facts["window"]))}
    return _say(words.language, f"diff_{each.kind}", **values)


def _say(language: Language, key: str, **values: object) -> str:
    return TEXTS[key][1 if language == "es" else 0].format(**values)


def _times(words: Words, facts: Mapping[str, Any]) -> str:
    start, end = facts["start_ms"], facts["end_ms"]
    return f"{words.stamp(start)} – {words.until(start, end)}"


def percent_said(words: Words, text: str | None) -> str:
    """A percentage of the result, with its own decimals."""
    if text is None:
        return REPORT_TEXTS["no_figure"][1 if words.language == "es" else 0]
    return f"{text.replace('.', ',')} %" if words.language == "es" else f"{text}%"


def _figure(words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    moved = []
    for name in ("players", "platform"):
        length_ms = facts[f"{name}_downtime_ms"]
        if length_ms:
            key = "down_more" if length_ms > 0 else "down_less"
            moved.append(_say(words.language, f"{key}_{name}", length=words.exactly(abs(length_ms))))
    note = f" ({'; '.join(moved)})" if moved else ""
    return {"before": percent_said(words, facts["before"]), "after": percent_said(words, facts["after"]), "note": note}


def _discount(words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    return {side: _due(words, facts[side], facts[f"reason_{side}"]) for side in ("before", "after")}


def discount_text(words: Words, outcome: Outcome) -> str:
    """The discount with its reason."""
    percent = outcome.discount_percent
    return _due(words, None if percent is None else str(percent), outcome.discount_reason)


def _due(words: Words, percent: str | None, reason: str) -> str:
    amount = REPORT_TEXTS["discount_open"][1 if words.language == "es" else 0]
    if percent is not None:
        amount = percent_said(words, percent)
    return f"{amount} ({_say(words.language, f'reason_{reason}')})"


def _evidence(words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    counts = [
        _say(words.language, f"runs_{name}_{'one' if facts[name] == 1 else 'many'}", n=facts[name])
        for name in ("late", "changed", "gone")
        if facts[name]
    ]
    became: Sequence[Sequence[Any]] = facts["became"]
    moved = [
        _say(words.language, "became", length=words.exactly(length), before=words.state(was), after=words.state(now))
        for was, now, length in became[:_MOST_STATES]
    ]
    if rest := sum(length for _, _, length in became[_MOST_STATES:]):
        moved.append(_say(words.language, "became_else", length=words.exactly(rest)))
    effect = words.speech.listing(moved) if moved else _say(words.language, "became_nothing")
    runs = words.speech.listing(counts) if counts else _say(words.language, "runs_none")
    return {"name": facts["name"], "runs": runs, "effect": effect}


def _ruling(words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    said = [words.state(facts["state"])] if facts["state"] else []
    said += [words.cause(facts["cause"])] if facts["cause"] else []
    return {**facts, "times": _times(words, facts), "said": ", ".join(said)}


def _holidays(_words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    days = [*(f"+{day}" for day in facts["added"]), *(f"−{day}" for day in facts["removed"])]
    return {"calendar": facts["calendar"], "days": ", ".join(days)}


def _month(words: Words, facts: Mapping[str, Any]) -> dict[str, object]:
    return {"month": words.month(facts["month"]), "revision": facts["revision"]}
