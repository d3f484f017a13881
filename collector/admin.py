"""The running collector's admin socket: what operators decide goes to the process that holds the ledger.

A Unix socket beside the ledger (`<ledger>.sock`, mode 0600: the collector's own user and root), speaking HTTP:

    POST /registry/apply   an `ApplyRequest` as JSON → 200 `ApplyAnswer` · 400 no request · 409 changed meanwhile ·
                           422 `{"findings": […]}` · 500 applied, but not taken over
    POST /decisions        a `DecisionRequest` (window, ruling) → 200 `DecisionAnswer` · 400 · 422 · 500 likewise
    POST /quarantine       a `QuarantineRequest` (retry, drop) → 200 `QuarantineAnswer` · 400 · 422
    POST /tenant/erase     an `EraseRequest` → 200 `EraseAnswer` · 400 · 422 · 500 erased, but not taken over
    POST /revisions        a `CloseRequest` → 200 `CloseAnswer` · 400 · 422
    GET  /registry         the registry as `?format=toml` (default) or `csv`
    GET  /journal/head     `{"head": "42:9f2c…"}`
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import structlog
from aiohttp import web
from sqlalchemy.exc import DatabaseError

from collector.decisions.orders import DecisionAnswer, DecisionRequest
from collector.erasure.model import EraseAnswer, EraseRequest
from collector.ledger import journal
from collector.ledger.decisions_store import Decided, decide, read_every_decision
from collector.ledger.refusal import explain
from collector.ledger.registry_store import Applied, apply_request, read_registry
from collector.quarantine.orders import QuarantineAnswer, QuarantineRequest
from collector.registry.export import to_csv, to_toml
from collector.registry.files import read_files
from collector.registry.plan import ApplyAnswer, ApplyRequest, MovedError
from collector.revisions.orders import CloseAnswer, CloseRequest
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.decisions.model import Decisions
    from collector.erasure.shell import Eraser
    from collector.ledger.access import LedgerAccess
    from collector.registry.model import Registry
    from common.clock import Clock

T = TypeVar("T")
R = TypeVar("R", bound=msgspec.Struct)
log = structlog.get_logger(__name__)

NOT_TAKEN_OVER: Final = "applied, but the running collector could not take it over; restart it"
MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
_FINISH_WITHIN_S: Final = 5  # the requests in hand
_LONGEST_PATH: Final = 107  # bytes in sockaddr_un (unix(7)), without the closing zero


class NotTakenOverError(Exception):
    """The change is in the ledger, but the running collector goes on with what it had."""


@dataclass
class AdminDesk:
    """What the running collector lends to its admin socket.

    `registry_changed` is told of each change after it was committed, in the order of the commits; `decisions_changed`
    of every tenant's windows and rulings whenever one was decided, or the registry changed: a site's window covers who
    stands there now. `contracts`: the ids that the collector judges by.
    """

    ledger: LedgerAccess
    clock: Clock
    registry_changed: Callable[[Registry], Awaitable[None]]
    contracts: Collection[str]
    decisions_changed: Callable[[Mapping[str, Decisions]], Awaitable[None]] | None = None
    quarantine: Callable[[QuarantineRequest], Awaitable[QuarantineAnswer]] | None = None
    eraser: Eraser | None = None
    close: Callable[[CloseRequest], Awaitable[CloseAnswer]] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def apply(self, request: ApplyRequest) -> Applied:
        """Apply, or only plan; ConfigError or MovedError where that cannot be."""
        # Thousands of rows take a second to read: not in the event loop, and not in the ledger's only writing thread.
        entries = await asyncio.to_thread(read_files, request.files)

        def work(connection: Connection) -> Applied:
            now_ms = self.clock.wall_ms()
            return apply_request(connection, request, now_ms, entries=entries, contracts=self.contracts)

        async with self._turn:
            applied = await self.ledger.write(work)
            if applied.answer.applied and applied.answer.changes:
                count = len(applied.answer.changes)
                log.info("registry_changed", changes=count, who=request.who, head=applied.answer.journal_head)
                await _taken_over(self.registry_changed(applied.registry))
                await self._decisions_taken_over(await self.ledger.read(read_every_decision))
        return applied

    async def decide(self, request: DecisionRequest) -> DecisionAnswer:
        """Announce, cancel, import or rule, dated by the collector's clock; ConfigError where that cannot be."""

        def work(connection: Connection) -> Decided:
            return decide(connection, request, self.clock.wall_ms())

        async with self._turn:
            decided = await self.ledger.write(work)
            answer = decided.answer
            if answer.applied:
                count = len(answer.announced) + len(answer.cancelled) + len(answer.ruled)
                log.info("decided", changes=count, who=request.who, head=answer.journal_head)
                await self._decisions_taken_over(decided.decisions)
        return answer

    async def quarantined(self, request: QuarantineRequest) -> QuarantineAnswer:
        """Take refused messages in once more, or drop them."""
        if self.quarantine is None:
            raise ConfigError(Finding("quarantine.none", "", "", "nothing is taken in here", "ask the collector"))
        try:
            answer = await self.quarantine(request)
        except DatabaseError as error:
            message = f"the ledger cannot be written ({error.orig})"
            remedy = "see that its disk has room, and run the command again"
            raise ConfigError(Finding("quarantine.ledger", "", "", message, remedy)) from None
        taken = sum(result.taken for result in answer.retried)
        log.info("quarantine", who=request.who, taken=taken, tried=len(answer.retried), dropped=answer.dropped)
        return answer

    async def close_month(self, request: CloseRequest) -> CloseAnswer:
        """Close a month as a revision; ConfigError where that cannot be."""
        if self.close is None:
            raise ConfigError(Finding("close.none", "", "", "nothing is closed here", "ask the collector"))
        return await self.close(request)

    async def erase(self, request: EraseRequest) -> EraseAnswer:
        """Erase a tenant, or only look; ConfigError where there is none."""
        if self.eraser is None:
            raise ConfigError(Finding("tenant.erase", "admin", "", "this collector erases nothing", "update signwatch"))
        async with self._turn:
            answer = await self.eraser(request)
        if answer.certificate is not None and not answer.again:
            log.warning("tenant_erased", tenant=request.tenant, who=request.who, head=answer.certificate.journal_head)
        return answer

    async def _decisions_taken_over(self, decisions: Mapping[str, Decisions]) -> None:
        if self.decisions_changed is not None:
            await _taken_over(self.decisions_changed(decisions))


