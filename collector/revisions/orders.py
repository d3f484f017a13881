"""PURE. What an operator orders of a month and what is answered: on the command line and over the admin socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from collector.registry.plan import Who
from collector.sla.instants import format_instant
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collector.revisions.closing import Reason


class CloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Close a month, or close it again. `tenant` "": the only one. `now`: though evidence may still come."""

    contract: str
    month: str
    who: Who
    tenant: str = ""
    now: bool = False
    why: str = ""


class CloseAnswer(msgspec.Struct, frozen=True):
    """The month's latest revision. `made`: it was made by this order. `manifest`: its own, as JSON."""

    made: bool
    seal: str
    manifest: msgspec.Raw
    journal_head: str = ""


def check_reason(request: CloseRequest) -> None:
    """ConfigError where the order closes by hand and gives no reason, or one that no journal keeps."""
    if request.now and not request.why.strip():
        message = "is needed with --now: the journal keeps why a month was closed by hand"
        raise ConfigError(Finding("close.why", "--why", "", message, 'say it, such as --why "the customer agreed"'))


def check_time(request: CloseRequest, end_ms: int, settles_ms: int, reason: Reason | None, now_ms: int) -> None:
    """ConfigError where the month is not over, or may not be closed yet and nobody insists."""
    if now_ms < end_ms:
        message = f"{request.month} is not over; it ends at {format_instant(end_ms)}"
        raise ConfigError(Finding("close.running", "--month", "", message, "close it afterwards"))
    if reason is None and not request.now and now_ms >= settles_ms:
        message = (
            f"this machine's clock says {format_instant(now_ms)}, but no agent with a synchronised clock, heard since"
            f" {request.month} ended, knows of a time after {format_instant(end_ms)}"
        )
        remedy = 'set the clock; if it is right, close the month by hand with --now --why "…"'
        raise ConfigError(Finding("close.clock_ahead", "--month", "", message, remedy))
    if reason is None and not request.now:
        message = f"{request.month} is provisional: evidence may still come until {format_instant(settles_ms)}"
        remedy = 'wait until then, or close it by hand with --now --why "…"'
        raise ConfigError(Finding("close.provisional", "--month", "", message, remedy))
