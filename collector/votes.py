"""PURE. What each vantage point of a platform part says at this moment, as the page and the API show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.places import rule_of, tally_now
from collector.registry.model import OWN_DEVICE
from collector.views import VotesView, VoteView
from wire.votes import output_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from collector.evidence import RunRow
    from collector.fleet import Fleet
    from collector.places import Place
    from collector.registry.model import Subject


def voting_now(fleet: Fleet, subject: Subject, own_latency_ms: int | None) -> Generator[None, None, VotesView | None]:
    """The rule, the votes and their numbers, a vote a step; None where nobody is asked but the collector.

    `own_latency_ms`: how long the collector's own check took.
    """
    votes = subject.votes
    if votes is None:
        return None
    said = fleet.ballots(subject)
    points = fleet.points(subject)
    shown: list[VoteView] = []
    for point in sorted(points, key=lambda name: (name == OWN_DEVICE, name)):
        shown.append(_vote(fleet, subject, point, points[point], said.get(point), own_latency_ms))
        yield
    return VotesView(
        points=tuple(votes.points),
        rule=rule_of(votes),
        tally=tally_now(votes, said),
        votes=tuple(shown),
    )


def _vote(
    fleet: Fleet, subject: Subject, point: str, place: Place, run: RunRow | None, own_latency_ms: int | None
) -> VoteView:
    newest = fleet.newest(place)
    device = fleet.registry.devices.get(f"{subject.tenant}/{point}")
    site = fleet.registry.sites.get(f"{subject.tenant}/{device.site}") if device and device.site else None
    return VoteView(
        point=point,
        name=(device.name if device else "") or point,
        site=site.name if site else device.site if device else None,
        state=run.state if run else None,
        detail=run.detail if run else None,
        since_ms=run.start_ms if run else None,
        evidence_ms=newest.end_ms if newest else None,
        counts=run is not None and run.state in {"up", "down"},
        latency_ms=own_latency_ms if point == OWN_DEVICE else _latency_ms(fleet, subject, place),
        link=fleet.link(place[0]),
        last_state=newest.state if newest else None,
    )


def _latency_ms(fleet: Fleet, subject: Subject, place: Place) -> int | None:
    """How long the last check took that got an answer, by the point's newest heartbeat."""
    device = fleet.device(place[0])
    said = device.host.get(f"{output_of(subject.id)}.latency_ms") if device else None
    return said if isinstance(said, int) and not isinstance(said, bool) else None
