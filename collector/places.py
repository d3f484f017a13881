"""PURE. Where a subject's evidence comes from, and how what many vantage points say becomes runs like any other.

A player's runs are its own device's. A platform part's are the collector's own check, unless the registry lets others
vote (`check.votes`, docs/vantage-points.md): then the runs of all of them are votes, and the part's runs are judged by
them (collector/vantage.py), each time anew, by whoever reads a timeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from collector.evidence import RunRow
from collector.registry.entries import read_quorum
from collector.registry.model import OWN_DEVICE, Registry, Subject, VoteRule
from collector.steps import to_the_end
from collector.vantage import Rule, Tally, Vote, ballot_of, explain, judging, needed, verdict
from wire.topics import Address
from wire.votes import output_of

if TYPE_CHECKING:
    from collector.vantage import Ballot
    from collector.views import ClockSource

Place = tuple[Address, str]  # an output of a device

EVERYBODY: Final = "*"
JUDGED_SPOOL: Final = "votes"  # of judged runs, where others have the id of the spool that numbered them
_MS: Final = 1000
_NOBODY: Final = -1  # no device of the ledger said it


class Said(Protocol):
    """A run, as far as it can be a vote."""

    @property
    def start_ms(self) -> int: ...  # noqa: D102
    @property
    def end_ms(self) -> int: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def detail(self) -> str | None: ...  # noqa: D102
    @property
    def clock(self) -> ClockSource: ...  # noqa: D102


def place_of(subject: Subject) -> Place:
    """Which device's output a subject's own evidence is: a player's; of a platform part the collector's own check."""
    return Address(subject.tenant, subject.device or OWN_DEVICE), subject.id


def points_of(registry: Registry, subject: Subject) -> dict[str, Place]:
    """The vantage points of a platform part by name (a device's id; `_collector`); empty where nobody votes."""
    votes = subject.votes
    if votes is None:
        return {}
    named = votes.points
    if EVERYBODY in named:
        named = [device.id for device in registry.devices.values() if device.tenant == subject.tenant]
    points = {name: (Address(subject.tenant, name), output_of(subject.id)) for name in sorted(named)}
    if subject.check is not None and subject.check.url:
        points[OWN_DEVICE] = place_of(subject)
    return points


def places_of(registry: Registry, subject: Subject) -> list[Place]:
    """Every output on which a subject's state hangs."""
    return list(points_of(registry, subject).values()) if subject.votes is not None else [place_of(subject)]


def rule_of(votes: VoteRule) -> Rule:
    """The registry's keys as the rule that judges."""
    share, count = read_quorum(votes.quorum)
    return Rule(share, count, votes.min_votes, patience_ms(votes))


def patience_ms(votes: VoteRule) -> int:
    """For how long a vantage point is waited for."""
    return round(votes.patience_s * _MS)


def judged_runs(
    subject: Subject, votes: VoteRule, said: Mapping[str, Iterable[Said]], start_ms: int, end_ms: int
) -> list[RunRow]:
    """The runs of a platform part within `[start_ms, end_ms)`. `said`: each point's runs in painting order."""
    return to_the_end(judging_runs(subject, votes, said, start_ms, end_ms))


def judging_runs(
    subject: Subject, votes: VoteRule, said: Mapping[str, Iterable[Said]], start_ms: int, end_ms: int
) -> Generator[None, None, list[RunRow]]:
    """Do what `judged_runs` does in steps of a few milliseconds. What is said meanwhile may or may not count."""
    cast: dict[str, list[Vote]] = {}
    for point, runs in said.items():
        cast[point] = _votes_of(runs)
        yield
    found = yield from judging(cast, rule_of(votes), start_ms, end_ms)
    return [_row(subject, one.start_ms, one.end_ms, one.state, one.detail, one.clock) for one in found]


def votes_of(said: Mapping[str, Iterable[Said]]) -> dict[str, list[Vote]]:
    """What each point said, as votes."""
    return {point: _votes_of(runs) for point, runs in said.items()}


def _votes_of(runs: Iterable[Said]) -> list[Vote]:
    return [Vote(run.start_ms, run.end_ms, run.state, run.detail, run.clock) for run in runs]


def judged_now(subject: Subject, votes: VoteRule, said: Mapping[str, RunRow | None], before: Sequence[Said]) -> RunRow:
    """What a platform part is at this moment, by what each point says of this moment (None: nothing).

    `before`: the last of its judged runs, the newest last; they tell since when the part has been so.
    """
    sides: dict[Ballot, dict[str, str | None]] = {"up": {}, "down": {}, "none": {}}
    for point, run in said.items():
        if run is not None:
            sides[ballot_of(run.state)][point] = run.detail
    tally = tally_now(votes, said)
    state = verdict(rule_of(votes), tally.up, tally.down)
    latest_ms = max((run.end_ms for run in said.values() if run is not None), default=0)
    since_ms = _since_ms(before, state, patience_ms(votes))
    return _row(subject, latest_ms if since_ms is None else since_ms, latest_ms, state, explain(sides, tally), "synced")


def _since_ms(before: Sequence[Said], state: str, waits_ms: int) -> int | None:
    """Since when it has been so; None: since now. The newest seconds, in which somebody is awaited, are no break."""
    if not before:
        return None
    last = before[-1]
    if last.state == state:
        return last.start_ms
    awaited = last.state == "unknown" and last.end_ms - last.start_ms <= waits_ms
    if awaited and len(before) > 1 and (before[-2].state, before[-2].end_ms) == (state, last.start_ms):
        return before[-2].start_ms
    return None


def tally_now(votes: VoteRule, said: Mapping[str, Said | None]) -> Tally:
    """The votes of this moment, by what each point says of it (None: nothing)."""
    counts = Counter(ballot_of(run.state) for run in said.values() if run is not None)
    up, down = counts["up"], counts["down"]
    return Tally(up, down, counts["none"], needed=needed(rule_of(votes), up + down))


def _row(subject: Subject, start_ms: int, end_ms: int, state: str, detail: str, clock: ClockSource) -> RunRow:
    return RunRow(
        device_id=_NOBODY,
        spool=JUDGED_SPOOL,
        seq=start_ms,
        output=subject.id,
        state=state,
        cause=None,
        detail=detail or None,
        closed=True,
        boot="",
        end_boot="",
        start_mono_ms=start_ms,
        end_mono_ms=end_ms,
        said_start_ms=start_ms,
        said_end_ms=end_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        clock=clock,
    )
