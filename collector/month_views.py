"""PURE. What the page and the API are told of an agreement's months, and what they may ask to be drawn of one.

Views like those of `views.py`: the web package knows them and nothing behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from collector.sla.service import Language, Phrase

MonthStatus = Literal["running", "settling", "closed"]
PaperForm = Literal["report", "claim", "csv", "json", "bundle"]


@dataclass(frozen=True, slots=True)
class ProvisionalView:
    """The figure of a month that is not closed, as it was at `computed_ms`. Coverage: exact shares of 1."""

    percent: str | None  # as the contract rounds
    coverage_players: Fraction | None
    coverage_platform: Fraction | None
    computed_ms: int


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One revision of a closed month. `changes`: since the one before."""

    number: int
    at_ms: int
    who: str
    why: Phrase
    seal: str
    percent: str | None
    discount: Phrase
    changes: Sequence[Phrase] = ()


@dataclass(frozen=True, slots=True)
class WaitingView:
    """What the next revision of a closed month waits for; it is made at `latest_ms` at the latest."""

    told: Phrase
    latest_ms: int


@dataclass(frozen=True, slots=True)
class MonthView:
    """One month of an agreement. `settling`: over, but evidence may still come.

    `settles_ms`: it closes by itself then, or earlier once everybody has reported; None: nobody judges it any more.
    `revisions`: the oldest first, none before it was closed. `figure`: of a month that is not closed, once known.
    """

    month: str
    status: MonthStatus
    settles_ms: int | None
    figure: ProvisionalView | None = None
    revisions: Sequence[RevisionView] = ()
    waiting: WaitingView | None = None


@dataclass(frozen=True, slots=True)
class PaperRequest:
    """What is to be drawn of a closed month. `revision` 0: the latest."""

    tenant: str
    contract: str
    month: str
    revision: int
    form: PaperForm
    language: Language = "en"


@dataclass(frozen=True, slots=True)
class Paper:
    """A drawn file: its name, its MIME type, its bytes."""

    name: str
    content_type: str
    body: bytes


class PressBusyError(Exception):
    """Too many wait to have something drawn; ask again later."""
