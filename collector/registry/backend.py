"""Where a command's request goes: into the ledger itself, or to the collector that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import msgspec
from sqlalchemy.exc import DatabaseError

from collector.ledger.ledger import Ledger, LedgerBusyError, LedgerError
from collector.ledger.refusal import explain
from collector.ledger.registry_store import apply_request
from collector.registry.files import read_files
from collector.registry.model import Registry
from collector.registry.plan import ApplyAnswer, ApplyRequest, MovedError, make_plan
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

_TIMEOUT_S: Final = 120
_OK: Final = 200
_CONFLICT: Final = 409
_UNUSABLE: Final = 422


class _Refusal(msgspec.Struct):
    findings: list[Finding] = []
    error: str = ""


def apply(path: Path, request: ApplyRequest, now_ms: int) -> ApplyAnswer:
    """Apply, or only plan, a request; through the running collector where one holds the ledger.

    ConfigError where the files, the ledger or the collector refuse.
    """
    if request.dry_run and not path.exists():
        plan = make_plan(Registry(), read_files(request.files))
        return ApplyAnswer(plan.changes, plan.fingerprint, applied=False, journal_head="", warnings=[])
    try:
        return _apply_here(path, request, now_ms)
    except LedgerBusyError as busy:
        status, body = asyncio.run(_post(path, "/registry/apply", request, busy))
        if status == _CONFLICT:
            _refuse_moved(path)
        return msgspec.json.decode(understand(path, status, body), type=ApplyAnswer)


def read_ledger(path: Path, work: Callable[[Connection], T]) -> T:
    """Read from the ledger beside whoever writes it; ConfigError where it cannot be read."""
    with readable(path):
        ledger = Ledger.open_read_only(path)
        try:
            return ledger.read_now(work)
        finally:
            ledger.close()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the ledger's own errors into findings for the operator."""
    try:
        yield
    except LedgerBusyError:
        raise
    except LedgerError as error:
        message, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        raise ConfigError(Finding("ledger.unusable", str(path), "", message, remedy or "check it")) from None
    except DatabaseError as error:
        raise ConfigError(explain(str(path), error.orig)) from None


def _apply_here(path: Path, request: ApplyRequest, now_ms: int) -> ApplyAnswer:
    entries = read_files(request.files)
    with readable(path):
        ledger = Ledger.open(path)
        try:
            return ledger.write_now(lambda found: apply_request(found, request, now_ms, entries=entries)).answer
        except MovedError:
            _refuse_moved(path)
        finally:
            ledger.close()


def ask(path: Path, route: str, request: msgspec.Struct, busy: LedgerBusyError, timeout_s: float = _TIMEOUT_S) -> bytes:
    """Post a request to the collector that holds the ledger: its answer's body; ConfigError where it refuses."""
    return understand(path, *asyncio.run(_post(path, route, request, busy, timeout_s)))


async def _post(
    path: Path, route: str, request: msgspec.Struct, busy: LedgerBusyError, timeout_s: float = _TIMEOUT_S
) -> tuple[int, bytes]:
    import aiohttp

    from collector.admin import socket_path

    where = socket_path(path)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(where)), timeout=timeout) as session,
            session.post(f"http://collector{route}", data=msgspec.json.encode(request)) as response,
        ):
            return response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ConfigError(_unreachable(where, busy, error, timeout_s)) from None


def understand(path: Path, status: int, body: bytes) -> bytes:
    """The body of a good answer; ConfigError with what the collector says otherwise."""
    if status == _OK:
        return body
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # not from our own handlers
        refusal = _Refusal(error=body.decode(errors="replace")[:200].strip())
    if status == _UNUSABLE and refusal.findings:
        raise ConfigError(*refusal.findings)
    said = refusal.error
    message = f"the running collector answered {status}: {said}"
    raise ConfigError(Finding("registry.collector", str(path), "", message, "look at the collector's log"))


def _refuse_moved(path: Path) -> NoReturn:
    message = "the registry was changed while you looked at the difference; nothing was applied"
    raise ConfigError(Finding("registry.moved", str(path), "", message, "run the command again"))


def _unreachable(where: Path, busy: LedgerBusyError, error: Exception, timeout_s: float) -> Finding:
    cause = error.__cause__ or error
    if isinstance(error, PermissionError) or isinstance(cause, PermissionError):
        message, remedy = "belongs to another user", "run the command as the collector's user, or as root"
    elif isinstance(error, TimeoutError):
        message, remedy = f"did not answer within {timeout_s:g} s", "look at the collector's log"
    else:
        message = f"cannot be reached ({error}), though process {busy.pid or '?'} holds the ledger"
        remedy = "wait until it has started or ended, and run the command again"
    return Finding("registry.collector", str(where), "", message, remedy)
