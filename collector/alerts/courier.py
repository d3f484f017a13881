"""The outbox at work: one courier a channel, so that a channel that hangs delays nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from collector.alerts.channel import HORIZON_MS, LONGEST_WAIT_MS, Channel, GiveUp, NotNow, Refused, Taken, after
from collector.backoff import backoff_ms
from collector.ledger import alert_store as store

if TYPE_CHECKING:
    import aiohttp

    from collector.ledger.ledger import Ledger
    from common.clock import Clock

log = structlog.get_logger(__name__)
_LONGEST_SLEEP_MS: Final = 60_000  # a wall clock that steps must not make a courier oversleep
_FIRST_WAIT_MS: Final = 1_000


class Courier:
    """Carries what the outbox holds for one channel, oldest first, and says again what is open where that is asked."""

    def __init__(
        self,
        channel: Channel,
        ledger: Ledger,
        clock: Clock,
        open_alerts: Callable[[], Sequence[store.StoredAlert]],
    ) -> None:
        self._channel = channel
        self._ledger = ledger
        self._clock = clock
        self._open_alerts = open_alerts
        self._news = asyncio.Event()
        self._refresh_at_ms: int | None = 0 if channel.refresh_ms is not None else None
        self._refresh_failures = 0

    def wake(self) -> None:
        """Something new is in the outbox."""
        self._news.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Carry until cancelled. A ledger that cannot be used for a while is waited for."""
        failures = 0
        while True:
            self._news.clear()
            try:
                await self._carry(session)
                await self._refresh(session)
                wait_ms = await self._wait_ms()
                failures = 0
            except SQLAlchemyError:
                failures += 1
                log.exception("alert_outbox_unavailable", channel=self._channel.name)
                wait_ms = backoff_ms(failures, _FIRST_WAIT_MS, _LONGEST_SLEEP_MS)
            await self._sleep(wait_ms)

    async def _carry(self, session: aiohttp.ClientSession) -> None:
        name = self._channel.name
        while True:
            now_ms = self._clock.wall_ms()
            due = await self._ledger.read(lambda c, now=now_ms: store.read_due(c, name, now, HORIZON_MS))  # type: ignore[misc]
            if not due:
                return
            for delivery in due:
                await self._deliver(session, delivery)

    async def _deliver(self, session: aiohttp.ClientSession, delivery: store.Delivery) -> None:
        outcome = await self._channel.deliver(session, delivery, self._clock.wall_ms())
        now_ms, attempts = self._clock.wall_ms(), delivery.attempts + 1
        if isinstance(outcome, Taken):
            await self._ledger.write(lambda c: store.mark_delivered(c, delivery.id, attempts, now_ms))
            return
        names = {"channel": delivery.channel, "alert": delivery.alert.view.id, "alert_event": delivery.event}
        verdict = after(outcome, delivery, self._channel.patience, now_ms)
        if isinstance(verdict, GiveUp):
            log.error("alert_delivery_failed", **names, error=verdict.error)
            await self._ledger.write(lambda c: store.mark_failed(c, delivery.id, attempts, now_ms, verdict.error))
        else:
            log.warning("alert_delivery_postponed", **names, error=verdict.error, retry_ms=verdict.at_ms - now_ms)
            await self._ledger.write(
                lambda c: store.mark_postponed(c, delivery.id, attempts, verdict.at_ms, verdict.error)
            )

    async def _refresh(self, session: aiohttp.ClientSession) -> None:
        if self._channel.refresh_ms is None or self._refresh_at_ms is None:
            return
        now_ms = self._clock.wall_ms()
        if 0 < self._refresh_at_ms - now_ms <= HORIZON_MS:
            return  # later than that only if the clock has stepped back
        outcome = await self._channel.refresh(session, self._open_alerts(), now_ms)
        self._refresh_at_ms = now_ms + self._refresh_wait_ms(outcome, self._channel.refresh_ms)

    def _refresh_wait_ms(self, outcome: Taken | NotNow | Refused, refresh_ms: int) -> int:
        if isinstance(outcome, Taken):
            self._refresh_failures = 0
            return refresh_ms
        self._refresh_failures += 1
        log.warning("alert_refresh_failed", channel=self._channel.name, error=outcome.error)
        asked_ms = outcome.retry_after_ms if isinstance(outcome, NotNow) else None
        return max(min(refresh_ms, backoff_ms(self._refresh_failures, _FIRST_WAIT_MS, LONGEST_WAIT_MS)), asked_ms or 0)

    async def _wait_ms(self) -> int:
        name, now_ms = self._channel.name, self._clock.wall_ms()
        due_ms = await self._ledger.read(lambda c: store.read_next_due(c, name))
        known = [due for due in (due_ms, self._refresh_at_ms) if due is not None]
        return max(0, min([_LONGEST_SLEEP_MS, *(due - now_ms for due in known)]))

    async def _sleep(self, wait_ms: int) -> None:
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._news.wait()
        except TimeoutError:
            return
