"""PURE. How long to wait before asking again: exponential, with full jitter, heeding what the server asks for."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from secrets import SystemRandom
from typing import TYPE_CHECKING, Final

from common.clock import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_RETRY_AFTER_MS: Final = 3_600_000  # a server that asks for more is asked after an hour
_LARGEST_EXPONENT: Final = 30
_random: Final = SystemRandom().random


def backoff_ms(attempt: int, first_ms: int, longest_ms: int, random: Callable[[], float] = _random) -> int:
    """The wait before the next attempt after `attempt` failures (1, 2, …), in milliseconds.

    Full jitter: evenly anywhere between a tenth of the step and the whole of it, so that a thousand clients that lost
    the same server do not come back in step.
    """
    step = min(longest_ms, first_ms << min(max(attempt, 1) - 1, _LARGEST_EXPONENT))
    return round(step * (0.1 + 0.9 * random()))


def retry_after_ms(header: str | None, now_ms: int) -> int | None:
    """What a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds or a date), in milliseconds, at most an hour.

    None where there is no header or nobody can read it.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * 1000, _LONGEST_RETRY_AFTER_MS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0, to_ms(aware) - now_ms), _LONGEST_RETRY_AFTER_MS)
