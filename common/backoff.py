"""PURE. When a lost connection is tried again: by agents, virtual players and the collector alike.

Full jitter (uniform between nothing and the whole step) spreads a fleet that lost its broker at one moment better than
any other: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

STABLE_S: Final = 60.0  # a session that lasted so long starts the back-off anew; two agents with one name must not race
_LARGEST_EXPONENT: Final = 32


def attempts_after(attempts: int, lasted_s: float | None) -> int:
    """How many attempts in a row failed or did not last, when one more has ended; `lasted_s` None: it never came up."""
    return 1 if lasted_s is not None and lasted_s >= STABLE_S else attempts + 1


def back_off_s(attempt: int, least_s: float, most_s: float, uniform: Callable[[float, float], float]) -> float:
    """Exponential back-off with full jitter: uniform in (0, min(most, least × 2^attempt)), in seconds."""
    return uniform(0.0, min(most_s, least_s * 2.0 ** min(attempt, _LARGEST_EXPONENT)))
