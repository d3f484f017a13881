"""PURE. Votes and how outages were decided → the JSON of the API (docs/web.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.web.encoding import fraction, instant

if TYPE_CHECKING:
    from collector.vantage import Tally
    from collector.vantage_story import Change, Outage
    from collector.views import VotesView, VoteView
    from collector.web.encoding import Json


def votes(view: VotesView | None) -> Json:
    """Who votes, by what rule, and what they say now; nothing but nulls where nobody votes."""
    if view is None:
        return {"votes": None, "rule": None, "tally": None}
    rule, counted = view.rule, view.tally
    return {
        "votes": [_vote(vote) for vote in view.votes],
        "rule": {
            "points": list(view.points),
            "share": fraction(rule.share) if rule.count is None else None,
            "count": rule.count,
            "min_votes": rule.min_votes,
            "patience_ms": rule.patience_ms,
        },
        "tally": {**_tally(counted), "silent": view.silent},
    }


def _tally(view: Tally) -> dict[str, object]:
    return {
        "down": view.down,
        "up": view.up,
        "can_tell": view.votes,
        "cannot_tell": view.none,
        "needed": view.needed,
    }


def _vote(view: VoteView) -> Json:
    return {
        "point": view.point,
        "name": view.name,
        "site": view.site,
        "state": view.state,
        "detail": view.detail,
        **instant("since", view.since_ms),
        **instant("evidence", view.evidence_ms),
        "counts": view.counts,
        "latency_ms": view.latency_ms,
        "link": view.link,
        "last_state": view.last_state,
    }


def outage(view: Outage) -> Json:
    """One outage, half-open, with every vote that changed in it."""
    return {
        **instant("start", view.start_ms),
        **instant("end", view.end_ms),
        "lasts": view.lasts,
        "changes": [_change(change) for change in view.changes],
    }


def _change(view: Change) -> Json:
    return {
        **instant("at", view.at_ms),
        "verdict": view.verdict,
        "tally": {**_tally(view.tally), "awaited": view.tally.waiting},
        "cast": [cast._asdict() for cast in view.cast],
    }
