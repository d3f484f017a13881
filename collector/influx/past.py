"""PURE. What a snapshot at a past instant would have said, from what the ledger holds today.

The live feed tells what was known at the moment; this tells what is known now of that moment: evidence that came later
is in it, and so are today's registry and windows. Rulings count from when they were made, as everywhere. What nobody
kept (how a device's link was, how fast a portal answered, host figures) is absent, not guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from collector.figures import Agreement, Agreements, count, current_month, down_limit, figure_view, is_emitting
from collector.influx import points
from collector.registry.model import Registry, Subject, player_name
from collector.sla.burn import LOOKBACK_MS, burn_rates, stretch
from collector.sla.columns import Columns
from collector.sla.intervals import Interval
from collector.sla.sweep import judge_fleet
from collector.sla.tally import MonthSpan, month_span, tally_subject
from collector.sla.timeline import Evidence
from collector.views import AlertView, FigureView, PlatformView, PlayerView

if TYPE_CHECKING:
    from collector.ledger.month_store import Stay


class History:
    """One subject's runs. An open run still speaks for `silent_after_ms` after its last statement, as it does live."""

    def __init__(self, stays: Sequence[Stay] = (), silent_after_ms: int = 0) -> None:
        self._stays = stays  # in painting order, hence by start
        self._starts = [stay.start_ms for stay in stays]
        self._until = [stay.end_ms if stay.closed else stay.end_ms + silent_after_ms for stay in stays]
        self._furthest = list(accumulate(self._until, max))
        self._evidence = list(accumulate((stay.end_ms for stay in stays), max))

    def at(self, at_ms: int) -> Stay | None:
        """The run that is painted over an instant; None: nobody knows."""
        number = bisect_right(self._starts, at_ms) - 1
        while number >= 0 and self._furthest[number] > at_ms:
            if self._until[number] > at_ms:
                return self._stays[number]
            number -= 1
        return None

    def evidence_ms(self, at_ms: int) -> int | None:
        """Up to when evidence reached, at most the instant itself; None: there was none."""
        number = bisect_right(self._starts, at_ms) - 1
        return min(at_ms, self._evidence[number]) if number >= 0 else None


_NOTHING: Final = History()


@dataclass(frozen=True, slots=True)
class Moment:
    """What each subject was at one instant (collector.figures.Present)."""

    histories: Mapping[str, History]
    at_ms: int

    def current(self, subject: Subject) -> Stay | None:
        """The run that is painted over the instant."""
        return self.histories.get(subject.key, _NOTHING).at(self.at_ms)

    def standing(self, subject: Subject) -> tuple[str, str | None, int | None, int | None]:
        """State, cause, since when, and up to when there is evidence."""
        stay, evidence_ms = self.current(subject), self.histories.get(subject.key, _NOTHING).evidence_ms(self.at_ms)
        if stay is None:
            return "unknown", None, evidence_ms, evidence_ms
        return stay.state, stay.cause, stay.start_ms, evidence_ms


