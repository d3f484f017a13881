"""PURE. A voted platform part on its page: the rule in words, every vantage point, and how each outage was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.registry.model import OWN_DEVICE
from collector.web.format import SECOND_MS, Times, duration, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collector.vantage import Rule, Tally
    from collector.vantage_story import Change, Outage
    from collector.views import PlatformView, VotesView, VoteView
    from collector.web.texts import Texts

POINTS_SHOWN: Final = 50
OUTAGES_SHOWN: Final = 20
CHANGES_SHOWN: Final = 30
CASTS_SHOWN: Final = 12
_RANK: Final = {"down": 0, "silent": 2, "up": 3}  # any other state cannot tell
_SEEN: Final = {"up": "up", "down": "down"}  # every other ballot looks like `unknown`


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One vantage point now. `state`: one that the style sheet knows; `evidence_ms` None: it never said a word."""

    name: str
    point: str
    site: str
    state: str
    said: str
    why: str
    since: str
    evidence_ms: int | None
    counts: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of votes in an outage."""

    at: str
    state: str
    verdict: str
    tally: str
    casts: tuple[str, ...]
    more: str


@dataclass(frozen=True, slots=True)
class OutageCard:
    """One outage and its votes; `rest`: how many changes are not shown, in words."""

    title: str
    changes: tuple[ChangeRow, ...]
    rest: str


@dataclass(frozen=True, slots=True)
class Ballots:
    """Everything about the votes of one part."""

    rule: str
    verdict: str
    rows: tuple[VoteRow, ...]
    more: str
    outages: tuple[OutageCard, ...]
    rest: str


def draw_votes(view: PlatformView, outages: Sequence[Outage], times: Times, t: Texts) -> Ballots | None:
    """The votes as they stand, and the outages (oldest first), newest first; None where nobody votes."""
    votes = view.votes
    if votes is None:
        return None
    names = {vote.point: _name(vote, t) for vote in votes.votes}
    newest = list(reversed(outages[-OUTAGES_SHOWN:]))
    hidden, unseen = len(outages) - len(newest), len(votes.votes) - POINTS_SHOWN
    return Ballots(
        rule=" ".join(_rule(votes, t)),
        verdict=_verdict(votes, t),
        rows=tuple(_row(vote, times, t) for vote in _shown(votes)),
        more=t.votes_more.format(count=unseen) if unseen > 0 else "",
        outages=tuple(_outage(each, names, times, t) for each in newest),
        rest=t.votes_outages_more.format(count=hidden) if hidden else "",
    )


def _shown(votes: VotesView) -> Sequence[VoteView]:
    """All where there is room, in their order; else those first that do not just say up."""
    if len(votes.votes) <= POINTS_SHOWN:
        return votes.votes
    return sorted(votes.votes, key=lambda vote: _RANK.get(vote.state or "silent", 1))[:POINTS_SHOWN]


def _rule(votes: VotesView, t: Texts) -> Iterator[str]:
    rule = votes.rule
    yield _quorum(rule, t)
    if rule.min_votes > 1:
        yield t.votes_rule_least.format(count=rule.min_votes)
    yield t.votes_rule_none
    yield t.votes_rule_patience.format(length=f"{rule.patience_ms / SECOND_MS:g} s")


def _quorum(rule: Rule, t: Texts) -> str:
    if rule.count is not None:
        return t.votes_rule_count.format(count=rule.count)
    if rule.share.denominator == 2:  # noqa: PLR2004 - one half has a word of its own
        return t.votes_rule_half
    return t.votes_rule_share.format(share=rule.share)


def _verdict(votes: VotesView, t: Texts) -> str:
    return f"{_tally(votes.tally, t)} {t.votes_rest.format(none=votes.tally.none, silent=votes.silent)}"


def _tally(tally: Tally, t: Texts) -> str:
    return t.votes_tally.format(down=tally.down, votes=tally.votes, needed=tally.needed)


def _name(vote: VoteView, t: Texts) -> str:
    return t.votes_own if vote.point == OWN_DEVICE else plain(vote.name, 60)


def _row(vote: VoteView, times: Times, t: Texts) -> VoteRow:
    ballot = "silent" if vote.state is None else _SEEN.get(vote.state, "none")
    latency = f"{vote.latency_ms} ms" if vote.latency_ms is not None and vote.counts else ""
    detail = plain(vote.detail or "", 300)
    if vote.state is None:
        detail = _silence(vote, t)
    elif latency and latency not in detail:
        detail = f"{detail} ({latency})" if detail else latency
    return VoteRow(
        name=_name(vote, t),
        point=vote.point,
        site=plain(vote.site, 60) if vote.site else "–",
        state=_SEEN.get(vote.state or "", "unknown"),
        said=t.named("ballot", ballot),
        why=detail,
        since=times.stamp(vote.since_ms),
        evidence_ms=vote.evidence_ms,
        counts=t.votes_counts if vote.counts else t.votes_counts_not,
    )


def _silence(vote: VoteView, t: Texts) -> str:
    """Why a point says nothing, and what it said last."""
    if vote.last_state is None:
        return t.votes_never
    said = t.votes_last.format(said=t.named("ballot", _SEEN.get(vote.last_state, "none")))
    return f"{t.named('link', vote.link)}; {said}" if vote.link != "online" else f"{t.votes_stopped}; {said}"


def _outage(outage: Outage, names: Mapping[str, str], times: Times, t: Texts) -> OutageCard:
    shown = outage.changes
    if len(shown) > CHANGES_SHOWN:  # the first and the last are what decided it
        shown = (*shown[: CHANGES_SHOWN - 1], shown[-1])
    hidden = len(outage.changes) - len(shown)
    end = t.votes_lasts if outage.lasts else times.stamp(outage.end_ms)
    length = duration(outage.end_ms - outage.start_ms)
    return OutageCard(
        title=f"{times.stamp(outage.start_ms)} – {end} ({length})",
        changes=tuple(_change(change, names, times, t) for change in shown),
        rest=t.votes_changes_more.format(count=hidden) if hidden else "",
    )


def _change(change: Change, names: Mapping[str, str], times: Times, t: Texts) -> ChangeRow:
    casts = [
        f"{names.get(cast.point, plain(cast.point, 60))}: {t.named('ballot', cast.ballot)}"
        + (f" ({plain(cast.detail, 160)})" if cast.detail and cast.ballot != "up" else "")
        for cast in change.cast
    ]
    hidden = len(casts) - CASTS_SHOWN
    return ChangeRow(
        at=f"{times.stamp(change.at_ms)}.{change.at_ms % SECOND_MS:03d}",
        state=change.verdict,
        verdict=t.named("state", change.verdict),
        tally=_tally(change.tally, t),
        casts=tuple(casts[:CASTS_SHOWN]),
        more=t.votes_casts_more.format(count=hidden) if hidden > 0 else "",
    )