async def _taken_over(telling: Awaitable[None]) -> None:
    try:
        await telling
    except Exception as error:
        log.exception("not_taken_over")
        raise NotTakenOverError from error


class AdminServer:
    """The listening socket; `close` stops it and removes the file."""

    def __init__(self, path: Path, runner: web.AppRunner) -> None:
        self.path = path
        self._runner = runner

    async def close(self) -> None:
        """Finish the requests in hand, then stop listening."""
        await self._runner.cleanup()
        self.path.unlink(missing_ok=True)


_DESK: Final = web.AppKey("desk", AdminDesk)


def socket_path(ledger: Path) -> Path:
    """Where the collector that holds this ledger listens."""
    return Path(f"{ledger}.sock")


async def serve_admin(path: Path, desk: AdminDesk) -> AdminServer:
    """Listen on the Unix socket `path`; ConfigError where that cannot be.

    Call it only while holding the ledger's lock: a socket that a dead collector left there is replaced.
    """
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    app[_DESK] = desk
    app.add_routes(
        [
            web.post("/registry/apply", _apply),
            web.post("/decisions", _decide),
            web.post("/quarantine", _quarantine),
            web.post("/tenant/erase", _erase),
            web.post("/revisions", _close),
            web.get("/registry", _export),
            web.get("/journal/head", _head),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_FINISH_WITHIN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind(path)).start()
    except ConfigError:
        await runner.cleanup()
        raise
    return AdminServer(path, runner)


def check_path(path: Path) -> None:
    """ConfigError where the path is too long for a Unix socket."""
    length = len(os.fsencode(path))
    if length > _LONGEST_PATH:
        message = f"the admin socket's path has {length} bytes, Unix sockets allow {_LONGEST_PATH}"
        raise ConfigError(Finding("admin.path", str(path), "", message, "give the ledger a shorter path"))


def _bind(path: Path) -> socket.socket:
    check_path(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the file is never open to others, not even for a moment
    try:
        if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        message = f"the admin socket cannot be made ({error.strerror})"
        remedy = "remove what is in its way, or check the folder's permissions"
        raise ConfigError(Finding("admin.bind", str(path), "", message, remedy)) from None
    finally:
        os.umask(before)
    return listening


async def _apply(request: web.Request) -> web.Response:
    async def apply(wanted: ApplyRequest) -> ApplyAnswer:
        return (await request.app[_DESK].apply(wanted)).answer

    return await _carry_out(request, ApplyRequest, apply)


async def _decide(request: web.Request) -> web.Response:
    return await _carry_out(request, DecisionRequest, request.app[_DESK].decide)


async def _quarantine(request: web.Request) -> web.Response:
    return await _carry_out(request, QuarantineRequest, request.app[_DESK].quarantined)


async def _erase(request: web.Request) -> web.Response:
    return await _carry_out(request, EraseRequest, request.app[_DESK].erase)


async def _carry_out(
    request: web.Request, kind: type[R], work: Callable[[R], Awaitable[msgspec.Struct]]
) -> web.Response:
    """Read a request of this kind and do its work; what goes wrong becomes its status."""
    try:
        wanted = msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # text that is not UTF-8 is none of its
        return _answer({"error": str(error)}, web.HTTPBadRequest.status_code)
    try:
        answer = await work(wanted)
    except ConfigError as error:
        return _answer({"findings": error.findings}, web.HTTPUnprocessableEntity.status_code)
    except DatabaseError as error:
        log.warning("order_not_kept", error=str(error.orig))
        return _answer({"findings": [explain("the ledger", error.orig)]}, web.HTTPUnprocessableEntity.status_code)
    except MovedError as error:
        return _answer({"error": str(error)}, web.HTTPConflict.status_code)
    except NotTakenOverError:
        return _answer({"error": NOT_TAKEN_OVER}, web.HTTPInternalServerError.status_code)
    return _answer(answer)


async def _close(request: web.Request) -> web.Response:
    return await _carry_out(request, CloseRequest, request.app[_DESK].close_month)


async def _export(request: web.Request) -> web.Response:
    write = {"toml": to_toml, "csv": to_csv}.get(request.query.get("format", "toml"))
    if write is None:
        return _answer({"error": "format is toml or csv"}, web.HTTPBadRequest.status_code)
    registry = await request.app[_DESK].ledger.read(read_registry)
    return web.Response(text=await asyncio.to_thread(write, registry))


async def _head(request: web.Request) -> web.Response:
    head = await request.app[_DESK].ledger.read(journal.head)
    return _answer({"head": str(head)})


def _answer(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