@dataclass(frozen=True, slots=True)
class Chapter:
    """Everything that snapshots within some stretch of time need, during which nobody ruled on anything.

    `histories` by subject; `columns` (the months' runs) and `burnt` (accountable time) by agreement.
    """

    registry: Registry
    agreements: Agreements
    subjects: Sequence[Subject]
    histories: Mapping[str, History]
    columns: Mapping[str, Columns]
    burnt: Mapping[str, Sequence[Sequence[Interval]]]
    alerts: Sequence[AlertView]
    down_over: Callable[[str], Fraction | None]  # the alarm's configured limit of an agreement

    def lines(self, at_ms: int) -> list[str]:
        """The snapshot of one instant."""
        moment = Moment(self.histories, at_ms)
        return points.snapshot_points(
            [self._player(subject, moment) for subject in self.subjects if subject.kind == "player"],
            [_platform(subject, moment) for subject in self.subjects if subject.kind == "platform"],
            [self._figure(agreement, moment) for agreement in self.agreements.by_key.values()],
            [alert for alert in self.alerts if is_open(alert, at_ms)],
            at_ms,
            past=True,
        )

    def _player(self, subject: Subject, moment: Moment) -> PlayerView:
        state, cause, since_ms, evidence_ms = moment.standing(subject)
        device = self.registry.devices.get(f"{subject.tenant}/{subject.device}")
        return PlayerView(
            subject=subject.key,
            tenant=subject.tenant,
            site=device.site if device else None,
            device=subject.device,
            output=subject.id,
            name=player_name(subject, device),
            contract=subject.contract,
            state=state,
            cause=cause,
            detail=None,
            since_ms=since_ms,
            evidence_ms=evidence_ms,
            link="never",  # not told of a past instant
            emitting=is_emitting(subject, self.agreements.emissions[subject.key], moment.at_ms),
            clock=None,
        )

    def _figure(self, agreement: Agreement, moment: Moment) -> FigureView:
        contract, decisions, at_ms = agreement.contract, agreement.decisions, moment.at_ms
        month = current_month(contract, at_ms)
        judged = [judged for _, judged in agreement.subjects]
        rulings = {
            number: decisions.rulings[subject.key]
            for number, (subject, _) in enumerate(agreement.subjects)
            if subject.key in decisions.rulings
        }
        columns = self.columns[agreement.key]
        (figure,) = judge_fleet(contract, [month], at_ms, judged, columns, decisions.windows, rulings)
        configured = self.down_over(agreement.key)
        limit = down_limit(contract) if configured is None else configured
        census = count(moment, agreement, self.agreements.emissions, at_ms)
        frame = agreement.frame(month)
        burn = burn_rates(frame, self.burnt[agreement.key], at_ms) if frame else ()
        return figure_view(agreement, month_span(contract, month, at_ms), figure, census, at_ms, limit, burn)


def _platform(subject: Subject, moment: Moment) -> PlatformView:
    state, cause, since_ms, evidence_ms = moment.standing(subject)
    return PlatformView(
        subject=subject.key,
        tenant=subject.tenant,
        platform=subject.id,
        name=subject.name or subject.id,
        contract=subject.contract,
        state=state,
        cause=cause,
        detail=None,
        since_ms=since_ms,
        evidence_ms=evidence_ms,
        url=None,
    )


def burnt(
    agreement: Agreement, stays: Iterable[Sequence[Stay]], start_ms: int, end_ms: int
) -> list[Sequence[Interval]]:
    """The accountable time of each subject that the burn rates of `[start_ms, end_ms)` look at, ruled on by its start.

    One reckoning serves every instant in between, since a burn rate looks at nothing after its own.
    """
    span = stretch(start_ms - LOOKBACK_MS, end_ms, start_ms)
    windows, rulings = agreement.decisions.windows, agreement.decisions.rulings
    found: list[Sequence[Interval]] = []
    for (subject, judged), own in zip(agreement.subjects, stays, strict=True):
        runs = [Evidence(stay.start_ms, stay.end_ms, stay.state, stay.cause) for stay in own if touches(stay, span)]
        ruled = rulings.get(subject.key, ())
        found.append(tally_subject(agreement.contract, span, judged, runs, windows, ruled).accountable)
    return found


def touches(stay: Stay, span: MonthSpan) -> bool:
    """Whether a run says anything of a stretch."""
    return stay.end_ms > span.start_ms and stay.start_ms < span.end_ms


def is_open(alert: AlertView, at_ms: int) -> bool:
    """Whether a snapshot of this instant shows the alert: it is taken before anything is decided by it."""
    return alert.opened_ms < at_ms and (alert.closed_ms is None or at_ms <= alert.closed_ms)


def alert_lines(alerts: Iterable[AlertView], start_ms: int, end_ms: int) -> list[tuple[int, str]]:
    """The openings and closings in `[start_ms, end_ms)`, each with its instant."""
    found: list[tuple[int, str]] = []
    for alert in alerts:
        if start_ms <= alert.opened_ms < end_ms:
            found.append((alert.opened_ms, points.alert_point(replace(alert, closed_ms=None, close_reason=None))))
        if alert.closed_ms is not None and start_ms <= alert.closed_ms < end_ms:
            found.append((alert.closed_ms, points.alert_point(alert)))
    return found
