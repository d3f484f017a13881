"""PURE. What a channel is, what it may answer, and what follows from the answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from collector.backoff import backoff_ms

if TYPE_CHECKING:
    import aiohttp

    from collector.ledger.alert_store import Delivery, StoredAlert

_FIRST_WAIT_MS: Final = 2_000
LONGEST_WAIT_MS: Final = 300_000
HORIZON_MS: Final = 4_000_000  # no delivery is ever put off further than this (Retry-After is at most an hour)
_NAMESPACE: Final = uuid.UUID("6f6b1c5e-6a55-5f0c-9a6e-0f4b9d1c7a21")


class Taken(NamedTuple):
    """The channel has it."""


class NotNow(NamedTuple):
    """Nobody answered, or the answer asks to come back: the same thing may be taken later."""

    error: str
    retry_after_ms: int | None = None


class Refused(NamedTuple):
    """The answer says that this will not be taken like this (a wrong URL, a wrong password, a body it dislikes)."""

    error: str


Outcome = Taken | NotNow | Refused


class Patience(NamedTuple):
    """How often a refusal is asked again, and how long silence is put up with (but never fewer attempts)."""

    attempts: int = 5
    give_up_ms: int = 259_200_000


class Later(NamedTuple):
    """Try again at `at_ms`."""

    at_ms: int
    error: str


class GiveUp(NamedTuple):
    """Do not try again; keep it visible."""

    error: str


class Channel(Protocol):
    """One way to tell somebody. `refresh_ms`: how often open alerts are said again; None where once is enough."""

    name: str
    patience: Patience
    refresh_ms: int | None

    async def deliver(self, session: aiohttp.ClientSession, delivery: Delivery, now_ms: int) -> Outcome:
        """Tell of one opening or closing. At least once: after a crash the same delivery comes again."""

    async def refresh(self, session: aiohttp.ClientSession, alerts: Sequence[StoredAlert], now_ms: int) -> Outcome:
        """Say again what is open."""


def after(
    outcome: NotNow | Refused,
    delivery: Delivery,
    patience: Patience,
    now_ms: int,
    random: Callable[[], float] | None = None,
) -> Later | GiveUp:
    """What to do with a delivery that was not taken; `delivery.attempts` are those before this one."""
    attempts = delivery.attempts + 1
    if isinstance(outcome, Refused) and attempts >= patience.attempts:
        return GiveUp(f"{outcome.error} (given up after {attempts} attempts)")
    if now_ms - delivery.queued_ms >= patience.give_up_ms and attempts >= patience.attempts:
        return GiveUp(f"{outcome.error} (given up after {patience.give_up_ms // 3_600_000} h, {attempts} attempts)")
    wait_ms = backoff_ms(attempts, _FIRST_WAIT_MS, LONGEST_WAIT_MS, *([random] if random else []))
    asked_ms = outcome.retry_after_ms if isinstance(outcome, NotNow) else None
    return Later(now_ms + max(wait_ms, asked_ms or 0), outcome.error)


def idempotency_key(alert: StoredAlert, event: str) -> str:
    """One UUID for one event of one alert: the same for every attempt, restart and copy of the ledger."""
    view = alert.view
    about = f"{view.kind}/{view.subject}" if view.subject else view.kind
    return str(uuid.uuid5(_NAMESPACE, f"{view.agreement}/{about}/{view.opened_ms}/{event}"))
